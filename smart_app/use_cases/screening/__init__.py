"""Screening a patient: what the chart says, what is asked, what a prescriber overrides."""
