"""What is typed into the enrolment form is there again: after a reload, after a relaunch, not for others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.course.enrol import enrolment_view
from smart_app.use_cases.course.enrolment_draft import save_draft
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller
from tests.smart_app.use_cases.a_clinic import DEE, NAN, Clinic


def fields(clinic: Clinic, caller: Caller = DEE) -> dict[str, str]:
    return dict(enrolment_view(clinic.work, clinic.clock, caller).fields)


def save(clinic: Clinic, typed: dict[str, str], *, whole: bool = False, caller: Caller = DEE) -> None:
    save_draft(clinic.work, clinic.clock, caller, typed, whole=whole)


def test_it_is_there_after_a_relaunch_as_it_was_typed() -> None:
    clinic = Clinic()
    clinic.screened()
    save(clinic, {"route": "IV", "weight_kg": "eighty"})
    save(clinic, {"escort": "Sam", "day.2": "2026-11-09"})
    again = fields(clinic, replace(DEE, launch="relaunch"))
    typed = {"route": "IV", "weight_kg": "eighty", "escort": "Sam", "day.2": "2026-11-09"}
    assert {name: again[name] for name in typed} == typed
    assert again["day.3"] != ""  # what was not typed is still proposed


def test_a_whole_form_takes_the_place_of_the_draft() -> None:
    clinic = Clinic()
    clinic.screened()
    save(clinic, {"route": "IV", "day.2": "2026-11-09"})
    save(clinic, {"route": "IM"}, whole=True)
    assert fields(clinic)["route"] == "IM"
    assert fields(clinic)["day.2"] != "2026-11-09"


def test_the_answer_to_a_question_of_the_moment_is_not_kept() -> None:
    clinic = Clinic()
    clinic.screened()
    save(clinic, {"confirm": "yes", "_token": "x"})
    assert fields(clinic)["confirm"] == ""


def test_it_is_the_author_s_own_and_gone_once_the_patient_is_enrolled() -> None:
    clinic = Clinic()
    clinic.screened()
    save(clinic, {"escort": "Sam"})
    other = replace(DEE, clinician=replace(DEE.clinician, reference="https://ehr.example/fhir/Practitioner/other"))
    assert fields(clinic, other)["escort"] == ""
    clinic.enrolled()
    assert not clinic.work.kept.drafts


def test_only_a_prescriber_keeps_one_and_it_is_audited() -> None:
    clinic = Clinic()
    clinic.screened()
    assert NAN.role is Role.NURSE
    with pytest.raises(Refused):
        save(clinic, {"escort": "Sam"}, caller=NAN)
    assert not clinic.work.kept.drafts
    save(clinic, {"escort": "Sam"})
    assert clinic.work.kept.audit[-1].action == "clinician:enrolment:save"
