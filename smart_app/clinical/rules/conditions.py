"""Rules by diagnoses of other guidance: stroke, substances, liver, thyroid, eye, seizures, lung, mind, bladder."""

from __future__ import annotations

from decimal import Decimal

from fhir_mappings.facts.clinical import Diagnosis, LabValue
from smart_app.clinical.finding import Evidence, Verdict, caution, hold, met, not_met, review
from smart_app.clinical.question import Question, diagnosis_evidence

RESISTANT_HYPERTENSION = ("resistant-hypertension",)
STROKE = ("stroke-ischaemic-tia",)
STROKE_HISTORY = ("stroke-history",)  # all of them are in STROKE as well
SUBSTANCES = ("substance-use-disorder",)
SUBSTANCES_PAST = ("substance-use-remission",)
KETAMINE_USE = ("ketamine-pcp-use-disorder",)
LIVER = ("hepatic-impairment",)
LIVER_FAILURE = ("hepatic-failure",)
THYROID = ("hyperthyroidism",)
THYROID_STORM = ("thyroid-storm",)
GLAUCOMA = ("angle-closure-glaucoma",)
SEIZURES = ("epilepsy",)
LUNG = ("respiratory-risk",)
COGNITION = ("dementia-delirium", "normal-pressure-hydrocephalus")
URINARY = ("urinary-symptoms",)
PASSING = ("passing-state",)

# U/L, taken where a laboratory gives no upper limit of its own: a working value, and said so in the evidence.
ASSUMED_UPPER = Decimal(40)
_LIVER_VALUES = {"alt": "ALT", "ast": "AST"}


def rev_reshtn(question: Question) -> Verdict:
    found = question.not_over(*RESISTANT_HYPERTENSION)
    if found:
        return met("Resistant hypertension is on record, whatever today's reading.", diagnosis_evidence(found))
    return not_met("No resistant hypertension on record.")


def rev_stroke(question: Question) -> Verdict:
    """By date alone, as an infarction of the heart: a stroke stays on the list as active for years.

    The date of a late effect or of a history is not that of the stroke, so it holds nothing.
    """
    days, found = question.limits.stroke_days, question.confirmed(*STROKE)
    acute = (d for d in found if not d.in_any(*STROKE_HISTORY))
    recent = tuple(d for d in acute if question.recent(d, days, by_date_only=True))
    if recent:
        return hold(f"Ischaemic stroke or TIA within {days} days, or without a date.", diagnosis_evidence(recent))
    if found:
        return met("A stroke, TIA or other cerebrovascular disease is in the history.", diagnosis_evidence(found))
    return not_met("No ischaemic stroke or TIA on record.")


def rev_sud(question: Question) -> Verdict:
    """Active asks for review; in remission or in the history it is a caution."""
    found = question.confirmed(*SUBSTANCES, *SUBSTANCES_PAST, *KETAMINE_USE)
    active = _still_active(question, found)
    if active:
        return met("A substance use disorder is on record as active.", diagnosis_evidence(active))
    if found:
        return caution("A substance use disorder is in remission or in the history.", diagnosis_evidence(found))
    return not_met("No substance use disorder on record (nicotine does not count).")


def hold_ketuse(question: Question) -> Verdict:
    """Active holds; in remission or in the history it is a matter for review."""
    found = question.confirmed(*KETAMINE_USE)
    active = _still_active(question, found)
    if active:
        return met("Ketamine or phencyclidine use disorder is on record as active.", diagnosis_evidence(active))
    if found:
        return review("Ketamine or phencyclidine use disorder is in the history.", diagnosis_evidence(found))
    return not_met("No ketamine or phencyclidine use disorder on record.")


