"""Both sides of what the EHR holds otherwise than we wrote it: read live and shown; nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from typing import Final

from anyio.to_thread import run_sync

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.programme import TreatmentCourse
from fhir_mappings.facts.treatment import SessionStatus
from fhir_mappings.wire import decode
from fhir_mappings.writing.care_plan import care_plan, update
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.retraction import is_retracted
from fhir_mappings.writing.side_by_side import Unlike, unlike
from smart_app.use_cases.access import audited, refuse
from smart_app.use_cases.delivery.delivery import is_ours, sent_procedures
from smart_app.use_cases.delivery.delivery_status import TAKES_BACK, messages_by_course
from smart_app.use_cases.errors import EhrError, Missing, Refused, Unauthorized
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.ports import Clock, Ehr, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, MessageItem, MessageKind, MessageState, OutboxMessage
from smart_app.use_cases.sent import SENDING, left_out_of, replaced, sent_items
from smart_app.use_cases.signing.signed_session import standing
from smart_app.use_cases.site import Site

AT_ONCE: Final = 6  # reads under way
_ACTION: Final = "clinician:delivery:compare"
_SENDS: Final = SENDING | {MessageKind.SEND_SCORE, MessageKind.SEND_STATEMENT}
_GONE: Final = "The EHR does not hold this any more."
_NOT_OURS: Final = "What the EHR shows under this id is another record, so it is not shown here."
_NOWHERE: Final = "The EHR has not told where it holds this, so it cannot be read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One entry. `words` say why nothing stands beside ours, "" where something does; no `rows` then: both agree."""

    item: str  # "Ketamine dose 14:02"
    target: str  # "MedicationAdministration"
    reference: str  # "MedicationAdministration/12", or ""
    words: str = ""
    rows: tuple[Unlike, ...] = ()
    version: str = ""  # the EHR's number of what it holds
    changed: datetime | None = None  # when the EHR kept that version; None: it does not tell
    source: str = ""  # where the EHR says that version came from, as it names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`entries` differ or could not be compared; `alike` is how many say the same on both sides, `unsent` how many
    wait until the conflict is settled."""

    message: str
    reason: str
    session: str | None
    takes_back: bool  # ours is to be marked as entered in error
    amendable: bool  # a next version of the record may be begun
    entries: tuple[Compared, ...]
    alike: int
    unsent: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What is asked of the EHR. `ours` None: it is to be marked as entered in error, or is a CarePlan."""

    item: MessageItem
    reference: str
    sent: Json
    ours: Json | None
    before: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    message: OutboxMessage
    entries: tuple[_Entry, ...]
    unsent: int
    amendable: bool
    progress: TreatmentCourse | None  # of a CarePlan
    procedures: Mapping[str, str] = field(default_factory=dict)


async def compare_with_ehr(
    work: Work, clock: Clock, caller: Caller, ehr: Ehr, message_id: str, site: Site
) -> Comparison:
    """Read what the EHR holds now, with the clinician's own token, beside what a message in conflict would write.

    What cannot be read is told and is no agreement. Nothing of another record than ours is shown. Refused where the
    message is not this patient's or not in conflict; Unauthorized where the sign-in has ended.
    """
    asked = await run_sync(partial(_asked, work, clock, caller, message_id, site))
    slots = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_read(ehr, entry.reference, slots) for entry in asked.entries))
    return await run_sync(partial(_compare, work, clock, caller, asked, found, site))


async def _read(ehr: Ehr, reference: str, slots: asyncio.Semaphore) -> Json | str:
    """The resource, or in words why there is none."""
    if not reference:
        return _NOWHERE
    try:
        async with slots:
            return (await ehr.read(reference)).resource or {}
    except Unauthorized:
        raise
    except Missing:
        return _GONE
    except EhrError as error:
        return f"It could not be read now: {error.words}."


def _asked(work: Work, clock: Clock, caller: Caller, message_id: str, site: Site) -> _Asked:
    now = clock()
    with work() as uow:
        groups = messages_by_course(uow, caller)
        group = next((each for each in groups if any(one.id == message_id for one in each)), ())
        message = next((one for one in group if one.id == message_id), None)
        if message is None:
            refuse(uow, caller, now, _ACTION, Refused("There is no such item for this patient."))
        if message.state is not MessageState.CONFLICT:
            advice = "Go back to see where it stands."
            refuse(uow, caller, now, _ACTION, Refused("This is not in conflict with the EHR.", advice=advice))
        if replaced(message, group):
            words = "A later version was written to the EHR instead, so nothing is left to do."
            refuse(uow, caller, now, _ACTION, Refused(words))
        course = uow.courses.get(message.course) if message.course else None
        place = course.care_plan if course else None
        amendable = _amendable(uow, message)
    if message.items and message.items[0].resource_type == "CarePlan":
        (item,) = message.items
        progress = progress_of(work, clock)(message.course)
        ours = decode(care_plan(progress, site.instance, procedures={}).body)
        entry = _Entry(item=item, reference=place or item.reference or "", sent=ours, ours=None)
        held = sent_procedures(tuple(group))
        return _Asked(
            message=message, entries=(entry,), unsent=0, amendable=False, progress=progress, procedures=held
        )
    entries = tuple(_entries(message, group, place))
    sent = tuple(each for each in entries if each.reference or each.before or message.sent is not None)
    unsent = len(entries) - len(sent)
    return _Asked(message=message, entries=sent, unsent=unsent, amendable=amendable, progress=None)


