"""The rules as a table: id, kind, question in clinical words, logic, source, what they read, function.

This version screens by every rule whose origin is the clinic's page or safety, and by REV-CV. The ids and the
precedence are those of the clinical content; TRD-MET waits for computed trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fhir_mappings.facts.clinical import Area
from smart_app.clinical import blood_pressure, contraindications, data_quality, indications
from smart_app.clinical.finding import Kind, Status, Verdict
from smart_app.clinical.question import Question

RULES_VERSION = "0.1"


class Origin(StrEnum):
    """Where a rule comes from, and so what a site may do with it."""

    CLINIC = "clinic"  # the clinic's page: can be made stricter, never switched off
    SAFETY = "safety"  # guards against missing, unclear or dangerous data: tunable within bounds, never off
    CONFIG = "config"  # other guidance: can be tuned or switched off


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One rule. `effect` is what it does to the status when it is met; None: nothing."""

    id: str
    kind: Kind
    effect: Status | None
    title: str
    logic: str
    source: str
    origin: Origin
    reads: frozenset[Area]
    decide: Callable[[Question], Verdict]


def _rule(
    id_: str,
    kind: Kind,
    effect: Status | None,
    title: str,
    logic: str,
    source: str,
    origin: Origin,
    reads: tuple[Area, ...],
    decide: Callable[[Question], Verdict],
) -> Criterion:
    return Criterion(
        id=id_,
        kind=kind,
        effect=effect,
        title=title,
        logic=logic,
        source=source,
        origin=origin,
        reads=frozenset(reads),
        decide=decide,
    )


_CLINIC, _SAFETY, _CONFIG = Origin.CLINIC, Origin.SAFETY, Origin.CONFIG
_CONDITION = (Area.CONDITION,)
_PRESSURE = (Area.BLOOD_PRESSURE,)
_ABSOLUTE, _HOLD, _REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
_PAGE = "The clinic's page"

