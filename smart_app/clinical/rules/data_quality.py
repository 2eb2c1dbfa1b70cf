"""Rules about the data itself, DATA-* and MISS-*: they guard against silence that looks like "fine"."""

from __future__ import annotations

from collections.abc import Mapping

from fhir_mappings.facts.clinical import Area, Diagnosis, Verification
from smart_app.clinical.finding import Evidence, Verdict, could_not_look, met, not_met
from smart_app.clinical.question import Question, diagnosis_evidence
from smart_app.clinical.rules import conditions
from smart_app.clinical.rules import contraindications as against
from smart_app.clinical.rules import person as people

# What is recorded against treatment, by the rule that fires on it once it is confirmed.
_AGAINST: Mapping[str, tuple[str, ...]] = {
    "ABS-SCZ": against.SCHIZOPHRENIA,
    "ABS-IC": against.CYSTITIS,
    "ABS-ICH": against.BLEED,
    "ABS-ICP": against.PRESSURE,
    "ABS-CV": against.CARDIOVASCULAR + against.ARREST_HISTORY,
    "ABS-MI": against.INFARCTION,
    "ABS-ANEUR": against.ANEURYSM,
    "ABS-AVM": against.MALFORMATION,
    "HOLD-PSY": against.PSYCHOSIS,
    "REV-PSYHX": against.PSYCHOSIS_REMISSION,
    "HOLD-MANIA": against.MANIA,
    "HOLD-HTNCRISIS": against.CRISIS,
    "REV-RESHTN": conditions.RESISTANT_HYPERTENSION,
    "REV-BIPOLAR": against.BIPOLAR_REVIEW,
    "REV-CV": against.CHRONIC_HEART,
    "REV-STROKE": conditions.STROKE,
    "HOLD-PREG": people.PREGNANCY,
    "HOLD-LACT": people.LACTATION,
    "REV-SUD": conditions.SUBSTANCES,
    "HOLD-KETUSE": conditions.KETAMINE_USE,
    "REV-HEP": conditions.LIVER + conditions.LIVER_FAILURE,
    "REV-THYROID": conditions.THYROID + conditions.THYROID_STORM,
    "REV-GLAUC": conditions.GLAUCOMA,
    "REV-SEIZURE": conditions.SEIZURES,
    "REV-RESP": conditions.LUNG,
    "REV-NEUROCOG": conditions.COGNITION,
    "REV-URO": conditions.URINARY,
}
# Words that only rules of other guidance ask for. A word without a row here counts whatever a site has switched off.
_RULES_OF_TERM: Mapping[str, frozenset[str]] = {
    "aneurysm": frozenset({"ABS-ANEUR", "ABS-AVM"}),
    "chronic heart disease": frozenset({"REV-CV"}),
    "resistant hypertension": frozenset({"REV-RESHTN"}),
    "stroke": frozenset({"REV-STROKE"}),
    "breast-feeding": frozenset({"HOLD-LACT"}),
    "substance use": frozenset({"REV-SUD", "HOLD-KETUSE"}),
    "liver disease": frozenset({"REV-HEP"}),
    "hyperthyroidism": frozenset({"REV-THYROID"}),
    "angle-closure glaucoma": frozenset({"REV-GLAUC"}),
    "seizures": frozenset({"REV-SEIZURE"}),
    "respiratory risk": frozenset({"REV-RESP"}),
    "dementia or delirium": frozenset({"REV-NEUROCOG"}),
    "urinary symptoms": frozenset({"REV-URO"}),
}


def _ignored(question: Question, rule: str, none: str, some: str) -> Verdict:
    found = tuple(i for i in question.facts.ignored if i.rule == rule)
    if not found:
        return not_met(none)
    return met(some, tuple(Evidence(reference=i.reference, date="", text=f"{i.label}: {i.reason}") for i in found))


def data_eie(question: Question) -> Verdict:
    return _ignored(
        question, "DATA-EIE", "No entry was left out.", "Entries in error, cancelled or not taken were left out."
    )


def data_refuted(question: Question) -> Verdict:
    return _ignored(question, "DATA-REFUTED", "No entry is refuted.", "Refuted entries are shown and fire no rule.")


def data_unconf(question: Question) -> Verdict:
    sets = [name for rule, names in _AGAINST.items() if rule not in question.off for name in names]
    found = question.unconfirmed(*sets)
    if found:
        return met("A diagnosis against treatment is recorded but not confirmed.", diagnosis_evidence(found))
    return not_met("No unconfirmed diagnosis against treatment.")


def uncoded_diagnoses(question: Question) -> tuple[Diagnosis, ...]:
    """Diagnoses that no code settles and whose words matter."""
    return tuple(
        d
        for d in question.facts.diagnoses
        if d.verification is not Verification.REFUTED
        and (d.indication_terms or any(_counts(term, question.off) for term in d.safety_terms))
    )


def _counts(term: str, off: frozenset[str]) -> bool:
    """Whether any rule that the site still runs asks for the word."""
    rules = _RULES_OF_TERM.get(term)
    return rules is None or not rules <= off


def data_text(question: Question) -> Verdict:
    """Diagnoses that no code settles and whose words matter: never fired on, never ignored.

    Words of a medicine are resolved to its ingredients, which the rules by medicines judge.
    """
    evidence = diagnosis_evidence(uncoded_diagnoses(question))
    if evidence:
        return met("An entry that no code settles mentions something that matters: read it.", evidence)
    return not_met("No uncoded entry mentions anything that matters.")


def data_fetch(question: Question) -> Verdict:
    gaps = tuple(gap for gap in question.facts.gaps if gap.blocking)
    if not gaps:
        return not_met("Patient, conditions, blood pressure, medications and allergies were read in full.")
    evidence = tuple(Evidence(reference=g.reference or g.area.value, date="", text=g.reason) for g in gaps)
    areas = ", ".join(dict.fromkeys(gap.area.value for gap in gaps))
    return met(f"Not everything could be read: {areas}.", evidence)


def miss_dob(question: Question) -> Verdict:
    if question.unread(Area.PATIENT):
        return could_not_look(question.why_unread(Area.PATIENT))
    born = question.facts.person.birth_date if question.facts.person else None
    if born is None:
        return met("The date of birth is missing.")
    if born.last < question.years_before(question.limits.greatest_years):
        return met("The date of birth is not plausible.")
    return not_met("The date of birth is known.")


def miss_weight(question: Question) -> Verdict:
    """Weights come with the vital signs."""
    days = question.limits.weight_days
    known = [w for w in question.facts.weights if w.when is not None and w.when.surely_within(days, question.as_of)]
    if known:
        latest = max(known, key=lambda w: (w.when.sort_key if w.when else None, w.reference))
        evidence = Evidence(
            reference=latest.reference,
            date=latest.when.text[:10] if latest.when else "",
            text=f"{latest.kilograms.normalize():f} kg",
        )
        return not_met(f"A weight is from the last {days} days.", (evidence,))
    if question.unread(Area.BLOOD_PRESSURE):
        return could_not_look(question.why_unread(Area.BLOOD_PRESSURE))
    return met(f"No weight in the last {days} days: needed before dosing by weight.")
