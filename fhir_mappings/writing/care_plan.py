"""A course of treatment as a CarePlan (R4, US Core 7.0.0): made anew, or merged into the EHR's current one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fhir_mappings import wire
from fhir_mappings.facts.programme import CourseNote, CourseStatus, PlannedSession, TreatmentCourse
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.titration import TitrationStep
from fhir_mappings.facts.treatment import Purpose
from fhir_mappings.writing import transaction
from fhir_mappings.writing.canonical import (
    COURSE_COUNT_EXTENSION,
    COURSE_PROFILE,
    US_CORE_CARE_PLAN,
    plan_definition,
)
from fhir_mappings.writing.care_plan_merge import merged, without_goals
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.course_narrative import course_narrative, course_sentence
from fhir_mappings.writing.datatypes import annotation, concept, instant, person, plain, quantity, reference
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.goal import contained_goals
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.read_back import same_subject_and_identifier
from fhir_mappings.writing.soundness import refuse_unsound
from fhir_mappings.writing.terminology import ASSESS_PLAN, KETAMINE, PROCEDURE_CODE, PROCEDURE_TEXT, session_title
from fhir_mappings.writing.written import Json, WrittenResource

_TITLES = {
    Purpose.COURSE: "Ketamine programme",
    Purpose.BOOSTER: "Ketamine booster",
    Purpose.MAINTENANCE: "Ketamine maintenance",
}


def care_plan(course: TreatmentCourse, instance: Instance, *, procedures: Mapping[str, str]) -> WrittenResource:
    """The course as it stands. `procedures` gives the EHR's ids of sent sessions: session id -> "Procedure/5"."""
    identifier = instance.identifier("programme", course.id)
    body = wire.encode(checked(_resource(course, instance, procedures)))
    return WrittenResource(
        resource_type="CarePlan",
        system=identifier["system"],
        value=identifier["value"],
        label="Treatment course",
        body=body,
    )


def travelling(resource: WrittenResource, fhir_base: str) -> bytes:
    """The CarePlan as it is sent to be created: references on `fhir_base` become relative."""
    return wire.encode(transaction.travelling(resource, fhir_base=fhir_base, known={}))


def goalless(body: bytes) -> bytes | None:
    """A CarePlan of ours as it is sent, without its goals; its text still tells them. None: it has none."""
    plan = wire.decode(body)
    rest = without_goals(plan, plan)
    return None if rest == plan else wire.encode(rest)


def update(
    current: Json,
    course: TreatmentCourse,
    instance: Instance,
    *,
    fhir_base: str,
    procedures: Mapping[str, str],
    goals: bool = True,
) -> bytes:
    """The EHR's current CarePlan with our own elements brought up to date; all that others added stays.

    `id` and `meta` stay as they were read, since the server numbers the new version: send it with If-Match on
    the version that was read. Without `goals` ours are taken out, so that none stays as it no longer stands.

    Raises Unwritable when `current` is another plan or another patient's.
    """
    ours = wire.decode(travelling(care_plan(course, instance, procedures=procedures), fhir_base))
    if not same_subject_and_identifier(ours, current):
        raise Unwritable("current", "is not the CarePlan of this course and patient")
    if "id" not in current:
        raise Unwritable("current.id", "is missing")
    if not goals:
        current, ours = without_goals(current, ours), without_goals(ours, ours)
    return wire.encode(merged(current, ours, procedures.values()))


def _resource(course: TreatmentCourse, instance: Instance, procedures: Mapping[str, str]) -> Json:
    refuse_unsound("course", course)
    period = _period(course)
    return {
        "resourceType": "CarePlan",
        "meta": {"profile": [COURSE_PROFILE, US_CORE_CARE_PLAN]},
        "text": {"status": "generated", "div": course_narrative(course)},
        "extension": [_count(course)],
        "identifier": [instance.identifier("programme", course.id)],
        "instantiatesCanonical": [plan_definition(course.route, course.version)],
        "status": course.status.value,
        "intent": "plan",
        "category": [ASSESS_PLAN],
        "title": f"{_TITLES[course.purpose]}: {programme_of(course).title}",
        "description": course_sentence(course),
        "subject": reference("course.patient", course.patient, "Patient"),
        "period": period,
        "created": instant("course.enrolled_at", course.enrolled_at),
        "author": person("course.enrolled_by", course.enrolled_by),
        **_contributors(course),
        **_addresses(course),
        **_supporting(course, instance),
        **contained_goals(course, instance, period["start"]),
        **_activities(course, instance, procedures),
        **_notes(course),
    }


