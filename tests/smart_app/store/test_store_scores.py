"""Scores and what was decided about them: kept once, in order, and never changed by whoever has the database."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine, Table

from smart_app.store.rows import from_text
from smart_app.store.tables import outcome_decisions, scores
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import DecisionKind, StoredScore
from tests.smart_app.store.only_added import CHANGES, assert_not_replaced, assert_stays
from tests.smart_app.store.stored_records import ADA, BEN, NOON, a_decision, a_score, an_audit

ANSWERED = a_score(id="score-2", answers={"1": 2, "2": 0}, total=None, complete=False, taken=NOON, session="s-1")
OLD = (
    '{"id":"old","course":null,"ehr":"demo","patient":"p","scale":"phq9","total":9,"item9":null,"day":"2026-11-23",'
    '"at":"2026-11-23T12:00:00Z","by":{"reference":"r","name":"n","role":"nurse"}}'
)


@pytest.fixture
def kept(engine: Engine) -> Engine:
    with SqlWork(engine)() as uow:
        assert uow.scores.add(a_score())
        assert uow.scores.add(ANSWERED)
        uow.scores.decide(a_decision())
        uow.scores.decide(a_decision(id="decision-2", kind=DecisionKind.RELAPSE, day=date(2026, 11, 20)))
        uow.audit.add(an_audit())
        uow.commit()
    return engine


def test_they_come_back_whole_and_in_order(kept: Engine) -> None:
    with SqlWork(kept)() as uow:
        assert list(uow.scores.of_patient(ADA)) == [a_score(), ANSWERED]
        assert [each.id for each in uow.scores.decisions(ADA)] == ["decision-1", "decision-2"]
        assert uow.scores.decisions(ADA)[0] == a_decision()
        assert list(uow.scores.decisions(BEN)) == []


def test_a_score_of_an_earlier_release_still_loads() -> None:
    score = from_text(StoredScore, OLD)
    assert (score.total, score.answers, score.complete, score.taken) == (9, {}, True, None)


@pytest.mark.parametrize("table", ["scores", "outcome_decisions"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_it(kept: Engine, table: str, change: str) -> None:
    assert_stays(kept, table, change)
    with SqlWork(kept)() as uow:
        assert len(uow.scores.of_patient(ADA)) == len(uow.scores.decisions(ADA)) == 2


@pytest.mark.parametrize("table", [scores, outcome_decisions], ids=lambda table: table.name)
def test_inserting_the_same_id_again_replaces_nothing(kept: Engine, table: Table) -> None:
    assert_not_replaced(kept, table)
    with SqlWork(kept)() as uow:
        assert uow.scores.of_patient(ADA)[0] == a_score()
