"""A screening as it is kept on record: what was read, what every rule found, what was said, asked and overridden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fhir_mappings.facts.treatment import Clinician


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRecord:
    """A prescriber treats in spite of a finding."""

    reason: str
    by: Clinician
    at: datetime
    assessed: bool = False  # the prescriber says that she assessed the patient for it


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """What the patient said where the record held nothing; "answer/{id}" in the evidence of a finding."""

    id: str
    question: str  # in words
    said: str  # yes, no, unknown
    by: Clinician  # who asked
    at: datetime
    until: date  # the last day on which it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningFinding:
    """One rule with its answer, in the words of the rules (`smart_app.clinical.finding`).

    `state`: met, not-met, not-enough-data, could-not-look. `kind`: indication, contraindication, hold, review,
    caution, missing, information. `effect`: the status that it gives; None: it does not change the status.
    """

    rule: str
    kind: str
    state: str
    effect: str | None
    question: str
    reason: str
    evidence: tuple[str, ...] = ()  # "Condition/1"; what is no reference of the EHR is passed over
    override: OverrideRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRecord:
    """One screening of one patient.

    `status` is one of the six answers of the rules; `after_overrides` is what the overrides leave of it, None where
    nothing was overridden.
    """

    id: str  # UUID; the identifier {base}/sid/screening
    at: datetime  # when the rules were asked
    as_of: date  # the day that they were asked about
    patient: str  # absolute URL
    fhir_base: str  # of the EHR that was read
    assessor: Clinician  # who looked
    status: str
    rules_version: str
    findings: tuple[ScreeningFinding, ...]  # in the order of the rules
    read: tuple[str, ...] = ()  # "Condition/1/_history/3"; without a version where the EHR gave none
    conditions: tuple[str, ...] = ()  # the indicating ones: "Condition/1"
    alerts: tuple[str, ...] = ()  # in words: suicidality, a hypertensive crisis
    gaps: tuple[str, ...] = ()  # in words: what could not be used, and why
    answers: tuple[AnswerRecord, ...] = ()
    after_overrides: str | None = None
    encounter: str | None = None  # absolute URL