# In the order of the clinical content.
CRITERIA: tuple[Criterion, ...] = (
    _rule(
        "IND-MDD",
        Kind.INDICATION,
        None,
        "Is a major depressive disorder on record as current?",
        "Active, confirmed diagnosis; with psychotic features it is a hold as well.",
        f"{_PAGE}: treats major depressive disorder",
        _CLINIC,
        _CONDITION,
        indications.ind_mdd,
    ),
    _rule(
        "IND-PDD",
        Kind.INDICATION,
        None,
        "Is a persistent depressive disorder on record as current?",
        "Active, confirmed diagnosis.",
        f"{_PAGE}: treats persistent depressive disorder",
        _CLINIC,
        _CONDITION,
        indications.ind_pdd,
    ),
    _rule(
        "IND-PPD",
        Kind.INDICATION,
        None,
        "Is a postpartum depression with an onset in the last 12 months on record?",
        "Active, confirmed; an older or undated onset needs review.",
        f"{_PAGE}: postpartum depression, emerging evidence",
        _CLINIC,
        _CONDITION,
        indications.ind_ppd,
    ),
    _rule(
        "IND-BPD",
        Kind.INDICATION,
        None,
        "Is a depressive episode of bipolar disorder on record as current?",
        "Active, confirmed; under supervision, never in a manic phase.",
        f"{_PAGE}: bipolar depression under supervision",
        _CLINIC,
        _CONDITION,
        indications.ind_bpd,
    ),
    _rule(
        "IND-SI",
        Kind.INDICATION,
        None,
        "Is suicidal ideation on record, or a positive item of PHQ-9 or C-SSRS?",
        "Diagnosis active or recorded within 90 days, or an item positive within 14 days. Raises an alert, also when "
        "the date is open.",
        f"{_PAGE}: suicidal ideation; the crisis pathway is added guidance",
        _CLINIC,
        (Area.CONDITION, Area.SURVEY),
        indications.ind_si,
    ),
    _rule(
        "IND-TRD",
        Kind.INDICATION,
        None,
        "Is treatment-resistant depression on record by its code?",
        "Active, confirmed diagnosis; asserted by a clinician, it proves no trials.",
        f"{_PAGE}: treatment-resistant depression",
        _CLINIC,
        _CONDITION,
        indications.ind_trd,
    ),
    _rule(
        "IND-UNSPEC",
        Kind.REVIEW,
        _REVIEW,
        "Is the only depression on record unspecified, provisional or text only?",
        "Unspecified codes, unconfirmed diagnoses or text that names depression, with no firm indication.",
        "Good practice: confirm the diagnosis (APA 2017)",
        _SAFETY,
        _CONDITION,
        indications.ind_unspec,
    ),
    _rule(
        "IND-NONE",
        Kind.INDICATION,
        Status.NO_INDICATION,
        "Was no indication of this programme found?",
        "Every condition was read and none is an indication, weak or firm.",
        f"{_PAGE}: scope of the programme",
        _CLINIC,
        _CONDITION,
        indications.ind_none,
    ),
    _rule(
        "ABS-SCZ",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is schizophrenia or schizoaffective disorder on record, ever?",
        "Any clinical status, confirmed; schizophreniform disorder counts.",
        f"{_PAGE}: contraindications",
        _CLINIC,
        _CONDITION,
        contraindications.abs_scz,
    ),
    _rule(
        "ABS-IC",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is interstitial cystitis on record?",
        "Active, inactive or in remission; resolved with an abatement needs review.",
        f"{_PAGE}: contraindications",
        _CLINIC,
        _CONDITION,
        contraindications.abs_ic,
    ),
    _rule(
        "ABS-ICH",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is intracranial bleeding on record, ever?",
        "Any clinical status, confirmed; sequelae count.",
        f"{_PAGE}: history of intracranial bleeding; esketamine label: intracerebral haemorrhage",
        _CLINIC,
        _CONDITION,
        contraindications.abs_ich,
    ),
    _rule(
        "ABS-ICP",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is raised intracranial pressure on record?",
        "Active; a resolved one needs review. Normal pressure hydrocephalus does not count.",
        f"{_PAGE}: raised intracranial pressure",
        _CLINIC,
        _CONDITION,
        contraindications.abs_icp,
    ),
    _rule(
        "ABS-CV",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is a severe cardiovascular condition current or recent?",
        "Unstable angina, decompensated heart failure, ventricular tachycardia or fibrillation, torsades, cardiac "
        "arrest: active or within 90 days; later it needs review.",
        f"{_PAGE}: certain severe cardiovascular conditions (it lists none: a site setting)",
        _CLINIC,
        _CONDITION,
        contraindications.abs_cv,
    ),
    _rule(
        "ABS-MI",
        Kind.HOLD,
        _HOLD,
        "Was there a myocardial infarction within 42 days?",
        "By date alone; an older one is REV-CV; without a date it fires.",
        f"{_PAGE}: severe cardiovascular conditions; EU esketamine label: within 6 weeks",
        _CLINIC,
        _CONDITION,
        contraindications.abs_mi,
    ),
    _rule(
        "ABS-ALLERGY",
        Kind.CONTRAINDICATION,
        _ABSOLUTE,
        "Is an allergy to ketamine or esketamine on record?",
        "By code or text, neither refuted nor in error; a plain intolerance needs review.",
        "Label: hypersensitivity",
        _SAFETY,
        (Area.ALLERGY,),
        contraindications.abs_allergy,
    ),
    _rule(
        "HOLD-PSY",
        Kind.HOLD,
        _HOLD,
        "Is psychosis current or recent?",
        "Active on the problem list, or any date within 180 days, or no date; psychotic features of a mood disorder "
        "count.",
        f"{_PAGE}: currently or recently psychotic; the window is a site setting",
        _CLINIC,
        _CONDITION,
        contraindications.hold_psy,
    ),
    _rule(
        "REV-PSYHX",
        Kind.REVIEW,
        _REVIEW,
        "Is earlier psychosis on record?",
        "Evidence older than the window, or a code of psychosis in remission.",
        f"{_PAGE}: re-assessed once stabilised and at baseline",
        _CLINIC,
        _CONDITION,
        contraindications.rev_psyhx,
    ),
    _rule(
        "HOLD-MANIA",
        Kind.HOLD,
        _HOLD,
        "Is mania or hypomania current or recent?",
        "Active on the problem list, or any date within 90 days, or no date.",
        f"{_PAGE}: not in manic phases; the window is a site setting",
        _CLINIC,
        _CONDITION,
        contraindications.hold_mania,
    ),
    _rule(
        "HOLD-BP",
        Kind.HOLD,
        _HOLD,
        "Is the latest blood pressure not below 140/100?",
        "Mean of the latest day with usable readings within 90 days; one component at or over its limit is enough.",
        f"{_PAGE}: ideally below 140/100, so 140 and 100 do not pass",
        _CLINIC,
        _PRESSURE,
        blood_pressure.hold_bp,
    ),
    _rule(
        "URG-BP",
        Kind.HOLD,
        _HOLD,
        "Is there a reading of a hypertensive crisis in the last 7 days?",
        "Systolic 180 or over, or diastolic 120 or over. Raises an alert.",
        "Definition of a hypertensive crisis",
        _SAFETY,
        _PRESSURE,
        blood_pressure.urg_bp,
    ),
    _rule(
        "HOLD-HTNCRISIS",
        Kind.HOLD,
        _HOLD,
        "Is a hypertensive crisis or malignant hypertension current or recent?",
        "Active on the problem list, or any date within 90 days, or no date.",
        f"{_PAGE}: uncontrolled hypertension",
        _CLINIC,
        _CONDITION,
        contraindications.hold_htncrisis,
    ),
    _rule(
        "REV-HTN",
        Kind.CAUTION,
        None,
        "Is hypertension on record with a passing blood pressure?",
        "Allowed: keep the usual medicines, monitor closely.",
        f"{_PAGE}: history of hypertension is screened and closely monitored",
        _CLINIC,
        (Area.CONDITION, Area.BLOOD_PRESSURE),
        blood_pressure.rev_htn,
    ),
    _rule(
        "MISS-BP",
        Kind.MISSING,
        Status.INSUFFICIENT_DATA,
        "Is a current, usable blood pressure missing?",
        "No usable reading in 90 days, a passing one older than 30 days, or a newer one that cannot be used.",
        f"{_PAGE}: requires controlled blood pressure",
        _CLINIC,
        _PRESSURE,
        blood_pressure.miss_bp,
    ),
    _rule(
        "REV-BIPOLAR",
        Kind.REVIEW,
        _REVIEW,
        "Is bipolar disorder on record with its polarity unclear?",
        "Polarity not stated, in remission, or an old manic episode in a patient coded only unipolar.",
        f"{_PAGE}: not in manic phases",
        _CLINIC,
        _CONDITION,
        contraindications.rev_bipolar,
    ),
    _rule(
        "REV-CV",
        Kind.REVIEW,
        _REVIEW,
        "Is a chronic heart condition or an old infarction on record?",
        "Chronic heart failure, coronary disease, old infarction, atrial fibrillation, cardiomyopathy, aortic "
        "stenosis, pulmonary hypertension, complete heart block, long QT.",
        "Esketamine label; APA consensus 2017",
        _CONFIG,
        _CONDITION,
        contraindications.rev_cv,
    ),
    _rule(
        "HOLD-PREG",
        Kind.HOLD,
        _HOLD,
        "Is the patient pregnant, as far as recorded?",
        "Pregnancy status or hCG positive within 42 weeks, or an active pregnancy on the list within 42 weeks. A "
        "positive result followed by a negative one needs review.",
        "Label: not recommended in pregnancy",
        _SAFETY,
        (Area.CONDITION, Area.LABORATORY, Area.SOCIAL_HISTORY),
        contraindications.hold_preg,
    ),
    _rule(
        "AGE-CHILD",
        Kind.REVIEW,
        _REVIEW,
        "Is the patient younger than 18?",
        "Below 13 contraindicated; 13 to 17 needs a specialist and the guardian.",
        f"{_PAGE} says that healthy teens tolerate it; the label is not approved below 18",
        _SAFETY,
        (Area.PATIENT,),
        contraindications.age_child,
    ),
    _rule(
        "DATA-EIE",
        Kind.INFORMATION,
        None,
        "Were entries in error, cancelled or not taken left out?",
        "They are listed and fire no rule.",
        "FHIR R4 status semantics",
        _SAFETY,
        (),
        data_quality.data_eie,
    ),
    _rule(
        "DATA-REFUTED",
        Kind.INFORMATION,
        None,
        "Are entries on record refuted?",
        "They are shown as refuted and fire no rule.",
        "FHIR R4 status semantics",
        _SAFETY,
        (),
        data_quality.data_refuted,
    ),
    _rule(
        "DATA-UNCONF",
        Kind.REVIEW,
        _REVIEW,
        "Is a diagnosis against treatment recorded but not confirmed?",
        "Unconfirmed, provisional or differential: review instead of its own effect.",
        "FHIR R4 status semantics",
        _SAFETY,
        _CONDITION,
        data_quality.data_unconf,
    ),
    _rule(
        "DATA-TEXT",
        Kind.REVIEW,
        _REVIEW,
        "Does an entry that no code settles mention something that matters?",
        "Whole words, guarded against negation and family history; it never clears and never convicts.",
        "Safety: uncoded is not absent",
        _SAFETY,
        (Area.CONDITION, Area.MEDICATION),
        data_quality.data_text,
    ),
    _rule(
        "DATA-FETCH",
        Kind.MISSING,
        Status.INSUFFICIENT_DATA,
        "Could patient, conditions, blood pressure, medications and allergies be read in full?",
        "A refused or failed search or page, or an unreadable entry, keeps the patient from being cleared.",
        "Safety: absence of evidence is not evidence of absence",
        _SAFETY,
        (),
        data_quality.data_fetch,
    ),
    _rule(
        "MISS-DOB",
        Kind.MISSING,
        Status.INSUFFICIENT_DATA,
        "Is the date of birth missing or implausible?",
        "Absent, in the future or more than 120 years ago.",
        "Safety: dose and age rules need it",
        _SAFETY,
        (),
        data_quality.miss_dob,
    ),
)
