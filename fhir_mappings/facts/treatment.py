"""A ketamine session as it happened: people, checks, dose, readings, events, discharge, signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Route(StrEnum):
    IV = "IV"
    IN = "IN"
    IM = "IM"
    SL = "SL"


class Place(StrEnum):
    CLINIC = "clinic"
    HOME = "home"


class Purpose(StrEnum):
    """What a plan is for. Boosters and maintenance follow a course and are never counted to it."""

    COURSE = "course"
    BOOSTER = "booster"  # a single session
    MAINTENANCE = "maintenance"  # open-ended


class Role(StrEnum):
    """What a person may do. Prescribers enrol, override and sign; nurses record; auditors read the audit."""

    PRESCRIBER = "prescriber"
    NURSE = "nurse"
    AUDITOR = "auditor"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinician:
    """A person of the EHR. `reference` is absolute; `organization` is named by the EHR's registration."""

    reference: str
    name: str
    role: Role
    organization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as entered. `late` when it was typed for a time that had passed, with the time of entry."""

    at: datetime
    entered: datetime
    late: bool = False


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "na"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One answered line of a checklist (before the dose or at discharge)."""

    key: str
    text: str
    answer: Answer
    by: Clinician
    at: datetime
    note: str = ""
    details: tuple[str, ...] = ()  # what was typed beside the answer, in words: "last solids 8 h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One set of vital signs. None: not measured. A struck-out reading stays, with its reason."""

    id: str  # UUID; the identifier {base}/sid/reading
    measured: Moment
    by: Clinician
    systolic: Decimal | None = None  # mm[Hg]
    diastolic: Decimal | None = None  # mm[Hg]
    heart_rate: Decimal | None = None  # per minute
    oxygen_saturation: Decimal | None = None  # %
    respiratory_rate: Decimal | None = None  # per minute
    sedation: int | None = None  # MOAA/S 0 to 5
    dissociation: int | None = None  # 0 to 4
    struck: str | None = None  # the reason
    struck_by: Clinician | None = None
    baseline: bool = False  # taken before the dose


class Severity(StrEnum):
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class EventOutcome(StrEnum):
    """The codes of R4's adverse-event-outcome."""

    RESOLVED = "resolved"
    RECOVERING = "recovering"
    ONGOING = "ongoing"
    SEQUELAE = "resolvedWithSequelae"
    FATAL = "fatal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEvent:
    id: str  # UUID
    code: str | None  # SNOMED CT, where one was verified
    text: str
    severity: Severity
    onset: Moment
    by: Clinician
    action: str = ""
    resolved: datetime | None = None
    outcome: EventOutcome | None = None  # None: not said
    serious: bool | None = None  # death, danger to life, hospital, lasting harm; None: not said


class InfusionChange(StrEnum):
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RATE = "rate"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionEvent:
    """What happened to a running infusion. Its start and end stand in the dose too."""

    id: str
    change: InfusionChange
    at: Moment
    by: Clinician
    rate: Decimal | None = None  # in `unit`, for a change of the rate
    unit: str = ""  # "mg/min" or "mL/h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """A medicine that was given against what the dose did."""

    id: str  # UUID; the identifier {base}/sid/rescue
    code: str | None  # RxNorm ingredient, where one was verified
    text: str
    amount: Decimal
    unit: str  # as shown: mg, mcg, g, mL, L/min
    route: str  # in words
    given: Moment
    by: Clinician
    reason: str = ""
    effect: str = ""
    effect_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedNote:
    at: datetime
    by: Clinician
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StruckLine:
    """A line of a session that counts for nothing any more and stays readable, with why it was struck out."""

    kind: str  # in words: "Reading", "Adverse event"
    words: str
    at: datetime
    by: Clinician
    reason: str
    struck_by: Clinician | None = None
    struck_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    kilograms: Decimal
    day: date
    source: str  # in words: "EHR, Observation/123" or "measured today"


class Drug(StrEnum):
    KETAMINE = "ketamine"
    ESKETAMINE = "esketamine"


