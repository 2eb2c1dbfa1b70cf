"""What passes between use cases, store and EHR: the caller, the stored records, the messages of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from fhir_mappings.facts.clinical import Area, PatientFacts, Score
from fhir_mappings.facts.programme import CourseNote, CourseStatus, Finish, Held, PlannedSession, ProgrammeDefinition
from fhir_mappings.facts.titration import Review, TitrationStep
from fhir_mappings.facts.treatment import (
    Clinician,
    KetamineSession,
    Place,
    Purpose,
    Role,
    Route,
    SessionStatus,
    Signature,
)
from fhir_mappings.writing.written import WrittenResource
from smart_app.clinical.entry import day, readable

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is at the screen: a launch, its patient, and the clinician whom the EHR named."""

    launch: str
    ehr: str
    fhir_base: str
    patient_id: str  # logical id
    clinician: Clinician
    may_write: bool  # False: no write scope was granted, or the EHR named no practitioner
    encounter: str | None = None  # logical id
    show_banner: bool = True
    tenant: str | None = None
    not_granted: frozenset[str] = frozenset()  # types of left_out.PARTS that this launch may not write

    @property
    def patient(self) -> str:
        """The absolute URL of the launch patient."""
        return f"{self.fhir_base}/Patient/{self.patient_id}"

    @property
    def role(self) -> Role:
        return self.clinician.role


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """With it the devices of one user seal what they could not send of one patient."""

    id: str
    patient: str  # absolute URL
    author: str  # the clinician's reference
    made: datetime
    expires: datetime  # then it is destroyed, and nobody can read any more what it sealed
    secret: str = field(repr=False)  # base64 of 32 bytes
    closed: datetime | None = None  # it seals nothing new since: a session of the patient was signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One answer of the EHR: the parsed resource (None: empty body), its version and where it is."""

    resource: Json | None
    etag: str | None = None  # the ETag header as given, for If-Match
    location: str | None = None  # "Type/id" taken from the Location header; the host in it is ignored
    created: bool = False  # 201


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFetch:
    """A part of the chart that could not be read in full."""

    area: Area
    reason: str  # in words: "the EHR refused it (403)", "page 2 failed (500)", "page limit reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that was fetched to screen a patient, raw, and everything that failed."""

    resources: tuple[Json, ...]
    failures: tuple[FailedFetch, ...] = ()
    not_offered: tuple[str, ...] = ()  # types that the EHR's /metadata does not declare: not asked
    foreign: tuple[str, ...] = ()  # areas in which the EHR answered with another patient's record; all are failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What an EHR says in /metadata that it takes."""

    transaction: bool
    readable: frozenset[str]
    creatable: frozenset[str]
    updatable: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What the patient said to one question. Never changed: a later answer stands in its place."""

    id: str
    ehr: str
    patient: str
    question: str  # a rule's id, or a trial's question
    said: str  # yes, no, unknown
    at: datetime
    by: Clinician
    days: int  # how long it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOverride:
    """A prescriber's decision against one finding. Never changed and never removed."""

    id: str
    ehr: str
    patient: str
    screening: str
    rule: str
    effect: str  # contraindicated or hold
    title: str  # the rule's question, as it was then
    evidence: tuple[Json, ...]  # {"reference", "date", "text"}: what the finding rested on
    reason: str
    at: datetime
    by: Clinician


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningInputs:
    """What one reading of the chart gave: enough to ask the rules again, later, without the EHR."""

    id: str
    ehr: str
    patient: str
    at: datetime
    facts: PatientFacts
    not_offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScreening:
    """One screening as it was shown: the result and what it was made from. `at` is when the chart was read."""

    id: str
    launch: str
    ehr: str
    patient: str
    at: datetime
    by: Clinician
    status: str  # candidate, needs-review, ...
    rules_version: str
    result: Json  # as `ketamine-pathway screen --format json` prints it
    read: tuple[str, ...]  # references with versions
    conditions: tuple[str, ...]  # references of the indicating Conditions, relative
    person: Json  # banner: family, given, birthDate, gender, mrn, allergies (words)
    weight: Json | None = None  # {"kg": "82.0", "date": "2026-11-20", "reference": "Observation/1"}
    baseline_scores: tuple[Json, ...] = ()  # PHQ-9 totals of the chart: {"total", "date", "reference", "item9"}
    encounter: str | None = None  # logical id
    judged: datetime | None = None  # when the rules were asked; None: when the chart was read
    inputs: str | None = None  # id of the `ScreeningInputs`; None: an early release kept none
    settings: Json | None = None  # of the site, as `rule_settings.as_json` writes them
    answers: tuple[StoredAnswer, ...] = ()  # those that counted
    overrides: tuple[StoredOverride, ...] = ()  # those that counted
    scores: tuple[Score, ...] = ()  # entered in this app; those that the chart held too among them
    after_overrides: str | None = None  # the status that is left; None: nothing was overridden
    compared_with: str | None = None  # id of the earlier screening that "new" is meant against

    @property
    def stands_as(self) -> str:
        """The status that decides what may be done next: the rules', or what the overrides leave of it."""
        return self.after_overrides or self.status

    @property
    def day(self) -> date:
        """The day that the rules were asked about."""
        return (self.judged or self.at).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCourse:
    """A course and its enrolment. `version` grows with each change (optimistic lock)."""

    id: str
    ehr: str
    fhir_base: str
    patient: str  # absolute URL
    route: Route
    definition: str  # version of the programme definition
    status: CourseStatus
    enrolled_at: datetime
    enrolled_by: Clinician
    start: date
    place: Place
    planned: tuple[PlannedSession, ...]
    screening: str
    conditions: tuple[str, ...]  # absolute URLs
    enrolment: Mapping[str, str]  # the form's fields: weight, dose plan, consent, escort, emergency contact, ...
    notes: tuple[CourseNote, ...] = ()
    ended: date | None = None
    programme: ProgrammeDefinition | None = None  # as enrolled: ask `programme_of`; None: an early course
    held: Held | None = None  # why it is on hold, while it is; None also in early courses
    held_at: datetime | None = None
    resumed: date | None = None  # when a prescriber last decided to go on
    finish: Finish | None = None  # how a prescriber ended it early
    care_plan: str | None = None  # "CarePlan/id" once it was read back
    purpose: Purpose = Purpose.COURSE
    follows: str | None = None  # the course before a booster or maintenance, in which the patient was treated
    titration: tuple[TitrationStep, ...] = ()  # of doses that the patient takes alone, oldest first
    reviews: tuple[Review, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line added during a session: a reading, an adverse event or a note. Nothing is deleted.

    `fields` are as typed. `id` is made by the form, so that sending it twice adds one line.
    """

    id: str
    kind: str  # "reading", "event", "note"
    at: datetime  # when it happened
    entered: datetime
    late: bool
    by: Clinician
    fields: Mapping[str, str]
    struck: str | None = None
    struck_by: Clinician | None = None
    struck_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A signed session that is open again, and what it was before, for when the amendment is given up."""

    reason: str
    by: Clinician
    at: datetime
    status: SessionStatus
    fields: Mapping[str, str]
    entries: tuple[Entry, ...]
    authors: tuple[Clinician, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMedicine:
    """A medicine of the patient's list about which is asked whether it was held on the day."""

    name: str
    kind: str  # why it is asked: "benzodiazepine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What the checklist of a session was told by the screening at its opening; the record asks what was asked."""

    medicines: tuple[AskedMedicine, ...] = ()
    list_read: bool = False  # False: the list of medicines is not known, or not whole
    no_pregnancy: str = ""  # why pregnancy is not asked about; empty: it is


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session from its opening on. Until it is signed, `fields` are the form's values as typed.

    `signed` is the last signed version; it stands while an amendment is being typed.
    """

    id: str
    course: str
    ehr: str
    patient: str
    number: int
    status: SessionStatus
    opened: datetime
    opened_by: Clinician
    dose: str  # UUID of the dose to come
    fields: Mapping[str, str]  # "check.identity" -> "yes", "dose.given_mg" -> "41", "discharge.gait" -> "yes", ...
    entries: tuple[Entry, ...] = ()
    authors: tuple[Clinician, ...] = ()  # everyone who saved something
    encounter: str | None = None
    background: Background = Background()
    signed: KetamineSession | None = None
    amendment: Amendment | None = None  # None: nobody is amending it
    given_up: tuple[Amendment, ...] = ()  # with what had been typed in them
    version: int = 1

    @property
    def held_on(self) -> date:
        """The local day of the dose; without one, that of the opening."""
        return readable(day, self.fields.get("dose.date", "").strip()) or self.opened.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVersion:
    """A session as one signature left it, frozen. Never changed and never removed."""

    id: str  # "<session>/<number>": no version is ever kept twice
    session: str
    number: int
    record: KetamineSession
    resources: tuple[MessageItem, ...]  # our bytes, of everything, whatever the EHR takes
    sha256: str  # of what was signed: `writing.provenance.signed_bytes`


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersignature:
    """A second person's signature of one version. Never changed and never removed."""

    id: str  # "<session>/<number>/<tag of its Provenance>": nobody signs one version twice
    session: str
    number: int
    signature: Signature
    sha256: str  # of the version that was signed
    resource: MessageItem  # its Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScore:
    """One filling-in of a questionnaire, as it was entered. Never changed: a wrong one is struck out."""

    id: str
    course: str | None
    ehr: str
    patient: str
    scale: str  # "phq9", ...: a key of the table of instruments
    total: int | None  # None: a screener has none, and a form with an item missing
    item9: int | None  # the answer to the item on death or self-harm, which is PHQ-9's ninth; None: not known
    day: date
    at: datetime
    by: Clinician
    answers: Mapping[str, int] = field(default_factory=dict)  # item -> score; empty: only the total was entered
    level: str = ""  # of risk
    complete: bool = True
    source: str = ""  # of a total, in words
    taken: datetime | None = None  # when it was answered; None: only the day is known
    session: str | None = None
    encounter: str | None = None  # logical id
    version: str = ""  # of the instrument's row in the table; "": a release that kept none


class DecisionKind(StrEnum):
    STRIKE = "strike"  # about a score
    RELAPSE = "relapse"  # about a course; `value` is its cause
    SCALE = "scale"  # about a course; `value` is the scale it is judged by from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDecision:
    """What a clinician decided about scores or a course. Never changed: a later one stands in its place."""

    id: str
    ehr: str
    patient: str
    kind: DecisionKind
    about: str  # id of the score or course
    value: str = ""
    day: date  # of what is decided about
    reason: str
    at: datetime
    by: Clinician


class CareKind(StrEnum):
    URINARY = "urinary"  # symptoms asked about
    LIVER = "liver"  # values entered by hand
    PRESSURE = "pressure"  # measured between sessions
    LOG = "log"  # what the patient says of doses taken alone
    STRIKE = "strike"  # of another entry, `about`


@dataclass(frozen=True, slots=True, kw_only=True)
class CareEntry:
    """Something asked, measured or told between sessions. Never changed: a wrong one is struck out by another."""

    id: str
    ehr: str
    patient: str
    kind: CareKind
    day: date  # on which it was so; of a span, the first
    at: datetime  # when it was entered
    by: Clinician
    fields: Mapping[str, str]  # as typed
    until: date | None = None  # the last day of a span
    course: str | None = None
    about: str = ""  # id of the entry that is struck out


class MessageKind(StrEnum):
    CREATE_CARE_PLAN = "create-care-plan"
    SEND_SESSION = "send-session"
    UPDATE_CARE_PLAN = "update-care-plan"
    RETRACT_SESSION = "retract-session"
    SEND_SCORE = "send-score"
    RETRACT_SCORE = "retract-score"
    SEND_STATEMENT = "send-statement"
    RETRACT_STATEMENT = "retract-statement"
    AMEND_SESSION = "amend-session"
    COUNTERSIGN_SESSION = "countersign-session"


class MessageState(StrEnum):
    """reliability: DELIVERED only after it was read back."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    RETRY_AT = "retry-at"
    UNKNOWN = "unknown"
    WAIT_AUTH = "wait-auth"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    MANUAL = "manual"

    @property
    def final(self) -> bool:
        return self in {MessageState.DELIVERED, MessageState.REJECTED, MessageState.CONFLICT, MessageState.MANUAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageItem:
    """One resource of a message, for the page and for reading back."""

    resource_type: str
    system: str  # of the business identifier, or of the tag for Provenance
    value: str
    label: str  # "Blood pressure 14:10"; no patient data
    body: str  # our bytes as text; "" where the body is built at sending (CarePlan)
    reference: str | None = None  # "Type/id" in the EHR, once read back
    left_out: bool = False  # never sent: the EHR does not offer to take its type

    @classmethod
    def of(cls, written: WrittenResource) -> MessageItem:
        return cls(
            resource_type=written.resource_type,
            system=written.system,
            value=written.value,
            label=written.label,
            body=written.body.decode(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """One write to come. `id` is its idempotency key; `seq` orders the messages of a patient."""

    id: str
    kind: MessageKind
    ehr: str
    fhir_base: str
    patient: str  # absolute URL
    launch: str  # whose token sends it
    course: str  # "": of no course
    session: str | None
    items: tuple[MessageItem, ...]
    created: datetime
    due: datetime
    state: MessageState = MessageState.QUEUED
    seq: int = 0  # given by the store
    attempts: int = 0
    reason: str = ""  # in words
    sent: str | None = None  # what was actually sent, kept from the first sending on
    settle_until: datetime | None = None
