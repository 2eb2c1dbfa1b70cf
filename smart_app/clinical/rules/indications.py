"""Indications: IND-MDD, IND-PDD, IND-PPD, IND-BPD, IND-SI, IND-TRD, IND-UNSPEC, IND-REMISSION and IND-NONE."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area, Diagnosis, Score
from smart_app.clinical.finding import (
    Evidence,
    State,
    Verdict,
    could_not_look,
    met,
    not_enough_data,
    not_met,
    review,
)
from smart_app.clinical.question import Question, diagnosis_evidence
from smart_app.clinical.rules.contraindications import rev_bipolar
from smart_app.clinical.rules.data_quality import uncoded_diagnoses
from smart_app.clinical.trials.treatment_resistance import strengthened

# A mood disorder with psychotic features is an indication and a hold at once.
MDD = ("indication-mdd-current", "mdd-with-psychotic-features")
PDD = ("indication-persistent-depressive-disorder",)
PPD = ("indication-postpartum-depression",)
BIPOLAR_DEPRESSION = ("indication-bipolar-depression", "bipolar-depressed-psychotic")
TRD = ("treatment-resistant-depression",)
SUICIDALITY = ("suicidal-ideation",)
SUICIDAL_HISTORY = ("suicidal-behaviour-history",)
REMISSION = ("mdd-remission",)
UNSPECIFIED = ("indication-depression-unspecified",)
FIRM = MDD + PDD + BIPOLAR_DEPRESSION + TRD


def _by_diagnosis(question: Question, sets: tuple[str, ...], name: str) -> Verdict:
    found = tuple(d for d in question.active(*sets) if _surely_active(d, question))
    if found:
        return met(f"{name} is on record as active.", diagnosis_evidence(found))
    return not_met(f"No active {name[0].lower() + name[1:]} on record.")


def _surely_active(diagnosis: Diagnosis, question: Question) -> bool:
    """Whether an indication may rest on it: active, not abated, and not only from an old visit.

    An abatement that may lie ahead ("2026") does not end a diagnosis, but no indication rests on it either. The
    status of an encounter diagnosis is not reliable (clinical content, 2.1): one of its dates must surely be recent.
    """
    if not diagnosis.is_active or diagnosis.abated or diagnosis.abatement is not None:
        return False
    days = question.limits.encounter_days
    return diagnosis.problem_list or any(when.surely_within(days, question.as_of) for when in diagnosis.dates)


def ind_mdd(question: Question) -> Verdict:
    return _by_diagnosis(question, MDD, "Major depressive disorder")


def ind_pdd(question: Question) -> Verdict:
    return _by_diagnosis(question, PDD, "Persistent depressive disorder")


def ind_bpd(question: Question) -> Verdict:
    """A site that does not treat bipolar depression gets it for review, and never as an indication."""
    found = _by_diagnosis(question, BIPOLAR_DEPRESSION, "Bipolar depression")
    if found.state is State.MET and not question.limits.bipolar_allowed:
        return review("Bipolar depression is on record, which this site does not treat.", found.evidence)
    return found


def ind_trd(question: Question) -> Verdict:
    """By diagnosis code only; the trials on record strengthen it and never replace it."""
    return strengthened(_by_diagnosis(question, TRD, "Treatment-resistant depression"), question)


def ind_ppd(question: Question) -> Verdict:
    """Firm within twelve months of a recorded onset; an older or undated one is a matter for review."""
    found = question.active(*PPD)
    recent = tuple(d for d in found if _surely_active(d, question) and _within_postpartum(d, question))
    window = f"in the last {question.limits.postpartum_months} months"
    if recent:
        return met(f"Postpartum depression with an onset {window}.", diagnosis_evidence(recent))
    if found:
        return review(f"Postpartum depression, but no onset {window} is recorded.", diagnosis_evidence(found))
    return not_met("No active postpartum depression on record.")


def _within_postpartum(diagnosis: Diagnosis, question: Question) -> bool:
    earliest = question.months_before(question.limits.postpartum_months)
    return (
        diagnosis.onset is not None and diagnosis.onset.first >= earliest and diagnosis.onset.last <= question.as_of
    )


def ind_si(question: Question) -> Verdict:
    """Suicidality: an indication while it is surely current; an alert above everything else as soon as it may be."""
    limits = question.limits
    diagnoses = question.confirmed(*SUICIDALITY)
    items = tuple(s for s in question.facts.scores if s.positive and s.name in _ITEM)
    firm = tuple(d for d in diagnoses if _current(d, question))
    positive = tuple(s for s in items if s.name not in _ALERT_ONLY and _surely_recent(s, question))
    alert = "Suicidality on record: assess today and follow the crisis pathway."
    if firm or positive:
        evidence = diagnosis_evidence(firm) + _score_evidence(positive)
        return met("Suicidal ideation or a positive item is on record.", evidence, alert=alert)
    doubtful = (
        tuple(d for d in diagnoses if d.is_active or _perhaps_recent(d, question))
        + question.unconfirmed(*SUICIDALITY)
        + question.confirmed(*SUICIDAL_HISTORY)
    )
    answers = tuple(
        s for s in items if s.when is None or s.when.may_be_within(limits.suicidality_item_days, question.as_of)
    )
    if doubtful or answers:
        return not_enough_data(
            "Suicidality is on record, but its date, its standing or its being confirmed is open.",
            diagnosis_evidence(doubtful) + _score_evidence(answers),
            alert=alert,
        )
    return not_met(
        f"No suicidal ideation in {limits.suicidality_days} days, "
        f"no positive item in {limits.suicidality_item_days} days."
    )


def _current(diagnosis: Diagnosis, question: Question) -> bool:
    """Active on the problem list, or surely recorded within the window: encounter diagnoses stay active for ever."""
    days = question.limits.suicidality_days
    dated = any(when.surely_within(days, question.as_of) for when in diagnosis.dates)
    return dated or (diagnosis.problem_list and _surely_active(diagnosis, question))


def _perhaps_recent(diagnosis: Diagnosis, question: Question) -> bool:
    days = question.limits.suicidality_days
    return any(when.may_be_within(days, question.as_of) for when in diagnosis.dates)


def _surely_recent(score: Score, question: Question) -> bool:
    days = question.limits.suicidality_item_days
    return score.when is not None and score.when.surely_within(days, question.as_of)


def _score_evidence(scores: tuple[Score, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(reference=s.reference, date=s.when.text[:10] if s.when else "", text=f"{_ITEM[s.name]}: {s.text}")
        for s in scores
    )


# An alert, but no ideation of today for sure: behaviour ever in life, a level of risk, a question known by its words.
_ALERT_ONLY = frozenset({"cssrs-q6", "cssrs-risk", "self-harm"})
_ITEM = {
    "phq9-item9": "PHQ-9 item 9",
    "epds-item10": "EPDS item 10",
    "cssrs-q1": "C-SSRS question 1",
    "cssrs-q2": "C-SSRS question 2",
    "cssrs-q3": "C-SSRS question 3",
    "cssrs-q4": "C-SSRS question 4",
    "cssrs-q5": "C-SSRS question 5",
    "cssrs-q6": "C-SSRS question 6",
    "cssrs-q6-recent": "C-SSRS question 6, last 3 months",
    "cssrs-risk": "C-SSRS risk",
    "self-harm": "A question on suicide or self-harm",
}


def _firm(question: Question) -> bool:
    rules = (ind_mdd, ind_pdd, ind_bpd, ind_trd, ind_ppd, ind_si)
    return any(
        verdict.state is State.MET and verdict.effect is None for verdict in (rule(question) for rule in rules)
    )


def ind_unspec(question: Question) -> Verdict:
    """Only an unspecified, provisional, perhaps ended or text-only depression: confirm the diagnosis first."""
    active = question.active(*UNSPECIFIED)
    provisional = tuple(d for d in question.unconfirmed(*FIRM, *PPD, *SUICIDALITY, *UNSPECIFIED) if d.is_active)
    text_only = tuple(d for d in question.facts.diagnoses if d.indication_terms and d.is_active and _stands(d))
    uncertain = tuple(d for d in question.active(*FIRM) if not _surely_active(d, question))
    found = tuple(dict.fromkeys(active + provisional + uncertain + text_only))
    if not found:
        return not_met("No unspecified, provisional or text-only depression on record.")
    if _firm(question):
        return not_met("There is a firmer indication.", diagnosis_evidence(found))
    return met(
        "The only depression on record is unspecified, provisional, perhaps over or text only.",
        diagnosis_evidence(found),
    )


def _stands(diagnosis: Diagnosis) -> bool:
    return diagnosis.verification.value != "refuted"


def ind_remission(question: Question) -> Verdict:
    """All that is on record is a depression in full remission: no indication to begin with (see IND-NONE)."""
    found = question.confirmed(*REMISSION)
    if not found:
        return not_met("No depression in full remission on record.")
    silence = ind_none(question)
    if silence.state is State.MET:
        return met(
            "The only depression on record is in full remission: review for maintenance, not for a first course.",
            diagnosis_evidence(found),
        )
    if silence.state is State.NOT_MET:
        return not_met("There is more on record than a depression in full remission.", diagnosis_evidence(found))
    return silence


def ind_none(question: Question) -> Verdict:
    """Fires only when every Condition was readable and nothing speaks for an indication."""
    if _firm(question):
        return not_met("An indication was found.")
    weak = (ind_unspec, rev_bipolar, ind_ppd, ind_bpd)
    if uncoded_diagnoses(question) or any(rule(question).state is State.MET for rule in weak):
        return not_met("Something points to an indication: see what needs review.")
    if question.unread(Area.CONDITION):
        return could_not_look(question.why_unread(Area.CONDITION))
    if question.unclear(Area.CONDITION):
        return not_enough_data("Some conditions could not be read.")
    return met("All conditions were read and none is an indication of this programme.")
