"""The gate before the FHIR store: token, scope, patient compartment, on requests and on what comes back."""
