"""The EHR as a clinician sees it: sign-in, patient list, chart; server-rendered, no JavaScript."""
