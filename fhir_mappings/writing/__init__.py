"""Facts to FHIR R4 JSON, strict: checked through fhir.resources before it leaves."""
