"""What the app reads and writes in the EHR, each type with what it is for and what is missing without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Purpose = Literal["screening", "roles", "sessions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is left out of the chart where the EHR does not let it be written; the rest of its record is written."""

    plural: str  # "care plans"
    letters: str  # of its scope, each needed
    tabs: frozenset[str]  # the pages where its loss is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Letters of SMART App Launch 2.2, section 3.0.2: create, read, update, search. `without` is a whole sentence.

    `part` None, of what is written: no session is written without it.
    """

    resource_type: str
    letters: str
    purpose: Purpose
    why: str
    without: str
    part: Part | None = None


_NO_CANDIDATE: Final = "then no patient is a candidate"
_MEDICATIONS: Final = "without it and the other lists of medications no patient is a candidate"

NEEDS: Final[Sequence[Need]] = (
    Need(
        resource_type="Patient",
        letters="r",
        purpose="screening",
        why="Name and birth date, so that nobody mistakes the patient.",
        without="The patient's age is unknown; " + _NO_CANDIDATE + ".",
    ),
    Need(
        resource_type="Condition",
        letters="s",
        purpose="screening",
        why="Diagnoses that speak for or against treatment.",
        without="Diagnoses cannot be looked at; " + _NO_CANDIDATE + ".",
    ),
    Need(
        resource_type="Observation",
        letters="s",
        purpose="screening",
        why="Blood pressure, laboratory values, questionnaires and social history.",
        without="Blood pressure cannot be looked at; " + _NO_CANDIDATE + ".",
    ),
    Need(
        resource_type="MedicationStatement",
        letters="s",
        purpose="screening",
        why="Medicines the patient takes.",
        without=f"The list of medicines taken cannot be looked at; {_MEDICATIONS}.",
    ),
    Need(
        resource_type="MedicationRequest",
        letters="s",
        purpose="screening",
        why="Medicines that were prescribed: interactions, and earlier trials of antidepressants.",
        without=f"Prescriptions cannot be looked at; {_MEDICATIONS}.",
    ),
    Need(
        resource_type="MedicationDispense",
        letters="s",
        purpose="screening",
        why="Medicines that were dispensed: how long an antidepressant was tried.",
        without="Where the EHR has dispenses, they cannot be looked at; " + _NO_CANDIDATE + " there.",
    ),
    Need(
        resource_type="Medication",
        letters="r",
        purpose="screening",
        why="What a prescription names, where it only points to it.",
        without="A medicine that an entry only points to stays unknown; " + _NO_CANDIDATE + " there.",
    ),
    Need(
        resource_type="AllergyIntolerance",
        letters="s",
        purpose="screening",
        why="Allergies to ketamine and what goes with it.",
        without="Allergies cannot be looked at; " + _NO_CANDIDATE + ".",
    ),
    Need(
        resource_type="PractitionerRole",
        letters="rs",
        purpose="roles",
        why="What the clinician may do in the app: prescriber, nurse or auditor.",
        without="Some EHRs tell a clinician's own role by openid and fhirUser alone; where one does not, nobody may "
        "write. Add it, as user/ where the EHR wants that, or name the clinicians in `users`.",
    ),
    Need(
        resource_type="CarePlan",
        letters="crus",
        purpose="sessions",
        why="The course of treatment and its progress.",
        without="The course does not reach the chart or does not move on there.",
        part=Part(plural="care plans", letters="cu", tabs=frozenset({"enrolment", "progress"})),
    ),
    Need(
        resource_type="Procedure",
        letters="crus",
        purpose="sessions",
        why="Each session.",
        without="A session is not seen to have arrived in the chart, or cannot be marked there as entered in error.",
    ),
    Need(
        resource_type="MedicationAdministration",
        letters="crus",
        purpose="sessions",
        why="The dose that was given.",
        without="A dose is not seen to have arrived in the chart, or cannot be marked there as entered in error.",
    ),
    Need(
        resource_type="Observation",
        letters="crus",
        purpose="sessions",
        why="Blood pressure, pulse and the other readings of a session; results of questionnaires.",
        without="Readings reach the chart in the session's note only; results of questionnaires stay in the app.",
        part=Part(plural="observations", letters="c", tabs=frozenset({"session", "progress"})),
    ),
    Need(
        resource_type="QuestionnaireResponse",
        letters="crus",
        purpose="sessions",
        why="Questionnaires that were filled in, such as PHQ-9.",
        without="The answers of questionnaires stay in the app; their results are written.",
        part=Part(plural="questionnaire responses", letters="c", tabs=frozenset({"progress"})),
    ),
    Need(
        resource_type="MedicationStatement",
        letters="crus",
        purpose="sessions",
        why="What patients say of the doses that they take at home.",
        without="What patients say of doses taken at home stays in the app.",
        part=Part(plural="medication statements", letters="c", tabs=frozenset({"progress"})),
    ),
    Need(
        resource_type="AdverseEvent",
        letters="crus",
        purpose="sessions",
        why="Adverse events of a session.",
        without="Adverse events reach the chart in the session's note and as its complications only.",
        part=Part(plural="adverse events", letters="c", tabs=frozenset({"session"})),
    ),
    Need(
        resource_type="Provenance",
        letters="crs",
        purpose="sessions",
        why="Who recorded and who signed.",
        without="The record of who signed stays in the app; the session is written without it.",
        part=Part(plural="provenance", letters="c", tabs=frozenset({"session"})),
    ),
)

# What a session needs the EHR to take; without one of these the app only reads.
NEEDED_TO_WRITE: Final = tuple(
    need.resource_type for need in NEEDS if need.purpose == "sessions" and need.part is None
)
