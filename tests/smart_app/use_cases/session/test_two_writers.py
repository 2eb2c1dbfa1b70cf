"""Two clinicians at one session: no entry and no value of either is lost, whoever writes what in which order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fhir_mappings.facts.treatment import KetamineSession, SessionStatus
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session.record_session import choose, save_fields, session_view
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.session.session_steps import check_step
from smart_app.use_cases.session.two_writers import disputed, mark, past, versions
from tests.smart_app.use_cases.a_clinic import DEE, MONDAY, NAN, Clinic

NAMES = ("dose.lot", "dose.given_mg", "check.fasting")


def a_session() -> tuple[Clinic, StoredSession]:
    clinic = Clinic()
    clinic.enrolled()
    clinic.at("14:00")
    return clinic, clinic.opened()


def write(
    clinic: Clinic, session: StoredSession, who: Caller, name: str, value: str, base: str = ""
) -> StoredSession:
    shown = {name: base} if base else {}
    return save_fields(clinic.work, clinic.clock, who, session.id, {name: value}, shown)


def keep(clinic: Clinic, session: StoredSession, who: Caller, name: str, place: int) -> StoredSession:
    seen = mark(versions(clinic.session(session.id).fields, name))
    return choose(clinic.work, clinic.clock, who, session.id, name, place, seen)


@cache
def a_record() -> KetamineSession:
    clinic = Clinic()
    clinic.enrolled()
    signed = clinic.signed(MONDAY).signed
    assert signed is not None
    return signed


class TestOneField:
    def test_a_value_that_the_page_did_not_show_is_not_overwritten(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "41")
        saved = write(clinic, session, DEE, "dose.lot", "42")
        assert saved.fields["dose.lot"] == "41"
        assert [each.value for each in versions(saved.fields, "dose.lot")] == ["41", "42"]
        assert disputed(saved.fields) == ("dose.lot",)
        assert "dose.lot" in check_step(saved, "dose", clinic.course, clinic.now, clinic.site.limits)
        assert clinic.trail[-1].detail == "beside a colleague's: dose.lot"

    def test_what_the_page_showed_may_be_overwritten_and_stays_readable(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "41")
        saved = write(clinic, session, DEE, "dose.lot", "42", base="41")
        assert (saved.fields["dose.lot"], disputed(saved.fields)) == ("42", ())
        assert [each.value for each in past(saved.fields, "dose.lot")] == ["41"]

    def test_the_past_holds_every_colleagues_value(self) -> None:
        clinic, session = a_session()
        for number, who in enumerate((NAN, DEE, NAN, DEE)):
            saved = write(clinic, session, who, "dose.lot", f"L{number}", base=f"L{number - 1}" if number else "")
        assert [each.value for each in past(saved.fields, "dose.lot")] == ["L0", "L1", "L2"]

    def test_typing_on_keeps_the_last_words_beside(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "41")
        write(clinic, session, DEE, "dose.lot", "4")
        saved = write(clinic, session, DEE, "dose.lot", "42")
        assert [each.value for each in versions(saved.fields, "dose.lot")] == ["41", "42"]

    def test_ones_own_older_words_are_no_conflict(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "4")
        assert write(clinic, session, NAN, "dose.lot", "41").fields["dose.lot"] == "41"

    @pytest.mark.parametrize(("place", "stands", "gone"), [(0, "41", "42"), (1, "42", "41")])
    def test_somebody_chooses_and_the_other_value_stays_readable(self, place: int, stands: str, gone: str) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "41")
        write(clinic, session, DEE, "dose.lot", "42")
        saved = keep(clinic, session, NAN, "dose.lot", place)
        assert (saved.fields["dose.lot"], disputed(saved.fields)) == (stands, ())
        assert [each.value for each in past(saved.fields, "dose.lot")] == [gone]
        assert clinic.trail[-1].action == "clinician:session:choose"

    def test_a_choice_among_other_values_than_those_shown_is_none(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.lot", "41")
        seen = mark(versions(write(clinic, session, DEE, "dose.lot", "42").fields, "dose.lot"))
        write(clinic, session, NAN, "dose.lot", "43", base="41")
        with pytest.raises(Refused, match="again since"):
            choose(clinic.work, clinic.clock, DEE, session.id, "dose.lot", 0, seen)
        assert disputed(clinic.session(session.id).fields) == ("dose.lot",)

    def test_a_dispute_over_an_amount_that_is_settled_asks_the_questions_again(self) -> None:
        clinic, session = a_session()
        write(clinic, session, NAN, "dose.given_mg", "41")
        write(clinic, session, DEE, "dose.given_mg", "400")
        clinic.save(session, {"dose.confirm": "yes"})
        assert keep(clinic, session, NAN, "dose.given_mg", 1).fields["dose.confirm"] == ""

    def test_values_of_a_session_begun_before_the_list_are_still_told(self) -> None:
        clinic, session = a_session()
        saved = write(clinic, session, DEE, "dose.lot", "42")
        fields = dict(saved.fields) | {"@was.dose.lot": "41", "@was_by.dose.lot": "Nan Nurse"}
        clinic.work.kept.sessions[session.id] = replace(saved, fields=fields)
        assert "@past.dose.lot" not in fields
        written = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site).written["dose.lot"]
        assert (written.previous, written.previous_by) == ("41", "Nan Nurse")


@dataclass
class Screen:
    """What one clinician's page shows."""

    shown: dict[str, str] = field(default_factory=dict)


