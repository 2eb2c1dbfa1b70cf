"""Rules by medicines: CAU-* and MISS-MEDLIST."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fhir_mappings.facts.clinical import Area, MedicationUse
from smart_app.clinical.answers import Said
from smart_app.clinical.finding import Evidence, Status, Verdict, could_not_look, met, not_enough_data, not_met
from smart_app.clinical.question import Question

SEDATIVES = frozenset({"benzodiazepine", "z-drug", "barbiturate", "gabapentinoid"})
_REVIEW = Status.NEEDS_REVIEW
_KETAMINE = frozenset({"ketamine", "esketamine"})


def cau_bzd(question: Question) -> Verdict:
    return _taken(question, "CAU-BZD", SEDATIVES, "A benzodiazepine, Z-drug or other sedative")


def cau_lam(question: Question) -> Verdict:
    return _taken(question, "CAU-LAM", frozenset({"lamotrigine"}), "Lamotrigine")


def cau_stim(question: Question) -> Verdict:
    return _taken(question, "CAU-STIM", frozenset({"stimulant"}), "A psychostimulant")


def cau_opioid(question: Question) -> Verdict:
    return _taken(question, "CAU-OPIOID", frozenset({"opioid"}), "An opioid")


def cau_theo(question: Question) -> Verdict:
    return _taken(question, "CAU-THEO", frozenset({"theophylline"}), "Theophylline or aminophylline", _REVIEW)


def cau_ketoverlap(question: Question) -> Verdict:
    return _taken(question, "CAU-KETOVERLAP", _KETAMINE, "Ketamine or esketamine from elsewhere", _REVIEW)


def cau_maoi(question: Question) -> Verdict:
    """Taken, or stopped within the window; one that ended on no known day may have ended within it."""
    days = question.limits.maoi_days
    found = tuple(
        use
        for use in _of(question, frozenset({"maoi"}))
        if use.current or use.ended_unknown or use.end is None or use.end.may_be_within(days, question.as_of)
    )
    if found:
        return met(f"An MAO inhibitor is taken, or was within {days} days.", _evidence(found))
    return _none(question, "CAU-MAOI", f"No MAO inhibitor is taken or was within {days} days.", _REVIEW)


def miss_medlist(question: Question) -> Verdict:
    """An empty list is not "none": the patient has to say so."""
    if question.facts.medications:
        return not_met("There are medicines on record.")
    if question.unread(Area.MEDICATION):
        return could_not_look(question.why_unread(Area.MEDICATION))
    answer = question.answers.get("MISS-MEDLIST")
    if answer is None:
        return met("The list of medicines is empty, which is not the same as none: ask.")
    if answer.said is Said.NO:
        return not_met("The list of medicines is empty, and the patient takes none.", (answer.evidence,))
    return met("The list of medicines is empty, and the patient may take some: complete it.", (answer.evidence,))


def _of(question: Question, names: frozenset[str]) -> tuple[MedicationUse, ...]:
    """Entries of any of the classes or ingredients, in the order of their references."""
    found = [use for use in question.facts.medications if not names.isdisjoint(use.classes | use.ingredients)]
    return tuple(sorted(found, key=lambda use: use.reference))


def _taken(
    question: Question, rule: str, names: frozenset[str], words: str, unknown: Status | None = None
) -> Verdict:
    found = tuple(use for use in _of(question, names) if use.current)
    if found:
        return met(f"{words} is taken, as far as recorded.", _evidence(found))
    return _none(question, rule, f"{words}: not on record as taken.", unknown)


def _none(question: Question, rule: str, words: str, unknown: Status | None = None) -> Verdict:
    """Nothing was found. An entry without ingredients may be any medicine: while one is current it is not known.

    The patient's "no" to the rule's question settles that. `unknown`: what not knowing does to the status.
    """
    unresolved = tuple(use for use in question.facts.medications if not use.ingredients)
    if not unresolved:
        return not_met(words)
    current = sum(use.current for use in unresolved)
    answer = question.answers.get(rule)
    if not current or question.unread(Area.MEDICATION) or (answer is not None and answer.said is Said.NO):
        return not_met(f"{words[:-1]}, but {_could_not(len(unresolved))}.")
    return replace(not_enough_data(f"{words[:-1]}, but {_could_not(current)} and may be one: ask."), effect=unknown)


def _could_not(entries: int) -> str:
    return f"{'1 entry' if entries == 1 else f'{entries} entries'} could not be resolved to ingredients"


def _evidence(uses: Iterable[MedicationUse]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=use.reference,
            date=use.start.text[:10] if use.start else "",
            text=", ".join(
                [use.label, *([use.status] if use.status else []), *(["as needed"] if use.as_needed else [])]
            ),
        )
        for use in uses
    )
