"""A stranger's EHR to try the product against: its own FHIR store, SMART authorization server and pages."""
