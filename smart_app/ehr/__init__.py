"""Somebody else's FHIR: a server reached over HTTP, or files."""