def _step_status(course: TreatmentCourse, step: TitrationStep) -> str:
    """Of a step that never began: cancelled."""
    if step.last is not None:
        return "completed" if step.last >= step.first else "cancelled"
    over = course.status in {CourseStatus.REVOKED, CourseStatus.COMPLETED, CourseStatus.ENTERED_IN_ERROR}
    return "stopped" if over else "in-progress"


def _count(course: TreatmentCourse) -> Json:
    counts = {"planned": len(course.planned), "counted": course.counted, "missed": course.missed}
    if not course.planned:
        del counts["planned"]  # an open-ended course has no number to reach
    return {
        "url": COURSE_COUNT_EXTENSION,
        "extension": [{"url": name, "valueUnsignedInt": count} for name, count in counts.items()],
    }


def _period(course: TreatmentCourse) -> Json:
    """A course that ended before its first day was in effect from the enrolment on."""
    if course.ended is None:
        return {"start": course.start.isoformat()}
    if course.ended < course.enrolled_at.date() - timedelta(days=1):  # a day off: the two may be told in two zones
        raise Unwritable("course.ended", "is before the enrolment")
    start = course.start if course.start <= course.ended else min(course.enrolled_at.date(), course.ended)
    return {"start": start.isoformat(), "end": course.ended.isoformat()}


def _contributors(course: TreatmentCourse) -> Json:
    others = {note.author.reference: note.author for note in course.notes if note.author.reference}
    others.pop(course.enrolled_by.reference, None)
    if not others:
        return {}
    return {"contributor": [person("course.notes.author", other) for other in others.values()]}


def _addresses(course: TreatmentCourse) -> Json:
    if not course.conditions:
        return {}
    return {"addresses": [reference("course.conditions", one, "Condition") for one in course.conditions]}


def _supporting(course: TreatmentCourse, instance: Instance) -> Json:
    """The screening; of a booster or maintenance also the plan before it, by its identifier alone: it may be in the
    EHR or not."""
    named = [("CarePlan", "programme", course.follows), ("ClinicalImpression", "screening", course.screening)]
    known = [instance.logical(kind, system, value) for kind, system, value in named if value is not None]
    return {"supportingInfo": known} if known else {}


def _activities(course: TreatmentCourse, instance: Instance, procedures: Mapping[str, str]) -> Json:
    made = [_activity(course, planned, instance, procedures) for planned in course.planned]
    made += [_step(course, step) for step in course.titration]
    return {"activity": made} if made else {}


def _step(course: TreatmentCourse, step: TitrationStep) -> Json:
    """One step of a titration. Its text is how it is known as ours, and does not change."""
    last = {"end": step.last.isoformat()} if step.last is not None and step.last >= step.first else {}
    return {
        "detail": {
            "kind": "MedicationRequest",
            "code": concept(text=f"{PROCEDURE_TEXT[course.route]}, titration step {step.number}"),
            "status": _step_status(course, step),
            "scheduledPeriod": {"start": step.first.isoformat()} | last,
            "productCodeableConcept": concept(KETAMINE, text="Ketamine, sublingual"),
            "dailyAmount": quantity("course.titration.mg", step.mg, "mg"),
            "description": f"{step.mg} mg once a day",
        }
    }


def _activity(
    course: TreatmentCourse, planned: PlannedSession, instance: Instance, procedures: Mapping[str, str]
) -> Json:
    activity: Json = {}
    if planned.session is not None:
        outcome = instance.logical("Procedure", "session", planned.session)
        if planned.session in procedures:
            outcome = {"reference": procedures[planned.session], **outcome}
        activity["outcomeReference"] = [outcome]
    if planned.note and plain(planned.note):
        activity["progress"] = [{"text": plain(planned.note)}]
    # The text is how an activity is known as ours when the plan is merged: it never changes.
    code = concept(
        PROCEDURE_CODE[course.route], text=session_title(course.route, planned.number, purpose=course.purpose)
    )
    detail: Json = {"kind": "ServiceRequest", "code": code, "status": planned.status.value}
    if planned.day is not None:
        detail["scheduledPeriod"] = {"start": planned.day.isoformat(), "end": planned.day.isoformat()}
    booster = course.purpose is Purpose.BOOSTER
    detail["description"] = "Booster session" if booster else f"Session {planned.number} of {len(course.planned)}"
    return activity | {"detail": detail}


def _notes(course: TreatmentCourse) -> Json:
    notes = [_note(note) for note in course.notes if plain(note.text)]
    return {"note": notes} if notes else {}


def _note(note: CourseNote) -> Json:
    if not note.author.reference:  # the EHR named nobody for the launch that found it
        return {
            "authorString": plain(note.author.name),
            "time": instant("course.notes.at", note.at),
            "text": plain(note.text),
        }
    return annotation("course.notes", note.author, note.at, note.text)