def _still_active(question: Question, found: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
    """Those that are active by their code and their status, and not only by a visit of long ago."""
    return tuple(d for d in found if d.is_active and not d.in_any(*SUBSTANCES_PAST) and not question.of_long_ago(d))


def rev_hep(question: Question) -> Verdict:
    """Active hepatic failure, or a liver value far over its limit, holds; other liver disease is for review."""
    times, days = question.limits.liver_times_upper, question.limits.liver_days
    failure = tuple(d for d in question.active(*LIVER_FAILURE) if not question.of_long_ago(d))
    values = _standing_values(question)
    over = tuple(lab for lab in values if far_over(lab, times) is True)
    if failure or over:
        return hold(
            f"Hepatic failure is active, or ALT or AST is over {times} times its upper limit.",
            diagnosis_evidence(failure) + _lab_evidence(over),
        )
    found = question.not_over(*LIVER) + question.confirmed(*LIVER_FAILURE)
    if found:
        return met("Liver disease is on record.", diagnosis_evidence(dict.fromkeys(found)))
    unsure = tuple(lab for lab in values if far_over(lab, times) is None)
    if unsure:
        return review("A liver value is given only as a bound and may be far over its limit.", _lab_evidence(unsure))
    if not values:
        return not_met(f"No liver disease on record, and no ALT or AST in the last {days} days.")
    return not_met(f"No liver disease on record; ALT and AST not over {times} times.", _lab_evidence(values))


def _standing_values(question: Question) -> tuple[LabValue, ...]:
    """ALT and AST of the window, but for those that a surely later value of the same kind has replaced.

    An undated value counts and replaces nothing.
    """
    days, as_of = question.limits.liver_days, question.as_of
    found = [
        lab
        for lab in question.facts.labs
        if lab.name in _LIVER_VALUES and (lab.when is None or lab.when.may_be_within(days, as_of))
    ]
    newest = {
        name: max((lab.when.first for lab in found if lab.name == name and lab.when is not None), default=None)
        for name in _LIVER_VALUES
    }
    standing = [
        lab for lab in found if lab.when is None or (first := newest[lab.name]) is None or lab.when.last >= first
    ]
    return tuple(sorted(standing, key=lambda lab: (lab.name, lab.when.text if lab.when else "", lab.reference)))


def far_over(lab: LabValue, times: Decimal) -> bool | None:
    """Whether the value is over so many times its upper limit; None where a bound leaves it open.

    "Over 300" counts as at least 300.
    """
    limit = times * (lab.upper if lab.upper is not None else ASSUMED_UPPER)
    if lab.comparator in (">", ">="):
        return True if lab.value >= limit else None
    if lab.comparator in ("<", "<="):
        return False if lab.value <= limit else None
    return lab.value > limit


def _lab_evidence(labs: tuple[LabValue, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=lab.reference,
            date=lab.when.text[:10] if lab.when else "",
            text=f"{_LIVER_VALUES[lab.name]} {lab.comparator}{lab.value} {lab.unit}, "
            + (
                f"upper limit {lab.upper}"
                if lab.upper is not None
                else f"no upper limit given, {ASSUMED_UPPER} assumed"
            ),
        )
        for lab in labs
    )


def rev_thyroid(question: Question) -> Verdict:
    storms = question.active(*THYROID_STORM)
    storm = tuple(d for d in storms if not question.of_long_ago(d))
    if storm:
        return hold("A thyrotoxic crisis is on record as active.", diagnosis_evidence(storm))
    if storms:
        return met("A thyrotoxic crisis is in the history.", diagnosis_evidence(storms))
    return _active(question, THYROID, "Hyperthyroidism")


def rev_glauc(question: Question) -> Verdict:
    found = question.confirmed(*GLAUCOMA)
    if found:
        return met("Angle closure is on record: ask ophthalmology.", diagnosis_evidence(found))
    return not_met("No angle closure on record.")


def rev_seizure(question: Question) -> Verdict:
    return _standing(question, SEIZURES, "Epilepsy or seizures")


def rev_resp(question: Question) -> Verdict:
    return _standing(question, LUNG, "COPD, sleep apnoea, hypoxaemia or respiratory failure")


def rev_neurocog(question: Question) -> Verdict:
    return _standing(question, COGNITION, "Dementia, delirium or normal pressure hydrocephalus")


def rev_uro(question: Question) -> Verdict:
    return _active(question, URINARY, "Urinary symptoms")


def _active(question: Question, sets: tuple[str, ...], name: str) -> Verdict:
    """An active one of a visit of long ago is a caution: what was treated then may well be over."""
    found = question.active(*sets)
    past = tuple(d for d in found if question.of_long_ago(d))
    return _said(question, found, past, f"{name}: on record as active.", f"{name}: not on record as active.")


def _standing(question: Question, sets: tuple[str, ...], name: str) -> Verdict:
    """These are for long, whenever they were last seen; but for a state that passes, such as delirium."""
    found = question.not_over(*sets)
    past = tuple(d for d in found if d.in_any(*PASSING) and question.of_long_ago(d))
    return _said(question, found, past, f"{name}: on record.", f"{name}: not on record, or resolved.")


def _said(
    question: Question, found: tuple[Diagnosis, ...], past: tuple[Diagnosis, ...], yes: str, no: str
) -> Verdict:
    standing = tuple(d for d in found if d not in past)
    if standing:
        return met(yes, diagnosis_evidence(standing))
    if past:
        reason = f"{yes[:-1]}, but only by a visit more than {question.limits.encounter_days} days ago."
        return caution(reason, diagnosis_evidence(past))
    return not_met(no)
