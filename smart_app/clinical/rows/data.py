"""DATA-* and MISS-*: what the data is worth, and what is missing."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import FHIR, STATE_DAYS
from smart_app.clinical.rules import data_quality, medicines, severity

_NOTHING: frozenset[Area] = frozenset()

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="DATA-EIE",
        kind=Kind.INFORMATION,
        effect=None,
        title="Were entries in error, cancelled or not taken left out?",
        logic="They are listed and fire no rule.",
        source=f"{FHIR}: meaning of the statuses",
        origin=Origin.SAFETY,
        reads=_NOTHING,
        decide=data_quality.data_eie,
        known_limits="It believes the status: an entry struck out by mistake is left out too.",
    ),
    Criterion(
        id="DATA-REFUTED",
        kind=Kind.INFORMATION,
        effect=None,
        title="Are entries on record refuted?",
        logic="They are shown as refuted and fire no rule.",
        source=f"{FHIR}: verificationStatus",
        origin=Origin.SAFETY,
        reads=_NOTHING,
        decide=data_quality.data_refuted,
        known_limits="It does not know who refuted the entry, or why.",
    ),
    Criterion(
        id="DATA-UNCONF",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is a diagnosis against treatment recorded but not confirmed?",
        logic="Unconfirmed, provisional or differential: review instead of its own effect.",
        source=f"{FHIR}: verificationStatus",
        origin=Origin.SAFETY,
        reads=frozenset({Area.CONDITION}),
        decide=data_quality.data_unconf,
        known_limits="Many EHRs never change a provisional diagnosis to a confirmed one.",
    ),
    Criterion(
        id="DATA-TEXT",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Does an entry that no code settles mention something that matters?",
        logic="Whole words, guarded against negation and family history; it never clears and never convicts.",
        source="Safety: uncoded is not absent",
        origin=Origin.SAFETY,
        reads=frozenset({Area.CONDITION}),
        decide=data_quality.data_text,
        known_limits="English words only; abbreviations and misspellings are missed.",
    ),
    Criterion(
        id="DATA-FETCH",
        kind=Kind.MISSING,
        effect=Status.INSUFFICIENT_DATA,
        title="Could patient, conditions, blood pressure, medications or allergies not be read in full?",
        logic="A refused or failed search or page, a missing scope or an unreadable entry keeps the patient from "
        "being cleared.",
        source="Safety: absence of evidence is not evidence of absence",
        origin=Origin.SAFETY,
        reads=_NOTHING,
        decide=data_quality.data_fetch,
        known_limits="What the EHR leaves out without saying so cannot be noticed.",
    ),
    Criterion(
        id="MISS-DOB",
        kind=Kind.MISSING,
        effect=Status.INSUFFICIENT_DATA,
        title="Is the date of birth missing or implausible?",
        logic="Absent, in the future or more than 120 years ago.",
        source="Safety: dose and age rules need it",
        origin=Origin.SAFETY,
        reads=_NOTHING,
        decide=data_quality.miss_dob,
        known_limits="A wrong but plausible date is not noticed.",
        uses=frozenset({"date of birth"}),
    ),
    Criterion(
        id="MISS-PHQ",
        kind=Kind.MISSING,
        effect=None,
        title="Is a current depression scale missing?",
        logic="No total of PHQ-9 or EPDS within 30 days (the window of SEV-PHQ9). It is information now, and "
        "needed before the first session.",
        source="Outcome is measured against a baseline",
        origin=Origin.CONFIG,
        reads=frozenset({Area.SURVEY}),
        decide=severity.miss_phq,
        known_limits="PHQ-2 is a screen and does not count. MADRS, HAM-D and QIDS have no code that could be "
        "verified: they are not seen.",
    ),
    Criterion(
        id="MISS-WEIGHT",
        kind=Kind.MISSING,
        effect=None,
        title="Is a current body weight missing?",
        logic="No weight within 90 days. It is information now, and needed before a dose in mg/kg.",
        source="Dosing by weight: 0.5 mg/kg in the published studies",
        origin=Origin.CONFIG,
        reads=frozenset({Area.BLOOD_PRESSURE}),
        decide=data_quality.miss_weight,
        known_limits="It does not know whether the weight was measured or told.",
    ),
    Criterion(
        id="MISS-MEDLIST",
        kind=Kind.MISSING,
        effect=None,
        title="Is the list of medicines empty?",
        logic="Read in full and without an entry. Empty is not the same as none: the patient's answer settles it.",
        source="Safety: an empty list is often an unkept one",
        origin=Origin.CONFIG,
        reads=frozenset({Area.MEDICATION}),
        decide=medicines.miss_medlist,
        known_limits="It cannot tell a list that nobody keeps from a patient who takes nothing.",
        ask=Ask(
            words="Do you take any medicines at all, also from other doctors or without a prescription?",
            days=STATE_DAYS,
            settles=True,
        ),
    ),
)
