"""Code systems by the names they travel under: URLs and OIDs."""

from functools import lru_cache

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

_BY_OID = {
    "2.16.840.1.113883.6.90": ICD10CM,
    "2.16.840.1.113883.6.96": SNOMED,
    "2.16.840.1.113883.6.88": RXNORM,
    "2.16.840.1.113883.6.1": LOINC,
}


LONGEST = 200  # of a system's name; a longer one is no system we know, and no text to keep


def canonical_system(system: str) -> str:
    """The URL of a code system given by URL or OID, without a trailing slash or version; else as given."""
    return _canonical(system) if len(system) <= LONGEST else system


@lru_cache(maxsize=256)  # a chart names the same few systems thousands of times
def _canonical(system: str) -> str:
    name = system.strip()
    if name.lower().startswith("urn:oid:"):
        name = name[8:]
    if name in _BY_OID:
        return _BY_OID[name]
    url = name.partition("|")[0].rstrip("/").lower()
    for known in (ICD10CM, SNOMED, RXNORM, LOINC, UCUM):
        if url in (known, known.replace("http://", "https://")):
            return known
    # SNOMED CT editions are named below the base: http://snomed.info/sct/731000124108
    return SNOMED if url.startswith(SNOMED + "/") else name
