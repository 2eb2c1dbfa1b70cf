"""Rules by medicines: CAU-* and MISS-MEDLIST."""

from __future__ import annotations

from collections.abc import Iterable

from fhir_mappings.facts.clinical import Area, MedicationUse
from smart_app.clinical.answers import Said
from smart_app.clinical.finding import Evidence, Verdict, could_not_look, met, not_met
from smart_app.clinical.question import Question

SEDATIVES = frozenset({"benzodiazepine", "z-drug", "barbiturate", "gabapentinoid"})
_KETAMINE = frozenset({"ketamine", "esketamine"})


def cau_bzd(question: Question) -> Verdict:
    return _taken(question, SEDATIVES, "A benzodiazepine, Z-drug or other sedative")


def cau_lam(question: Question) -> Verdict:
    return _taken(question, frozenset({"lamotrigine"}), "Lamotrigine")


def cau_stim(question: Question) -> Verdict:
    return _taken(question, frozenset({"stimulant"}), "A psychostimulant")


def cau_opioid(question: Question) -> Verdict:
    return _taken(question, frozenset({"opioid"}), "An opioid")


def cau_theo(question: Question) -> Verdict:
    return _taken(question, frozenset({"theophylline"}), "Theophylline or aminophylline")


def cau_ketoverlap(question: Question) -> Verdict:
    return _taken(question, _KETAMINE, "Ketamine or esketamine from elsewhere")


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
    return _none(question, f"No MAO inhibitor is taken or was within {days} days.")


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


def _taken(question: Question, names: frozenset[str], words: str) -> Verdict:
    found = tuple(use for use in _of(question, names) if use.current)
    if found:
        return met(f"{words} is taken, as far as recorded.", _evidence(found))
    return _none(question, f"{words}: not on record as taken.")


def _none(question: Question, words: str) -> Verdict:
    """Not met, but with what could not be told: an entry without ingredients may be any medicine."""
    unresolved = tuple(use for use in question.facts.medications if not use.ingredients)
    if not unresolved:
        return not_met(words)
    entries = "1 entry" if len(unresolved) == 1 else f"{len(unresolved)} entries"
    return not_met(f"{words[:-1]}, but {entries} could not be resolved to ingredients.")


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