class TwoClinicians(RuleBasedStateMachine):
    """Random edits by two people whose pages are more or less stale, against a model that remembers everything."""

    def __init__(self) -> None:
        super().__init__()
        self.clinic, self.session = a_session()
        self.screens = {NAN.clinician.reference: Screen(), DEE.clinician.reference: Screen()}
        self.written: dict[str, list[tuple[str, str]]] = {name: [] for name in NAMES}  # each last word of each turn
        self.entries: dict[str, Any] = {}
        self.struck: dict[str, str] = {}
        self.replaced: set[tuple[str, str, str]] = set()  # knowingly written over, or not chosen
        self.count = 0
        for who in (NAN, DEE):
            self.look(who)

    @property
    def now(self) -> StoredSession:
        return self.clinic.session(self.session.id)

    @rule(who=st.sampled_from((NAN, DEE)))
    def look(self, who: Caller) -> None:
        self.screens[who.clinician.reference].shown = {n: v for n in NAMES if (v := self.now.fields.get(n, ""))}

    @rule(who=st.sampled_from((NAN, DEE)), name=st.sampled_from(NAMES))
    def type_value(self, who: Caller, name: str) -> None:
        self.count += 1
        self.clinic.now += timedelta(seconds=7)
        value, me = f"v{self.count}", who.clinician.reference
        shown = dict(self.screens[me].shown)
        before, before_by = self.now.fields.get(name, ""), self.now.fields.get(f"@by.{name}", "")
        save_fields(self.clinic.work, self.clinic.clock, who, self.session.id, {name: value}, shown)
        stands = self.now.fields[name]
        if before_by not in {"", me} and shown.get(name, "") != before:
            assert stands == before, "a colleague's value that was not seen stands"
        else:
            assert stands == value
            if before_by not in {"", me}:
                self.replaced.add((name, before_by, before))
            self.screens[me].shown[name] = value
        self.written[name].append((me, value))

    @rule(who=st.sampled_from((NAN, DEE)), name=st.sampled_from(NAMES), place=st.integers(0, 2))
    def decide(self, who: Caller, name: str, place: int) -> None:
        all_written = versions(self.now.fields, name)
        if len(all_written) > 1 and place < len(all_written):
            keep(self.clinic, self.session, who, name, place)
            self.replaced |= {(name, each.by, each.value) for each in all_written if each is not all_written[place]}
            assert self.now.fields[name] == all_written[place].value

    @rule(who=st.sampled_from((NAN, DEE)), again=st.booleans())
    def add_note(self, who: Caller, again: bool) -> None:
        self.count += 1
        entry, words = f"n{self.count}", {"text": f"note {self.count}"}
        for _ in range(1 + again):
            add_entry(self.clinic.work, self.clinic.clock, who, self.session.id, "note", entry, words)
        self.entries[entry] = words["text"]

    @rule(who=st.sampled_from((NAN, DEE)), data=st.data())
    def strike(self, who: Caller, data: st.DataObject) -> None:
        if self.entries:
            entry = data.draw(st.sampled_from(sorted(self.entries)))
            strike_entry(self.clinic.work, self.clinic.clock, who, self.session.id, entry, f"by {who.launch}")
            self.struck.setdefault(entry, f"by {who.launch}")

    @invariant()
    def no_entry_is_lost_or_doubled(self) -> None:
        assert {each.id: each.fields["text"] for each in self.now.entries} == self.entries
        assert len(self.now.entries) == len(self.entries)
        assert {each.id: each.struck for each in self.now.entries if each.struck} == self.struck

    @invariant()
    def every_turn_s_last_word_is_still_readable(self) -> None:
        """What one person wrote stays somewhere, unless that person wrote over it."""
        for name, turns in self.written.items():
            fields = self.now.fields
            known = {(each.by, each.value) for each in (*versions(fields, name), *past(fields, name))}
            for who in self.screens:
                mine = [value for by, value in turns if by == who]
                assert not mine or (who, mine[-1]) in known

    @invariant()
    def what_was_replaced_stays_in_the_past(self) -> None:
        fields = self.now.fields
        assert self.replaced <= {(name, each.by, each.value) for name in NAMES for each in past(fields, name)}

    @invariant()
    def every_change_is_audited(self) -> None:
        assert len(self.clinic.trail) >= self.now.version

    def teardown(self) -> None:
        """Once it is signed nobody changes it any more."""
        signed = replace(self.now, status=SessionStatus.COMPLETED, signed=a_record())
        self.clinic.work.kept.sessions[signed.id] = signed
        with pytest.raises(Refused):
            write(self.clinic, signed, DEE, "dose.lot", "late")
        with pytest.raises(Refused):
            add_entry(self.clinic.work, self.clinic.clock, NAN, signed.id, "note", "late", {"text": "late"})
        assert self.now == signed


def test_r19_a_thousand_scripts_of_two_clinicians_lose_nothing() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it untyped
        TwoClinicians,
        settings=settings(
            max_examples=1000,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_the_lists_are_json_that_an_auditor_can_read() -> None:
    clinic, session = a_session()
    write(clinic, session, NAN, "dose.lot", "41")
    fields = write(clinic, session, DEE, "dose.lot", "42").fields
    (rival,) = json.loads(fields["@rivals.dose.lot"])
    assert (rival["value"], rival["by"]) == ("42", DEE.clinician.reference)
