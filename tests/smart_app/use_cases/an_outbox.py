"""A clinic with an outbox, an EHR and a clock, for tests of the delivery."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.programme import CourseStatus, TreatmentCourse
from fhir_mappings.facts.treatment import KetamineSession, Place, Role, Route, SessionStatus, Signature
from fhir_mappings.writing.session_bundle import countersigned, session_resources
from smart_app.use_cases.delivery.deliver_outbox import deliver_next
from smart_app.use_cases.delivery.delivery_verdict import Limits
from smart_app.use_cases.records import (
    MessageItem,
    MessageKind,
    MessageState,
    OutboxMessage,
    StoredCourse,
    StoredSession,
)
from smart_app.use_cases.session.typed_session import BY
from smart_app.use_cases.signing.signed_session import differing, frozen
from tests.fakes import FakeOutbox, FakeWork
from tests.fhir_mappings.writing.a_session import (
    DOCTOR,
    EHR,
    INSTANCE,
    NURSE,
    a_course,
    a_dose,
    a_reading,
    a_session,
    an_id,
)
from tests.smart_app.use_cases.scripted_ehr import Killed, ScriptedEhr

START = datetime(2026, 11, 20, 16, 10, tzinfo=UTC)
LIMITS = Limits(read_again=())
FINAL = {MessageState.DELIVERED, MessageState.REJECTED, MessageState.CONFLICT, MessageState.MANUAL}


class Clinic:
    """Everything that `deliver_next` takes, with time that a test moves."""

    def __init__(self, *, seed: int = 1, limits: Limits = LIMITS) -> None:
        self.time = START
        self.work: Any = FakeWork()
        self.outbox: Any = FakeOutbox(self.work)
        self.ehr: Any = ScriptedEhr(fhir_base=EHR, now=self.clock)
        self.launches = {"launch-1"}
        self.courses: dict[str, TreatmentCourse] = {}
        self.pauses: dict[str, datetime] = {}
        self.random = random.Random(seed)  # noqa: S311  # a seeded run, no secret
        self.limits = limits
        self._numbers = iter(range(1000, 100_000))

    def clock(self) -> datetime:
        return self.time

    def enrol(self, number: int = 9) -> str:
        """A course with its CREATE_CARE_PLAN; number 9 is the builders' own."""
        course = a_course(id=an_id(number), patient=f"{EHR}/Patient/p{number}", notes=())
        self.courses[course.id] = course
        with self.work() as uow:
            uow.courses.add(_stored(course))
            uow.audit.add(AuditRecord(action="clinician:course:enrol", at=self.time))
            uow.commit()
        self._queue_plan(MessageKind.CREATE_CARE_PLAN, course)
        return course.id

    def sign(self, course_id: str, **changes: Any) -> KetamineSession:
        """A signed session with its SEND_SESSION."""
        course = self.courses[course_id]
        session = a_session(
            id=self._id(),
            course=course.id,
            patient=course.patient,
            dose=a_dose(id=self._id()),
            readings=(replace(a_reading(3), id=self._id()),),
        )
        session = replace(session, **changes)
        items = tuple(
            MessageItem(
                resource_type=one.resource_type,
                system=one.system,
                value=one.value,
                label=one.label,
                body=one.body.decode(),
            )
            for one in session_resources(session, course, INSTANCE)
        )
        self._keep(session)
        self._queue(MessageKind.SEND_SESSION, course, items, session.id)
        return session

    def amend(self, session: KetamineSession, **changes: Any) -> KetamineSession:
        """The next version of a session with its AMEND_SESSION, as signing queues it."""
        course = self.courses[session.course]
        signature = replace(session.signature, at=session.signature.at + timedelta(hours=1))
        next_one = {"version": session.version + 1, "amended": "A value was mistyped.", "signature": signature}
        made = replace(session, **(next_one | changes))
        whole = tuple(map(MessageItem.of, session_resources(made, course, INSTANCE)))
        with self.work() as uow:
            version = frozen(session.id, made, whole)
            items = differing(uow.messages.of_course(course.id), version, whole)
            held = uow.sessions.get(session.id) or _draft(session)
            uow.sessions.replace(replace(held, signed=made))
            uow.audit.add(AuditRecord(action="clinician:session:sign", at=self.time))
            uow.commit()
        self._queue(MessageKind.AMEND_SESSION, course, items, session.id)
        return made

    def countersign(self, session: KetamineSession) -> MessageItem:
        """Its Provenance, with the COUNTERSIGN_SESSION that carries it."""
        course = self.courses[session.course]
        signature = Signature(by=NURSE, at=self.time, meaning="authorship of my entries")
        resources = session_resources(session, course, INSTANCE)
        item = MessageItem.of(countersigned(session, resources, signature, INSTANCE, None))
        self._queue(MessageKind.COUNTERSIGN_SESSION, course, (item,), session.id)
        return item

    def progress(self, course_id: str, **changes: Any) -> None:
        """The course moves on, with its UPDATE_CARE_PLAN."""
        self.courses[course_id] = replace(self.courses[course_id], **changes)
        self._queue_plan(MessageKind.UPDATE_CARE_PLAN, self.courses[course_id])

    def retract(self, session: KetamineSession) -> None:
        wrong = replace(
            session, status=SessionStatus.ENTERED_IN_ERROR, reason="wrong patient", entered_in_error_at=self.time
        )
        with self.work() as uow:
            held = uow.sessions.get(session.id) or _draft(session)
            noted = {BY + "error.reason": NURSE.reference}
            uow.sessions.replace(replace(held, signed=wrong, authors=(DOCTOR, NURSE), fields=noted))
            uow.audit.add(AuditRecord(action="clinician:session:retract", at=self.time))
            uow.commit()
        self._queue(MessageKind.RETRACT_SESSION, self.courses[session.course], (), session.id)

    async def once(self) -> bool:
        return await deliver_next(
            self.outbox,
            self.work,
            lambda launch: self.ehr if launch in self.launches else None,
            self.clock,
            INSTANCE,
            progress_of=lambda course_id: self.courses[course_id],
            uniform=self.random.uniform,
            pauses=self.pauses,
            limits=self.limits,
        )

    async def drain(self, until: timedelta = timedelta(days=40), *, relaunch: bool = False) -> None:
        """Run until nothing is due any more, moving the clock to each next due time."""
        end = self.time + until
        while self.time < end:
            await self._burst()
            due = self.outbox.next_due(self.time)
            if due is None and relaunch and self._release():
                continue
            if due is None:
                return
            self.time = max(due, self.time + timedelta(milliseconds=1))

    async def _burst(self) -> None:
        while True:
            try:
                if not await self.once():
                    return
            except Killed:
                self.time += timedelta(seconds=1)

    def messages(self, kind: MessageKind | None = None) -> list[OutboxMessage]:
        queue = self.work.kept.queue.values()
        return [one.message for one in queue if kind in {None, one.message.kind}]

    @property
    def last(self) -> OutboxMessage:
        return self.messages()[-1]

    def _release(self) -> int:
        with self.work() as uow:
            waiting = {one.patient for one in self.messages() if one.state is MessageState.WAIT_AUTH}
            released = sum(uow.messages.release(patient, launch="launch-1", now=self.time) for patient in waiting)
            uow.audit.add(AuditRecord(action="clinician:message:release", at=self.time))
            uow.commit()
        return released

    def _id(self) -> str:
        return an_id(next(self._numbers))

    def _keep(self, session: KetamineSession) -> None:
        with self.work() as uow:
            uow.sessions.add(_draft(session))
            uow.audit.add(AuditRecord(action="clinician:session:sign", at=self.time))
            uow.commit()

    def _queue_plan(self, kind: MessageKind, course: TreatmentCourse) -> None:
        item = MessageItem(
            resource_type="CarePlan",
            system=INSTANCE.system("programme"),
            value=course.id,
            label="Treatment plan",
            body="",
        )
        self._queue(kind, course, (item,), None)

    def _queue(
        self, kind: MessageKind, course: TreatmentCourse, items: tuple[MessageItem, ...], session: str | None
    ) -> None:
        message = OutboxMessage(
            id=self._id(),
            kind=kind,
            ehr="sandbox",
            fhir_base=EHR,
            patient=course.patient,
            launch="launch-1",
            course=course.id,
            session=session,
            items=items,
            created=self.time,
            due=self.time,
        )
        with self.work() as uow:
            uow.messages.add(message)
            uow.audit.add(AuditRecord(action="app:message:queue", at=self.time))
            uow.commit()


def _stored(course: TreatmentCourse) -> StoredCourse:
    return StoredCourse(
        id=course.id,
        ehr=course.ehr,
        fhir_base=EHR,
        patient=course.patient,
        route=Route.IV,
        definition="1.0",
        status=CourseStatus.ACTIVE,
        enrolled_at=course.enrolled_at,
        enrolled_by=DOCTOR,
        start=date(2026, 11, 12),
        place=Place.CLINIC,
        planned=course.planned,
        screening=an_id(10),
        conditions=course.conditions,
        enrolment={},
    )


def _draft(session: KetamineSession) -> StoredSession:
    return StoredSession(
        id=session.id,
        course=session.course,
        ehr="sandbox",
        patient=session.patient,
        number=session.number,
        status=session.status,
        opened=session.started,
        opened_by=replace(DOCTOR, role=Role.PRESCRIBER),
        dose=session.dose.id if session.dose else "",
        fields={},
        signed=session,
    )
