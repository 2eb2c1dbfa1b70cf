"""Rules against treatment by diagnosis and allergy: ABS-*, psychosis, mania, bipolar disorder, heart and crisis."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Allergy, ClinicalStatus, Diagnosis
from smart_app.clinical.finding import Evidence, Verdict, met, not_met, review
from smart_app.clinical.question import Question, diagnosis_evidence

SCHIZOPHRENIA = ("schizophrenia-schizoaffective",)
CYSTITIS = ("interstitial-cystitis",)
BLEED = ("intracranial-haemorrhage",)
PRESSURE = ("raised-icp",)
CARDIOVASCULAR = ("unstable-angina", "hf-decompensated", "arrhythmia-severe")
INFARCTION = ("mi-acute",)
ARREST_HISTORY = ("cardiac-arrest-history",)
PSYCHOSIS = (
    "psychosis-other",
    "psychosis-substance-induced",
    "mdd-with-psychotic-features",
    "bipolar-depressed-psychotic",
    "puerperal-psychosis",
)
PSYCHOSIS_REMISSION = ("psychosis-remission",)
MANIA = ("mania-hypomania-current", "mania-secondary")
BIPOLAR_REVIEW = ("bipolar-unspecified-polarity", "bipolar-remission", "mania-remission")
BIPOLAR_DEPRESSED = ("indication-bipolar-depression", "bipolar-depressed-psychotic")
CRISIS = ("hypertensive-crisis-uncontrolled",)
CHRONIC_HEART = (
    "hf-chronic",
    "ischaemic-heart-disease",
    "atrial-fibrillation",
    "cardiomyopathy-pulmonary-htn",
    "aortic-stenosis",
    "pulmonary-hypertension",
    "conduction-long-qt",
    "ventricular-tachycardia-brief",
)
ANEURYSM = ("aneurysmal-vascular-disease",)
MALFORMATION = ("arteriovenous-malformation",)


def abs_scz(question: Question) -> Verdict:
    return _ever(question, SCHIZOPHRENIA, "Schizophrenia or schizoaffective disorder")


def abs_ich(question: Question) -> Verdict:
    return _ever(question, BLEED, "Intracranial bleeding")


def abs_aneur(question: Question) -> Verdict:
    """A repaired aneurysm counts too, until a clinician overrides it."""
    return _ever(question, ANEURYSM, "Aneurysmal vascular disease or dissection")


def abs_avm(question: Question) -> Verdict:
    return _ever(question, MALFORMATION, "Arteriovenous malformation")


def _ever(question: Question, sets: tuple[str, ...], name: str) -> Verdict:
    found = question.confirmed(*sets)
    if found:
        return met(f"{name} is on record; it counts for life, also when resolved.", diagnosis_evidence(found))
    return not_met(f"No {name[0].lower() + name[1:]} on record.")


def abs_ic(question: Question) -> Verdict:
    """Anything but resolved with an abatement."""
    found = question.confirmed(*CYSTITIS)
    standing = tuple(d for d in found if not (d.status is ClinicalStatus.RESOLVED and d.abated))
    if standing:
        return met("Interstitial cystitis is on record.", diagnosis_evidence(standing))
    if found:
        return review("Interstitial cystitis is recorded as resolved.", diagnosis_evidence(found))
    return not_met("No interstitial cystitis on record.")


def abs_icp(question: Question) -> Verdict:
    found = question.confirmed(*PRESSURE)
    active = tuple(d for d in found if d.is_active and not question.of_long_ago(d))
    if active:
        return met("Raised intracranial pressure is on record as active.", diagnosis_evidence(active))
    if found:
        return review("Raised intracranial pressure is in the history.", diagnosis_evidence(found))
    return not_met("No raised intracranial pressure on record.")


def _split(
    question: Question, sets: tuple[str, ...], days: int
) -> tuple[tuple[Diagnosis, ...], tuple[Diagnosis, ...]]:
    """Confirmed diagnoses of the sets: those current or recent, and the older ones."""
    found = question.confirmed(*sets)
    recent = tuple(d for d in found if question.recent(d, days))
    return recent, tuple(d for d in found if d not in recent)


def abs_cv(question: Question) -> Verdict:
    days = question.limits.cardiovascular_days
    recent, older = _split(question, CARDIOVASCULAR, days)
    if recent:
        return met(
            f"A severe cardiovascular condition is active or was so within {days} days.", diagnosis_evidence(recent)
        )
    if past := older + question.confirmed(*ARREST_HISTORY):
        return review("A severe cardiovascular condition is in the history.", diagnosis_evidence(past))
    return not_met("No severe cardiovascular condition on record.")


def abs_mi(question: Question) -> Verdict:
    """By date alone: an acute infarction often stays on the list as active for years."""
    days = question.limits.infarction_days
    found = tuple(d for d in question.confirmed(*INFARCTION) if question.recent(d, days, by_date_only=True))
    if found:
        return met(f"Myocardial infarction within {days} days, or without a date.", diagnosis_evidence(found))
    return not_met(f"No myocardial infarction within {days} days.")


def rev_cv(question: Question) -> Verdict:
    old = tuple(
        d
        for d in question.confirmed(*INFARCTION)
        if not question.recent(d, question.limits.infarction_days, by_date_only=True)
    )
    found = question.confirmed(*CHRONIC_HEART) + old
    if found:
        return met("A heart condition is on record: ask cardiology.", diagnosis_evidence(dict.fromkeys(found)))
    return not_met("No chronic heart condition or old infarction on record.")


def hold_psy(question: Question) -> Verdict:
    days = question.limits.psychosis_days
    recent, _ = _split(question, PSYCHOSIS, days)
    if recent:
        return met(f"Psychosis, current or within {days} days (or without a date).", diagnosis_evidence(recent))
    return not_met(f"No psychosis, current or within {days} days.")


def rev_psyhx(question: Question) -> Verdict:
    _, older = _split(question, PSYCHOSIS, question.limits.psychosis_days)
    found = older + question.confirmed(*PSYCHOSIS_REMISSION)
    if found:
        return met("Psychosis is in the history: re-assess whether it is stable.", diagnosis_evidence(found))
    return not_met("No earlier psychosis on record.")


def hold_mania(question: Question) -> Verdict:
    days = question.limits.mania_days
    recent, _ = _split(question, MANIA, days)
    if recent:
        return met(
            f"Mania or hypomania, current or within {days} days (or without a date).", diagnosis_evidence(recent)
        )
    return not_met(f"No mania or hypomania, current or within {days} days.")


def rev_bipolar(question: Question) -> Verdict:
    """Polarity not stated or in remission, or an old manic episode where nothing else says bipolar."""
    found = question.confirmed(*BIPOLAR_REVIEW)
    if found:
        return met("Bipolar disorder with its polarity not stated, or in remission.", diagnosis_evidence(found))
    _, older = _split(question, MANIA, question.limits.mania_days)
    if older and not question.confirmed(*BIPOLAR_DEPRESSED):
        return met(
            "An earlier manic or hypomanic episode in a patient coded only unipolar.", diagnosis_evidence(older)
        )
    return not_met("No bipolar disorder that needs clearing up.")


def hold_htncrisis(question: Question) -> Verdict:
    days = question.limits.crisis_days
    recent, _ = _split(question, CRISIS, days)
    if recent:
        return met(
            f"Hypertensive crisis or malignant hypertension, active or within {days} days.",
            diagnosis_evidence(recent),
        )
    return not_met(f"No hypertensive crisis, active or within {days} days.")


def abs_allergy(question: Question) -> Verdict:
    """Ketamine or esketamine: an allergy is absolute; a plain intolerance, or words that deny it, are for review."""
    found = tuple(a for a in question.facts.allergies if a.ingredients & {"ketamine", "esketamine"})
    absolute = tuple(a for a in found if a.high_criticality or a.severe or not (a.denied or _plain_intolerance(a)))
    if absolute:
        return met("Allergy to ketamine or esketamine is on record.", _allergy_evidence(absolute))
    if not found:
        return not_met("No allergy to ketamine or esketamine on record.")
    if all(a.denied for a in found):
        words = "An entry denies an allergy to ketamine or esketamine, on the list of allergies: correct it."
        return review(words, _allergy_evidence(found))
    return review("Intolerance of ketamine or esketamine is on record.", _allergy_evidence(found))


def _plain_intolerance(allergy: Allergy) -> bool:
    """By its type, or where that is not stated by nausea of low criticality as all that ever happened."""
    return allergy.type == "intolerance" or (not allergy.type and allergy.only_nausea)


def _allergy_evidence(allergies: tuple[Allergy, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=a.reference,
            date=a.when.text[:10] if a.when else "",
            text=a.label + (", criticality high" if a.high_criticality else ""),
        )
        for a in allergies
    )
