"""Builders of screenings, valid by default: one change per test."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from fhir_mappings.facts.screening import AnswerRecord, OverrideRecord, ScreeningFinding, ScreeningRecord
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, NURSE, an_id, at


def a_finding(rule: str = "HOLD-PSY", **changes: Any) -> ScreeningFinding:
    """By default one that stands against treatment and rests on a diagnosis."""
    finding = ScreeningFinding(
        rule=rule,
        kind="hold",
        state="met",
        effect="hold",
        question="Is psychosis current or recent?",
        reason="Psychosis was recorded in the last 180 days.",
        evidence=("Condition/7",),
    )
    return replace(finding, **changes)


def an_override(**changes: Any) -> OverrideRecord:
    override = OverrideRecord(reason="Seen by neurology: a delirium, long over.", by=DOCTOR, at=at(10, 30))
    return replace(override, **changes)


def an_answer(**changes: Any) -> AnswerRecord:
    answer = AnswerRecord(
        id=an_id(40),
        question="Is the patient pregnant?",
        said="yes",
        by=NURSE,
        at=at(9, 50),
        until=date(2026, 11, 27),
    )
    return replace(answer, **changes)


def a_screening(**changes: Any) -> ScreeningRecord:
    """A screening with no more than it needs: nothing was read, no rule was asked."""
    screening = ScreeningRecord(
        id=an_id(10),
        at=at(10),
        as_of=date(2026, 11, 20),
        patient=f"{EHR}/Patient/p1",
        fhir_base=EHR,
        assessor=DOCTOR,
        status="insufficient-data",
        rules_version="1.0",
        findings=(),
    )
    return replace(screening, **changes)


def a_full_screening(**changes: Any) -> ScreeningRecord:
    """A screening in which everything that can be on record is."""
    full: dict[str, Any] = {
        "status": "contraindicated",
        "after_overrides": "needs-review",
        "encounter": f"{EHR}/Encounter/e1",
        "conditions": ("Condition/1",),
        "read": (
            "AllergyIntolerance/5/_history/1",
            "Condition/1/_history/3",
            "Condition/7/_history/2",
            "Condition",
            "MedicationRequest/4",
            "Observation/2/_history/1",
            "Observation/3",
            "Patient/p1/_history/9",
            "QuestionnaireResponse/6/_history/1",
        ),
        "findings": (
            a_finding(
                "IND-MDD",
                kind="indication",
                effect=None,
                question="Is a major depressive disorder on record as current?",
                reason="An active diagnosis is on the problem list.",
                evidence=("Condition/1",),
            ),
            a_finding(
                "ABS-ICH",
                kind="contraindication",
                effect="contraindicated",
                question="Is bleeding inside the skull on record?",
                override=an_override(),
            ),
            a_finding(),
            a_finding(
                "HOLD-PREG",
                question="Is the patient pregnant, as far as recorded?",
                reason="Not found in the record, and the patient says yes.",
                evidence=(f"answer/{an_id(40)}",),
            ),
            a_finding(
                "DATA-TEXT",
                kind="review",
                effect="needs-review",
                question="Does an entry that no code settles mention something that matters?",
                override=an_override(assessed=True),
            ),
            a_finding("AGE-65", kind="caution", effect=None, question="Is the patient 65 or older?"),
            a_finding(
                "MISS-BP",
                kind="missing",
                effect="insufficient-data",
                question="Is a current, usable blood pressure missing?",
                reason="",
                evidence=(),
            ),
            a_finding("DATA-EIE", kind="information", effect=None, question="Were entries in error left out?"),
            a_finding("ABS-SCZ", state="not-met", effect=None, reason="None found in what was read.", evidence=()),
            a_finding("REV-SUD", state="not-enough-data", effect="needs-review", kind="review", evidence=()),
            a_finding("CAU-BZD", state="could-not-look", effect=None, kind="caution", evidence=()),
        ),
        "alerts": ("Suicidal ideation on record: assess now.",),
        "gaps": ("medications: the EHR refused it (403)", "Observation/8: the unit is not known"),
        "answers": (an_answer(),),
    }
    return a_screening(**(full | changes))