class Known(StrEnum):
    """How a second person is known."""

    SIGNED_IN = "signed-in"  # confirmed it in a sign-in of their own
    NAMED = "named"  # the name was typed by somebody else
    NONE = "none"  # nobody was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPerson:
    """Who checked a dose or saw waste destroyed. Only one who was signed in has a reference and a time."""

    name: str
    known: Known
    reference: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a dose took out of one vial of the ledger: drawn = given + wasted."""

    vial: str
    number: int  # as written on the vial
    lot: str
    expiry: str
    concentration_mg_per_ml: Decimal
    given_mg: Decimal
    wasted_mg: Decimal
    product: str = ""
    manufacturer: str = ""
    ndc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What was given, with the plan beside it. Amounts keep their digits."""

    id: str  # UUID; the identifier {base}/sid/dose
    route: Route
    planned_mg: Decimal
    given_mg: Decimal
    started: Moment
    given_by: Clinician
    mg_per_kg: Decimal | None = None
    weighing: Weighing | None = None
    ended: Moment | None = None  # None for a single moment (injection, spray)
    concentration_mg_per_ml: Decimal | None = None
    volume_ml: Decimal | None = None
    lot: str = ""
    expiry: str = ""  # as printed on the vial, YYYY-MM or YYYY-MM-DD
    body_site: str = ""
    wasted_mg: Decimal | None = None
    second_person: str = ""  # by name alone, where the ledger is kept elsewhere
    completed: bool = True  # False: stopped early
    minutes_running: int | None = None  # of an infusion with pauses, these left out; None: it was not paused
    drug: Drug = Drug.KETAMINE
    draws: tuple[Draw, ...] = ()  # empty: the ledger is kept elsewhere
    checked_by: SecondPerson | None = None  # before it was given
    witness: SecondPerson | None = None  # of what was wasted
    wasted_by: Clinician | None = None
    waste_method: str = ""
    expired_reason: str = ""  # why an expired vial was used
    sprays: int | None = None  # of a nasal dose


class SessionStatus(StrEnum):
    """Procedure.status, for the states the product uses."""

    PLANNED = "preparation"  # nothing is recorded yet
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    STOPPED = "stopped"
    NOT_DONE = "not-done"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """21 CFR 11.50: printed name, time and meaning."""

    by: Clinician
    at: datetime
    meaning: str
    signed_in: datetime | None = None  # at the EHR, again, for this signature; None: the site did not ask for it


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStop:
    """How a session ended before its time, with or without a dose. `handed_*` only where others took over."""

    at: datetime
    by: Clinician  # who recorded it
    cause: str
    disposition: str
    told: str
    words: str = ""
    destination: str = ""
    handed_to: str = ""
    handed_at: datetime | None = None
    rescheduled: date | None = None  # of a session without a dose; None: decided later


@dataclass(frozen=True, slots=True, kw_only=True)
class KetamineSession:
    """One signed administration. `number` and `of` are as they stood at signing."""

    id: str  # UUID; the identifier {base}/sid/session
    course: str
    number: int
    of: int | None
    route: Route
    patient: str  # absolute URL
    place: Place
    status: SessionStatus
    checks: tuple[Check, ...]
    dose: Dose | None  # None only for a session that was not done
    readings: tuple[Reading, ...]
    events: tuple[AdverseEvent, ...]
    notes: tuple[TimedNote, ...]
    discharge: tuple[Check, ...]
    started: datetime  # first dose, or the planned time of a session that was not done
    ended: datetime  # end of observation
    signature: Signature
    recorders: tuple[Clinician, ...] = ()  # everyone who entered something
    encounter: str | None = None  # absolute URL
    conditions: tuple[str, ...] = ()  # absolute URLs
    reason: str = ""  # why stopped, not done or entered in error
    escort: str = ""
    stop: EarlyStop | None = None  # None: it was not ended early
    therapy: tuple[Check, ...] = ()  # psychotherapy around the session
    entered_in_error_at: datetime | None = None
    infusion: tuple[InfusionEvent, ...] = ()
    rescues: tuple[Rescue, ...] = ()
    version: int = 1  # counts the signatures of its author: each amendment and each addendum is the next one
    amended: str = ""  # why this version was made; "" for the first
    addenda: tuple[TimedNote, ...] = ()  # added after signing, without changing what stood there
    only_added: bool = False  # this version adds words to the one before and changes nothing else
    purpose: Purpose = Purpose.COURSE  # of the plan that it belongs to
    struck: tuple[StruckLine, ...] = ()  # of every kind; records of before it was kept have their readings alone
