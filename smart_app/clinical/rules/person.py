"""Rules by age, sex, pregnancy and breast-feeding: HOLD-PREG, HOLD-LACT, MISS-PREG, AGE-CHILD and AGE-65."""

from __future__ import annotations

from datetime import date

from fhir_mappings.facts.clinical import Area, Diagnosis, PartialDate, Score
from smart_app.clinical.answers import Said
from smart_app.clinical.finding import (
    Evidence,
    Kind,
    Status,
    Verdict,
    could_not_look,
    hold,
    met,
    not_enough_data,
    not_met,
    review,
)
from smart_app.clinical.question import Question, diagnosis_evidence

PREGNANCY = ("pregnancy",)
LACTATION = ("lactation",)
_RESULT = {"pregnancy-status": "Pregnancy status", "hcg": "Pregnancy test"}
_NO_BIRTH_DATE = "The date of birth is not known."


def hold_preg(question: Question) -> Verdict:
    """A positive result within the window holds; where a later one is negative, a person confirms that it is over."""
    days, as_of = question.limits.pregnancy_days, question.as_of
    diagnoses = tuple(
        d
        for d in question.active(*PREGNANCY)
        if not d.dates or any(when.may_be_within(days, as_of) for when in d.dates)
    )
    results = _results(question)
    positive = tuple(s for s in results if s.positive and (s.when is None or s.when.may_be_within(days, as_of)))
    standing = tuple(s for s in positive if not _followed(s, results))
    if diagnoses or standing:
        return met("Pregnancy is on record.", diagnosis_evidence(diagnoses) + _result_evidence(standing))
    if positive:
        reason = "A positive result was followed by a negative one: confirm that the pregnancy is over."
        return review(reason, _result_evidence(positive))
    return not_met("No pregnancy on record.")


def _results(question: Question) -> tuple[Score, ...]:
    return tuple(s for s in question.facts.scores if s.name in _RESULT)


def _result_evidence(scores: tuple[Score, ...]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=s.reference,
            date=s.when.text[:10] if s.when else "",
            text=f"{_RESULT[s.name]}: {'positive' if s.positive else 'negative'}",
        )
        for s in scores
    )


def _followed(score: Score, results: tuple[Score, ...]) -> bool:
    """Whether a later result, on a day that is surely later, is negative."""
    return score.when is not None and any(
        other.positive is False and other.when is not None and other.when.first > score.when.last for other in results
    )


def miss_preg(question: Question) -> Verdict:
    """Whether anybody knows: a recent status or test, or the patient's own answer to HOLD-PREG."""
    person, limits = question.facts.person, question.limits
    if person is None:
        return not_enough_data("The patient's own data could not be read.")
    if person.gender == "male":
        return not_met("Not asked: the recorded sex is male.", settled=True)
    if person.birth_date is None:
        return not_enough_data(_NO_BIRTH_DATE)
    if not _may_be_aged(person.birth_date, limits.fertile_from_years, limits.fertile_to_years, question):
        reason = f"Not asked: not {limits.fertile_from_years} to {limits.fertile_to_years} years old."
        return not_met(reason, settled=True)
    days = limits.pregnancy_test_days
    known = tuple(
        s
        for s in _results(question)
        if s.positive is not None and s.when is not None and s.when.surely_within(days, question.as_of)
    )
    if known:
        return not_met(
            f"A pregnancy status or test is from the last {days} days.", _result_evidence(known), settled=True
        )
    answer = question.answers.get("HOLD-PREG")
    if answer is not None and answer.said is not Said.UNKNOWN and (question.as_of - answer.at.date()).days <= days:
        return not_met("The patient was asked.", (answer.evidence,), settled=True)
    unread = [area for area in (Area.LABORATORY, Area.SOCIAL_HISTORY) if question.unread(area)]
    if unread:
        return could_not_look(question.why_unread(*unread))
    return met(f"No pregnancy status or test in the last {days} days: test or ask before the first session.")


def _may_be_aged(born: PartialDate, least: int, greatest: int, question: Question) -> bool:
    """Whether any day the birth date may mean makes an age in whole years from `least` to `greatest`."""
    return born.first <= question.years_before(least) and born.last > question.years_before(greatest + 1)


def hold_lact(question: Question) -> Verdict:
    """By diagnosis, or by what the patient says. A site may ask for review instead of a hold."""
    earliest = question.months_before(question.limits.lactation_months)
    found = tuple(d for d in question.active(*LACTATION) if _since(d, earliest, question.as_of))
    answer = question.answers.get("HOLD-LACT")
    evidence = diagnosis_evidence(found) + ((answer.evidence,) if answer is not None else ())
    if found or (answer is not None and answer.said is Said.YES):
        verdict = hold if question.limits.lactation_holds else review
        return verdict("The patient is breast-feeding, as far as is known.", evidence)
    if answer is not None and answer.said is Said.UNKNOWN:
        return review("Whether the patient is breast-feeding could not be said.", evidence)
    return not_met(f"No breast-feeding on record in the last {question.limits.lactation_months} months.", evidence)


def _since(diagnosis: Diagnosis, earliest: date, as_of: date) -> bool:
    """Whether any of its dates may lie in the window; an entry without a date may."""
    return not diagnosis.dates or any(when.last >= earliest and when.first <= as_of for when in diagnosis.dates)


def age_child(question: Question) -> Verdict:
    """Below 13 contraindicated; 13 to 17 needs a specialist and the guardian."""
    born, evidence, limits = _born(question), _birth_evidence(question), question.limits
    if born is None:
        return not_enough_data(_NO_BIRTH_DATE)
    if born.last > question.years_before(limits.least_years):
        return met(
            f"Younger than {limits.least_years} years.",
            evidence,
            kind=Kind.CONTRAINDICATION,
            effect=Status.CONTRAINDICATED,
        )
    if born.last > question.years_before(limits.adult_years):
        return review(
            f"Younger than {limits.adult_years} years: specialist review and the guardian's consent are needed.",
            evidence,
        )
    return not_met(f"{limits.adult_years} years or older.", evidence)


def age_65(question: Question) -> Verdict:
    born, years = _born(question), question.limits.elder_years
    if born is None:
        return not_enough_data(_NO_BIRTH_DATE)
    if born.first <= question.years_before(years):
        return met(
            f"{years} years or older: start low, watch blood pressure and cognition.", _birth_evidence(question)
        )
    return not_met(f"Younger than {years} years.", _birth_evidence(question))


def _born(question: Question) -> PartialDate | None:
    return question.facts.person.birth_date if question.facts.person else None


def _birth_evidence(question: Question) -> tuple[Evidence, ...]:
    person = question.facts.person
    if person is None or person.birth_date is None:
        return ()
    return (Evidence(reference=person.reference, date=person.birth_date.text, text="date of birth"),)
