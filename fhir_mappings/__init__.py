"""FHIR R4 on one side, the clinic's facts on the other: reading is tolerant, writing is strict."""
