"""IND-*, SEV-PHQ9 and TRD-*: what the programme treats, how severe it is, and what was tried before."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import APA, CODED, PAGE, VA
from smart_app.clinical.rules import indications, severity
from smart_app.clinical.trials import treatment_resistance

_CONDITION = frozenset({Area.CONDITION})
_TRIALS = frozenset({Area.MEDICATION, Area.CONDITION, Area.SURVEY})
_INSTRUMENTS = "trials counted as the instruments ATHF and MGH-ATRQ do"
_TRIAL_LIMITS = (
    "The adequate doses are working values, not those of a published instrument; doses written only in free text, "
    "and medicines that only the patient remembers, are not seen."
)

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="IND-MDD",
        kind=Kind.INDICATION,
        effect=None,
        title="Is a major depressive disorder on record as current?",
        logic="Active, confirmed diagnosis (active, recurrence or relapse; or no status) without an abatement; one "
        "of a visit alone needs a date in the last 365 days. Where that is in doubt it needs review: see IND-UNSPEC. "
        "With psychotic features it is a hold as well.",
        source=f"{PAGE}: treats major depressive disorder",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_mdd,
        known_limits=f"Nobody tells the record that an episode is over: old entries stay active. {CODED}",
    ),
    Criterion(
        id="IND-PDD",
        kind=Kind.INDICATION,
        effect=None,
        title="Is a persistent depressive disorder on record as current?",
        logic="Active, confirmed diagnosis of dysthymia or persistent depressive disorder.",
        source=f"{PAGE}: also treats persistent depressive disorder",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_pdd,
        known_limits=CODED,
    ),
    Criterion(
        id="IND-PPD",
        kind=Kind.INDICATION,
        effect=None,
        title="Is a postpartum depression with an onset in the last {limits.postpartum_months} months on record?",
        logic="Active, confirmed, onset recorded within 12 months; an older or undated onset needs review.",
        source=f"{PAGE}: postpartum depression, emerging evidence",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_ppd,
        known_limits="The window runs from the onset of the depression: the date of the birth is not read.",
    ),
    Criterion(
        id="IND-BPD",
        kind=Kind.INDICATION,
        effect=None,
        title="Is a depressive episode of bipolar disorder on record as current?",
        logic="Active, confirmed, current or latest episode depressed; under supervision, never in a manic phase. A "
        "site that does not treat it gets it for review.",
        source=f"{PAGE}: bipolar depression under clinical supervision. Other guidance differs: {VA}, excludes "
        "bipolar disorder",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_bpd,
        known_limits="The code names the latest episode when it was written: a switch since then is not seen.",
    ),
    Criterion(
        id="IND-SI",
        kind=Kind.INDICATION,
        effect=None,
        title="Is suicidal ideation on record, or a positive item of PHQ-9, EPDS or C-SSRS?",
        logic="Diagnosis active on the problem list or recorded within 90 days, or an item positive within 14 days. "
        "Raises an alert above all others, also when the date or the standing is open.",
        source=f"{PAGE}: suicidal ideation. The crisis pathway is added guidance",
        origin=Origin.CLINIC,
        reads=frozenset({Area.CONDITION, Area.SURVEY}),
        decide=indications.ind_si,
        known_limits="A negative answer is no proof: it says what was ticked on that day. Item 10 of EPDS is known "
        "by its words, since no code of it was verified; forms asked since the last visit are not read.",
    ),
    Criterion(
        id="IND-TRD",
        kind=Kind.INDICATION,
        effect=None,
        title="Is treatment-resistant depression on record by its code?",
        logic="Active, confirmed diagnosis; asserted by a clinician, it proves no trials.",
        source=f"{PAGE}: treatment-resistant depression",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_trd,
        known_limits="Only SNOMED CT has a code for it. The trials themselves are judged by TRD-MET.",
    ),
    Criterion(
        id="IND-UNSPEC",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is the only depression on record unspecified, provisional or text only?",
        logic="Unspecified codes, unconfirmed diagnoses, a diagnosis that may be over, or text that names "
        "depression, with no firm indication.",
        source=f"Good practice, confirm the diagnosis: {APA}",
        origin=Origin.SAFETY,
        reads=_CONDITION,
        decide=indications.ind_unspec,
        known_limits="Words are matched whole, in English, with simple guards against negation.",
    ),
    Criterion(
        id="IND-REMISSION",
        kind=Kind.INDICATION,
        effect=Status.NO_INDICATION,
        title="Is the only depression on record in full remission?",
        logic="A code of full remission, and nothing that is or may be an indication: no course to begin with, "
        "review for maintenance.",
        source="Meaning of the codes (ICD-10-CM F32.5, F33.42; SNOMED CT)",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=indications.ind_remission,
        known_limits="It does not know of earlier courses given elsewhere. Switched off, IND-NONE still finds no "
        "indication.",
    ),
    Criterion(
        id="IND-NONE",
        kind=Kind.INDICATION,
        effect=Status.NO_INDICATION,
        title="Was no indication of this programme found?",
        logic="Every condition was read, and none is an indication, weak or firm.",
        source=f"{PAGE}: scope of the programme",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=indications.ind_none,
        known_limits=CODED,
    ),
    Criterion(
        id="SEV-PHQ9",
        kind=Kind.INFORMATION,
        effect=None,
        title="What does the latest PHQ-9 say of the severity?",
        logic="Latest total within 30 days: 10 or more supports treatment, less asks to weigh the need. It never "
        "changes the status.",
        source=f"PHQ-9 cut-offs: 10 is moderate. {VA}: 15 or more",
        origin=Origin.CONFIG,
        reads=frozenset({Area.SURVEY}),
        decide=severity.sev_phq9,
        known_limits="A total is taken as it is sent: it is not added up from the items. The adolescent form counts "
        "as PHQ-9.",
    ),
    Criterion(
        id="TRD-MET",
        kind=Kind.INFORMATION,
        effect=None,
        title="Did at least two adequate trials of antidepressants fail in this episode?",
        logic="Two or more different ingredients, each at its least adequate dose for 42 days without a break of "
        "more than 14, inside the current episode (else the last 24 months), ended without remission.",
        source=f"{PAGE}: two trials as first line; {_INSTRUMENTS}",
        origin=Origin.CLINIC,
        reads=_TRIALS,
        decide=treatment_resistance.trd_met,
        known_limits=_TRIAL_LIMITS,
    ),
    Criterion(
        id="TRD-NOT-MET",
        kind=Kind.INFORMATION,
        effect=None,
        title="Did fewer than two adequate trials fail, as the complete record shows?",
        logic="The data is complete and shows fewer failed adequate trials. A site may ask for review then.",
        source="Definition of treatment resistance: APA, CANMAT 2021 and the esketamine label",
        origin=Origin.CONFIG,
        reads=_TRIALS,
        decide=treatment_resistance.trd_not_met,
        known_limits=_TRIAL_LIMITS,
    ),
    Criterion(
        id="TRD-UNKNOWN",
        kind=Kind.INFORMATION,
        effect=None,
        title="Is it open how many adequate trials failed?",
        logic="Doses, dates, outcomes or the list itself are missing where they could make the difference.",
        source="Safety: what is not known is not guessed",
        origin=Origin.CONFIG,
        reads=_TRIALS,
        decide=treatment_resistance.trd_unknown,
        known_limits=_TRIAL_LIMITS,
    ),
)
