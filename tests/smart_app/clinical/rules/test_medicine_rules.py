"""Medicines beside ketamine: taken, ended lately, or resolved by nobody (CAU-*, MISS-MEDLIST)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area, MedicationUse, PartialDate, PatientFacts
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.finding import Kind, State, Status
from smart_app.clinical.screening import ScreeningResult, screen
from tests.builders import PATIENTS, TODAY, a_chart, a_failure, finding, screened

CHART = patient_facts(a_chart(), as_of=TODAY, patients=PATIENTS)


def a_use(kind: str, *, current: bool = True, **changes: Any) -> MedicationUse:
    values: dict[str, Any] = {
        "reference": "MedicationRequest/1",
        "label": f"a {kind}",
        "ingredients": frozenset({f"some {kind}"}),
        "classes": frozenset({kind}),
        "status": "active" if current else "stopped",
        "current": current,
    }
    return MedicationUse(**(values | changes))


def a_day(ago: int) -> PartialDate:
    day = TODAY - timedelta(days=ago)
    return PartialDate(text=day.isoformat(), first=day, last=day)


def with_uses(*uses: MedicationUse, answers: Iterable[Answer] = ()) -> ScreeningResult:
    facts = PatientFacts(
        person=CHART.person,
        diagnoses=CHART.diagnoses,
        blood_pressures=CHART.blood_pressures,
        medications=uses,
    )
    return screen(facts, as_of=TODAY, answers=answers)


CLASSES = [
    ("benzodiazepine", "CAU-BZD", None),
    ("z-drug", "CAU-BZD", None),
    ("barbiturate", "CAU-BZD", None),
    ("gabapentinoid", "CAU-BZD", None),
    ("lamotrigine", "CAU-LAM", None),
    ("stimulant", "CAU-STIM", None),
    ("opioid", "CAU-OPIOID", None),
    ("maoi", "CAU-MAOI", Status.NEEDS_REVIEW),
    ("theophylline", "CAU-THEO", Status.NEEDS_REVIEW),
    ("ketamine", "CAU-KETOVERLAP", Status.NEEDS_REVIEW),
]


@pytest.mark.parametrize(("kind", "rule", "effect"), CLASSES, ids=[row[0] for row in CLASSES])
def test_a_medicine_that_is_taken(kind: str, rule: str, effect: Status | None) -> None:
    result = with_uses(a_use(kind, as_needed=True))
    met = {found.rule for found in result.findings if found.state is State.MET and found.rule.startswith("CAU-")}
    assert met == {rule}
    found = finding(result, rule)
    assert found.effect is effect
    assert (found.kind is Kind.CAUTION) is (effect is None)
    assert result.status is (effect or Status.CANDIDATE)
    assert found.evidence[0].text == f"a {kind}, active, as needed"


@pytest.mark.parametrize("kind", [row[0] for row in CLASSES if row[0] != "maoi"])
def test_a_medicine_of_the_past_does_not_count(kind: str) -> None:
    result = with_uses(a_use(kind, current=False, end=a_day(1)))
    assert result.status is Status.CANDIDATE
    assert not any(found.state is State.MET for found in result.findings if found.rule.startswith("CAU-"))


def test_ketamine_counts_by_its_ingredient_too() -> None:
    for name in ("ketamine", "esketamine"):
        use = a_use("x", ingredients=frozenset({name}), classes=frozenset())
        assert finding(with_uses(use), "CAU-KETOVERLAP").state is State.MET


STOPPED = [
    pytest.param({"end": a_day(14)}, True, id="14 days"),
    pytest.param({"end": a_day(15)}, False, id="15 days"),
    pytest.param({"end": PartialDate(text="2026-11", first=date(2026, 11, 1), last=date(2026, 11, 30))}, True,
                 id="this month: perhaps 14 days"),
    pytest.param({"end": PartialDate(text="2026-10", first=date(2026, 10, 1), last=date(2026, 10, 31))}, False,
                 id="last month"),
    pytest.param({}, True, id="no end on record"),
    pytest.param({"end": a_day(400), "ended_unknown": True}, True, id="an end that nobody knows for sure"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "fires"), STOPPED)
def test_an_mao_inhibitor_that_was_stopped(changes: dict[str, Any], *, fires: bool) -> None:
    result = with_uses(a_use("maoi", current=False, **changes))
    assert (finding(result, "CAU-MAOI").state is State.MET) is fires
    assert result.status is (Status.NEEDS_REVIEW if fires else Status.CANDIDATE)


def an_unresolved(n: int = 1, *, current: bool = True) -> MedicationUse:
    return MedicationUse(reference=f"MedicationRequest/{n}", label="patient supplied med", current=current)


def test_an_unresolved_entry_that_has_ended_is_counted() -> None:
    one = with_uses(an_unresolved(current=False))
    assert finding(one, "CAU-LAM").reason == (
        "Lamotrigine: not on record as taken, but 1 entry could not be resolved to ingredients."
    )
    two = with_uses(an_unresolved(1, current=False), an_unresolved(2, current=False))
    for rule in ("CAU-BZD", "CAU-MAOI", "CAU-KETOVERLAP"):
        assert "but 2 entries could not be resolved to ingredients." in finding(two, rule).reason
        assert finding(two, rule).state is State.NOT_MET
    assert two.status is Status.CANDIDATE
    assert "resolved" not in finding(with_uses(a_use("opioid")), "CAU-LAM").reason


RULES = {rule: effect for _, rule, effect in CLASSES}


@pytest.mark.parametrize(("rule", "effect"), RULES.items(), ids=RULES)
def test_a_current_entry_that_nobody_can_resolve_may_be_any_medicine(rule: str, effect: Status | None) -> None:
    result = with_uses(an_unresolved(1), an_unresolved(2), an_unresolved(3, current=False))
    found = finding(result, rule)
    assert (found.state, found.effect) == (State.NOT_ENOUGH_DATA, effect)
    assert found.reason.endswith("but 2 entries could not be resolved to ingredients and may be one: ask.")
    assert result.status is Status.NEEDS_REVIEW


def test_the_patient_s_no_settles_what_could_not_be_resolved() -> None:
    uses = (an_unresolved(),)
    told = [an_answer(Said.NO, rule) for rule in RULES]
    settled = with_uses(*uses, answers=told)
    for rule in RULES:
        found = finding(settled, rule)
        assert found.state is State.NOT_MET
        assert [evidence.reference for evidence in found.evidence] == ["answer/a1"]
    assert settled.status is Status.CANDIDATE
    for said in (Said.UNKNOWN, Said.YES):
        other = with_uses(*uses, answers=[*told[:-1], an_answer(said, "CAU-KETOVERLAP")])
        assert other.status is Status.NEEDS_REVIEW


def test_what_was_refused_is_not_told_as_unresolved() -> None:
    use = {"resourceType": "MedicationRequest", "id": "1", "status": "active", "intent": "order"}
    result = screened(
        [*a_chart(), use | {"medicationCodeableConcept": {"text": "home med"}}], a_failure(Area.MEDICATION)
    )
    assert finding(result, "CAU-THEO").state is State.COULD_NOT_LOOK


def test_the_order_of_entries_does_not_matter() -> None:
    uses = [a_use("opioid", reference=f"MedicationRequest/{n}") for n in range(4)]
    assert finding(with_uses(*uses), "CAU-OPIOID") == finding(with_uses(*reversed(uses)), "CAU-OPIOID")


def an_answer(said: Said, question: str = "MISS-MEDLIST") -> Answer:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
    return Answer(id="a1", question=question, said=said, by="Nan Nurse, nurse", at=at, days=30)


def test_an_empty_list_is_not_none_until_the_patient_says_so() -> None:
    said = {who: screen(CHART, as_of=TODAY, answers=[an_answer(who)]) for who in Said}
    assert finding(screen(CHART, as_of=TODAY), "MISS-MEDLIST").state is State.MET
    assert finding(said[Said.NO], "MISS-MEDLIST").state is State.NOT_MET
    assert finding(said[Said.NO], "MISS-MEDLIST").evidence[0].reference == "answer/a1"
    for who in (Said.YES, Said.UNKNOWN):
        assert finding(said[who], "MISS-MEDLIST").state is State.MET
    assert {result.status for result in said.values()} == {Status.CANDIDATE}
    assert finding(with_uses(a_use("opioid")), "MISS-MEDLIST").state is State.NOT_MET


def test_a_list_that_was_refused_is_not_called_empty() -> None:
    result = screened(a_chart(), a_failure(Area.MEDICATION))
    assert finding(result, "MISS-MEDLIST").state is State.COULD_NOT_LOOK
    for rule in {row[1] for row in CLASSES}:
        found = finding(result, rule)
        assert found.state is State.COULD_NOT_LOOK
        assert found.reason == "Could not look: medications (the EHR refused it (403))."
