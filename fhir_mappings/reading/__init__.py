"""FHIR JSON to facts, tolerant: what cannot be read becomes a Gap. `patient_facts` is the one door in."""