def _amendable(uow: UnitOfWork, message: OutboxMessage) -> bool:
    session = uow.sessions.get(message.session) if message.session else None
    return (
        session is not None
        and session.signed is not None
        and session.signed.dose is not None
        and session.amendment is None
        and session.status is not SessionStatus.ENTERED_IN_ERROR
    )


def _entries(message: OutboxMessage, group: Sequence[OutboxMessage], place: str | None) -> list[_Entry]:
    earlier = [one for one in group if one.kind in _SENDS and one.seq < message.seq]
    history = sent_items(earlier)
    names = {item.value for item in message.items}
    linked = any(place and f'"{place}"' in (one.sent or "") for one in (message, *earlier) if names & _names(one))
    places = {item.value: item.reference for one in (*earlier, message) for item in one.items if item.reference}
    known: dict[str, str | None] = {message.course: place if linked else None} if message.course else {}
    known |= dict.fromkeys(left_out_of((*earlier, message))) | places
    made = []
    for item in message.items:
        sent = history.get(item.value, [])
        if item.left_out or not (item.body or sent):
            continue
        stood = tuple(standing(each, fhir_base=message.fhir_base, known=known) for each in sent)
        wrong = message.kind in TAKES_BACK or not item.body
        ours = None if wrong else standing(item, fhir_base=message.fhir_base, known=known)
        last = ours if ours is not None else stood[-1]
        made.append(_Entry(item=item, reference=places.get(item.value, ""), sent=last, ours=ours, before=stood))
    return made


def _names(message: OutboxMessage) -> set[str]:
    return {item.value for item in message.items}


def _compare(
    work: Work, clock: Clock, caller: Caller, asked: _Asked, found: Sequence[Json | str], site: Site
) -> Comparison:
    now, message = clock(), asked.message
    made = [
        _compared(entry, resource, asked, site, now.tzinfo)
        for entry, resource in zip(asked.entries, found, strict=True)
    ]
    shown = sorted((each for each in made if each.words or each.rows), key=_waits_only)
    read = [each.reference for each, one in zip(made, found, strict=True) if not isinstance(one, str)]
    hidden = sum(each.words == _NOT_OURS for each in made)
    detail = f"{len(read)} of {len(made)} entries read, {len(shown)} not alike."
    if hidden:
        detail += f" {hidden} held another record under its id: not shown."
    outcome = AuditOutcome.SUCCESS if read else AuditOutcome.FAILED
    with work() as uow:
        entities = (f"message/{message.id}", *read)
        uow.audit.add(audited(caller, now, _ACTION, *entities, outcome=outcome, detail=detail))
        uow.commit()
    return Comparison(
        message=message.id,
        reason=message.reason,
        session=message.session,
        takes_back=message.kind in TAKES_BACK,
        amendable=asked.amendable,
        entries=tuple(shown),
        alike=len(made) - len(shown),
        unsent=asked.unsent,
        at=now,
    )


def _waits_only(compared: Compared) -> bool:
    """Whether others have left it alone: such entries are not what stands in the way, and come last."""
    return not compared.words and not any(row.by_others for row in compared.rows)


def _compared(entry: _Entry, found: Json | str, asked: _Asked, site: Site, zone: tzinfo | None) -> Compared:
    told = partial(Compared, item=entry.item.label, target=entry.item.resource_type, reference=entry.reference)
    if isinstance(found, str):
        return told(words=found)
    if not is_ours(entry.sent, found):
        return told(words=_NOT_OURS)
    stamped = partial(told, **_stamp(found, zone))
    if asked.progress is not None:
        try:
            base, procedures = asked.message.fhir_base, asked.procedures
            merged = update(found, asked.progress, site.instance, fhir_base=base, procedures=procedures)
        except (Unwritable, TypeError, AttributeError):  # misshapen, as it stands there
            return stamped(words="What the EHR holds is not shaped so that it can be compared.")
        return stamped(rows=unlike(decode(merged), found, zone=zone))
    if entry.ours is not None:
        return stamped(rows=unlike(entry.ours, found, entry.before, zone=zone))
    if is_retracted(found):
        return told()
    wrong = Unlike(element="Status", ours="entered in error", theirs=str(found.get("status", "valid")))
    return stamped(rows=(wrong, *unlike(entry.before[-1], found, zone=zone)))


def _stamp(found: Json, zone: tzinfo | None) -> dict[str, object]:
    """Which version, since when and from where, as far as `meta` tells."""
    meta = found.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    changed: datetime | None = None
    try:
        updated = datetime.fromisoformat(str(meta.get("lastUpdated", "")))
        if updated.tzinfo is not None:  # R4 instant: without an offset it is no time
            changed = updated.astimezone(zone)
    except (ValueError, OverflowError):
        pass  # the EHR does not tell
    told = {name: meta.get(name) for name in ("versionId", "source")}
    text = {name: value[:200] if isinstance(value, str) else "" for name, value in told.items()}
    return {"version": text["versionId"], "changed": changed, "source": text["source"]}
