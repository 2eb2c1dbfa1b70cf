"""ICD-10-CM codes that no rule of its own covers and that a person has to look at: they count as the words they mean.

Clinical content, 3.3: F21 is schizotypal, substance-induced psychosis stands under the substances. A manic episode
with psychotic symptoms stays psychosis when it is older than the window of mania.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhir_mappings.codes.systems import ICD10CM
from fhir_mappings.codes.value_sets import undotted
from fhir_mappings.facts.clinical import Code

_TERMS = {
    "schizophrenia": re.compile(r"F21"),
    "psychosis": re.compile(r"F1[0-9](?:15|25|95)|F302|F312|F3164"),
    "hypertensive crisis": re.compile(r"I674"),
}


def review_terms_of(codes: Iterable[Code]) -> frozenset[str]:
    """The safety terms that the codes stand for; see `text_terms` for the terms themselves."""
    icd = [undotted(code.code) for code in codes if code.system == ICD10CM]
    return frozenset(term for term, pattern in _TERMS.items() if any(map(pattern.match, icd)))
