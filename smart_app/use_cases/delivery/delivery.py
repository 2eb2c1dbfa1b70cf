"""One claimed message on its way to the EHR: what is known of it, and the steps that every kind of message shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync

from fhir_mappings.facts.programme import TreatmentCourse
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.read_back import differences, same_subject_and_identifier
from fhir_mappings.writing.written import FOUND_BY_TAG
from smart_app.use_cases.delivery.delivery_verdict import Limits, decided
from smart_app.use_cases.delivery.left_out import not_offered
from smart_app.use_cases.errors import BadReply, EhrError, Forbidden, Missing, OutcomeUnknown, Rejected
from smart_app.use_cases.ports import Ehr, Outbox, Work
from smart_app.use_cases.records import (
    Json,
    MessageItem,
    MessageKind,
    MessageState,
    Offer,
    OutboxMessage,
    StoredCourse,
)
from smart_app.use_cases.sent import SENDING, left_out_of

T = TypeVar("T")
ProgressOf = Callable[[str], TreatmentCourse]


class Delivery:
    """`told` are the EHR's ids by identifier value, from its answers on; `in_doubt`: something was sent and it is
    not known what became of it; `left_out`: the identifier values of what is not sent."""

    def __init__(
        self,
        message: OutboxMessage,
        ehr: Ehr,
        *,
        outbox: Outbox,
        work: Work,
        instance: Instance,
        progress_of: ProgressOf,
        limits: Limits,
    ) -> None:
        self.message = message
        self.ehr = ehr
        self.instance = instance
        self.limits = limits
        self.told: dict[str, str] = {item.value: item.reference for item in message.items if item.reference}
        self.in_doubt = message.sent is not None
        self.left_out = left_out_of((message,))
        self._outbox = outbox
        self._work = work
        self._progress_of = progress_of

    @property
    def items(self) -> tuple[MessageItem, ...]:
        """Those that are sent."""
        return tuple(item for item in self.message.items if item.value not in self.left_out)

    @property
    def types_left_out(self) -> tuple[str, ...]:
        return tuple(sorted({i.resource_type for i in self.message.items if i.value in self.left_out}))

    async def leave_out(self, values: Collection[str]) -> None:
        """Keep that these are not sent, before anything is."""
        left_out = frozenset(item.value for item in self.message.items if item.value in values)
        if left_out != self.left_out:
            await run_sync(self._outbox.leave_out, self.message.id, left_out)
            self.left_out = left_out

    async def leave_out_untaken(self, offer: Offer | None, before: Collection[str] = ()) -> None:
        """Decided once, before the first sending: what was sent is repeated as it was.

        `before` was left out when earlier versions were sent, and stays so. What the EHR holds is none of it.
        """
        if self.message.sent is not None:
            return
        untaken = not_offered(offer)
        new = [item for item in self.message.items if item.body and item.value not in self.told]
        await self.leave_out({*before, *(item.value for item in new if item.resource_type in untaken)})

    async def offer(self) -> Offer | None:
        """None: its statement cannot be read now, so the write itself has to show."""
        try:
            return await self.ehr.offer()
        except EhrError:
            return None

    async def course(self) -> StoredCourse:
        course = await run_sync(self._course)
        if course is None:
            raise decided(MessageState.MANUAL, "The app does not find the course of this message.")
        return course

    async def progress(self) -> TreatmentCourse:
        """The course as it stands now."""
        return await run_sync(self._progress_of, self.message.course)

    async def messages(self) -> tuple[OutboxMessage, ...]:
        """All messages of this course; of one that belongs to no course, all of the patient that do not."""
        return await run_sync(self._messages)

    async def read_from_store(self, reading: Callable[[Work], T]) -> T:
        return await run_sync(reading, self._work)

    async def write(self, sent: str, request: Callable[[], Awaitable[T]]) -> T:
        """Keep what is about to be sent, then send it."""
        await self.keep_sent(sent)
        self.in_doubt = True
        try:
            return await request()
        except (OutcomeUnknown, BadReply):
            raise
        except EhrError:
            self.in_doubt = False
            raise

    async def keep_sent(self, sent: str) -> None:
        """What a repetition sends. It fails when another worker has taken over."""
        await run_sync(self._outbox.keep_sent, self.message.id, sent)

    async def find(self, item: MessageItem, expected: Json) -> str | None:
        """The one resource of the EHR with this identifier and this patient; None: there is none."""
        parameter = "_tag" if item.resource_type in FOUND_BY_TAG else "identifier"
        try:
            matches = await self.ehr.search(item.resource_type, {parameter: f"{item.system}|{item.value}"})
        except (Rejected, Forbidden, Missing) as error:
            words = f"The app cannot check in this EHR whether {item.label} was written: {error.words}."
            raise decided(MessageState.MANUAL, words) from None
        ours = {one.get("id") for one in matches if is_ours(expected, one)}
        if len(ours) > 1:
            raise decided(MessageState.CONFLICT, f"The EHR holds {item.label} more than once.")
        if matches and not ours:
            words = f"The EHR answered with other records when it was asked for {item.label}: it cannot be checked."
            raise decided(MessageState.CONFLICT, words)
        return f"{item.resource_type}/{ours.pop()}" if ours else None

    async def read_back(self, item: MessageItem, expected: Json) -> tuple[str, ...]:
        """What the EHR keeps differently, by path. An answer is no proof: the resource itself is looked at."""
        resource = await self._read_new(item, self.told[item.value])
        if not is_ours(expected, resource):
            words = f"What the EHR shows for {item.label} is not what was sent: another identifier or patient."
            raise decided(MessageState.CONFLICT, words)
        return differences(expected, resource)

    async def _read_new(self, item: MessageItem, reference: str) -> Json:
        for pause in (*self.limits.read_again, None):
            try:
                return (await self.ehr.read(reference)).resource or {}
            except Missing:
                if pause is not None:
                    await anyio.sleep(pause)
        words = f"The EHR said that it took {item.label}, but does not show it: it may be held for review there."
        raise decided(MessageState.MANUAL, words)

    def _course(self) -> StoredCourse | None:
        with self._work() as uow:
            return uow.courses.get(self.message.course)

    def _messages(self) -> tuple[OutboxMessage, ...]:
        with self._work() as uow:
            if self.message.course:
                return tuple(uow.messages.of_course(self.message.course))
            of_patient = uow.messages.of_patient(self.message.ehr, self.message.patient)
            return tuple(each for each in of_patient if not each.course)


def is_ours(expected: Json, resource: Json) -> bool:
    """Whether a resource of the EHR is surely the one that was sent; one that is misshapen is not."""
    try:
        return same_subject_and_identifier(expected, resource)
    except (AttributeError, TypeError):
        return False


def goes_without_plan(messages: tuple[OutboxMessage, ...]) -> bool:
    """Whether the EHR's last word was that it does not take this course's CarePlan. A person may still send it
    again; until then the sessions do not wait for it."""
    return any(
        message.kind is MessageKind.CREATE_CARE_PLAN and message.state in {MessageState.MANUAL, MessageState.REJECTED}
        for message in messages
    )


def sent_procedures(messages: tuple[OutboxMessage, ...]) -> Mapping[str, str]:
    """Where the EHR holds the delivered sessions: session id -> "Procedure/5"."""
    return {
        message.session: item.reference
        for message in messages
        if message.kind in SENDING and message.state is MessageState.DELIVERED and message.session
        for item in message.items
        if item.resource_type == "Procedure" and item.reference
    }
