"""Words that matter in entries without a usable code: whole words, guarded against negation and family history.

A match never clears or convicts a patient: it asks for review (DATA-TEXT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BLEED = r"(?:ha?emorrhages?|ha?emorrhagic|bleed(?:s|ing)?|ha?ematomas?)"
SAFETY_TERMS = {
    "schizophrenia": r"schizo(?:phreni(?:a|c|form)|affective|typal)",
    "psychosis": r"psychos[ie]s|psychotic|delusional",
    "mania": r"mani(?:a|c)|hypomani(?:a|c)|bipolar",
    "interstitial cystitis": r"interstitial cystitis|bladder pain syndrome|ulcerating cystitis",
    "intracranial bleeding": rf"(?:intracranial|intracerebral|cerebral|brain|subarachnoid|subdural|epidural) {_BLEED}"
    r"|ha?emorrhagic stroke",
    "raised intracranial pressure": r"(?:raised|increased|elevated|high) (?:icp|intracranial pressure)"
    r"|intracranial hypertension|pseudotumou?r cerebri|hydrocephalus",
    "aneurysm": r"aneurysms?|aortic dissection|arteriovenous malformations?|avm",
    "severe heart disease": r"unstable angina|heart failure|cardiac arrest|ventricular (?:tachycardia|fibrillation)"
    r"|torsades?(?: de pointes)?|myocardial infarctions?|heart attacks?|n?stemi",
    "hypertensive crisis": r"hypertensive (?:crisis|emergency|urgency)|(?:malignant|uncontrolled) hypertension",
    "pregnancy": r"(?<!past )(?<!previous )pregnan(?:t|cy)",
    "ketamine": r"(?:es)?ketamine|ketalar|spravato",
}
INDICATION_TERMS = {
    "depression": r"depress(?:ion|ive|ed)|mdd|dysthymi(?:a|c)",
    "suicidality": r"suicid(?:e|al|ality)",
}

_SAFETY = {term: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for term, pattern in SAFETY_TERMS.items()}
_INDICATION = {term: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for term, pattern in INDICATION_TERMS.items()}

# A guard speaks for the words behind it up to the end of its clause.
_GUARD = re.compile(
    r"\b(?:no|not|non|denies|denied|without|negative for|never|free of|absence of|ruled out|rule out|r/o"
    r"|family history of|family hx of|fhx?(?: of)?|mother|father|brother|sister|parent|maternal|paternal|sibling"
    r"|screening for|screen for|risk of)\b",
    re.IGNORECASE,
)
_TRAILING_GUARD = re.compile(
    r"^[\s:,(-]*(?:ruled out|excluded|negative|absent|in (?:mother|father|family))\b", re.IGNORECASE
)
# A comma ends a clause too: "no mania, schizophrenia since 2010" must not hide the schizophrenia.
_CLAUSE = re.compile(r"[.;,]|\bbut\b|\bhowever\b", re.IGNORECASE)


def safety_terms_in(texts: Iterable[str]) -> frozenset[str]:
    """The safety terms that stand unguarded in any of the texts."""
    return _matches(_SAFETY, texts)


def indication_terms_in(texts: Iterable[str]) -> frozenset[str]:
    """The indication terms that stand unguarded in any of the texts."""
    return _matches(_INDICATION, texts)


def _matches(patterns: dict[str, re.Pattern[str]], texts: Iterable[str]) -> frozenset[str]:
    clauses = [clause for text in texts for clause in _CLAUSE.split(text)]
    return frozenset(
        term for term, pattern in patterns.items() if any(_unguarded(pattern, clause) for clause in clauses)
    )


def _unguarded(pattern: re.Pattern[str], clause: str) -> bool:
    return any(
        not _GUARD.search(clause[: match.start()]) and not _TRAILING_GUARD.search(clause[match.end() :])
        for match in pattern.finditer(clause)
    )
