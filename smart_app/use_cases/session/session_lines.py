"""What the page of a session is told: its lines, its gate, its sums and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from fhir_mappings.facts.programme import Detail, ProgrammeDefinition
from fhir_mappings.facts.treatment import Clinician, EventOutcome, Known, SecondPerson, Severity
from smart_app.clinical.dosing import Sum
from smart_app.clinical.infusion import InfusionState
from smart_app.clinical.session_rules import Action, Due, Gate
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.ledger.stock import Holding, Stock
from smart_app.use_cases.records import Json, StoredCourse, StoredSession

STEPS: Mapping[str, str] = {
    "before": "Before",
    "dose": "Dose",
    "monitor": "Monitor",
    "discharge": "Discharge",
}


# What stop.disposition may hold beside free text, and how the record says it.
DISPOSITIONS: Mapping[str, str] = {
    "observed": "Observed here until discharge",
    "home": "Left with a responsible adult",
    "transfer": "Emergency transfer",
    "admitted": "Admitted",
    "left": "Left against advice",
}

STOP_CAUSES: Mapping[str, str] = {
    "pressure": "Blood pressure",
    "breathing": "Breathing or sedation",
    "distress": "Distress or dissociation",
    "adverse": "Another adverse event",
    "wish": "The patient's wish",
    "checks": "A check before the dose",
    "equipment": "Line, spray or equipment",
    "other": "Another reason",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Who wrote a field last, and what somebody else had written there before."""

    by: Clinician
    at: datetime
    previous: str = ""
    previous_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBy:
    """One of the values that two people wrote in one field."""

    value: str
    by: Clinician
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLine:
    """A field in which two people wrote different things, neither seeing the other's. The first one stands."""

    step: str  # a key of STEPS
    field: str
    words: str  # what the field is called
    written: tuple[WrittenBy, ...]
    seen: str  # the mark of what is shown, for `choose`


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailLine:
    """A typed value beside an answer; `beside` are the answers with which it is asked for."""

    field: str  # "check.fasting.solids"
    detail: Detail
    typed: str
    words: str  # as the record says it; empty when it is not usable

    @property
    def beside(self) -> str:
        return " ".join(self.detail.beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of a checklist with its answer as typed ("", "yes", "no", "na")."""

    field: str  # "check.identity" or "discharge.gait"
    text: str
    required: bool
    not_applicable: bool  # whether "na" is offered
    answer: str
    note_field: str  # "check.identity.note"
    note: str
    written: Written | None
    effect: str = ""  # what the answer "no" means: "Do not give the dose."
    against: str = ""  # why it stands against going on although it may be answered yes
    source: str = ""  # what is known already, and from where
    proposed: str = ""  # the answer that the readings give, for the clinician to confirm: "yes", "no"; "": none
    heading: str = ""  # set where a new group of lines begins
    details: tuple[DetailLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """What every line of a session has. `minutes` counts from the dose; negative: before; None: there was none."""

    id: str
    at: datetime
    entered: datetime
    late: bool
    by: Clinician
    minutes: int | None
    struck: str | None  # the reason
    struck_by: str  # "" where it was not


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLine(EntryLine):
    """One row of the readings table and one bar of the chart."""

    systolic: Decimal | None
    diastolic: Decimal | None
    heart_rate: Decimal | None
    oxygen_saturation: Decimal | None
    respiratory_rate: Decimal | None
    sedation: int | None
    dissociation: int | None
    baseline: bool
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine(EntryLine):
    """One that is said in words: "Paused", "Labetalol 10 mg, intravenous", a note."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine(TextLine):
    severity: Severity
    action: str
    resolved_field: str  # "event.<id>.resolved", saved through save_fields
    resolved: str  # as typed
    outcome_field: str  # "event.<id>.outcome"
    outcome: EventOutcome | None
    serious: bool | None  # None: not said


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionView:
    """Where the infusion stands, for a programme that gives one."""

    state: InfusionState
    lines: tuple[TextLine, ...]
    words: str  # "Running for 12 min, pauses left out."
    rate: str  # the last one, in words; "" where none was entered
    ran: tuple[tuple[datetime, datetime], ...]  # each stretch without a pause, the last one up to now while it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueLine(TextLine):
    reason: str
    effect_field: str  # "rescue.<id>.effect", saved through save_fields
    effect: str
    effect_time_field: str
    effect_time: str  # as typed
    sedates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something to do before signing, with the step and the field where it is done."""

    step: str  # a key of STEPS, or "stop" for what the early end asks for
    field: str
    words: str
    blocks: bool = True  # False: worth a look, signing is possible without it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    key: str  # a key of STEPS
    name: str
    begun: bool
    problems: Problems  # empty: nothing is missing
    waits: str = ""  # what is still to come in it while the session runs; empty: nothing

    @property
    def done(self) -> bool:
        return self.begun and not self.problems and not self.waits


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLines:
    """The dose in words. `planned` and `volume` are None while a factor is missing."""

    planned: Sum | None  # 0.5 mg/kg × 82.0 kg = 41 mg
    planned_source: str  # "Weight of 20 Nov 2026: EHR, Observation/1"
    volume: Sum | None
    warnings: Mapping[str, str]  # field -> question; answered by dose.confirm
    confirmed: bool
    asked: str  # the mark of the questions, for `save_fields`
    started: datetime | None
    ended: datetime | None
    counted: bool = False  # it comes out of vials of the ledger
    taken: tuple[Holding, ...] = ()  # the vials that the session names
    drawn: str = ""  # 50 mg drawn = 41 mg given + 9 mg discarded
    second_check: Known = Known.NONE  # how the site knows who checks a dose
    witnessing: Known = Known.NONE  # and who sees waste destroyed
    checked_by: SecondPerson | None = None
    witness: SecondPerson | None = None
    to_confirm: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # by kind: what this reader may confirm now
    esketamine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Everything S4 shows. `fields` are as typed and hold a value for every field of the form."""

    session: StoredSession
    course: StoredCourse
    definition: ProgrammeDefinition
    person: Json  # banner, from the latest screening; empty when there is none
    title: str  # "Session 2 of 6"
    now: datetime
    editable: bool
    why_not: str  # why it is not editable, in words
    may_sign: bool
    fields: Mapping[str, str]
    written: Mapping[str, Written]
    checks: tuple[CheckLine, ...]
    discharge: tuple[CheckLine, ...]
    therapy: tuple[CheckLine, ...]
    gate: Gate
    baseline: str  # how many blood pressures are asked for and how long before the dose, in words
    against_dose: Mapping[str, str]  # stopping checks that stand against the dose, by field
    not_asked: Mapping[str, str]  # stopping checks that nobody answered, by field
    reasons_wanted: tuple[str, ...]  # fields for a prescriber's reason, without which the dose does not start
    dose: DoseLines
    stock: Stock  # the site's ledger
    readings: tuple[ReadingLine, ...]  # newest last
    events: tuple[EventLine, ...]
    notes: tuple[TextLine, ...]
    due: Due
    alert: Action  # of the latest reading since the dose
    steps: tuple[StepState, ...]
    missing: tuple[Missing, ...]
    scores_ask: tuple[str, ...]  # what questionnaire scores ask for today: an alert, a scale that is due
    notices: tuple[str, ...]  # such as "The last session was less than 24 hours ago."
    held: str  # why the course is on hold while the session runs; empty: it is not
    held_before_dose: bool  # and the dose needs a prescriber's reason
    observed_minutes: int | None  # since the dose
    disputes: tuple[DisputeLine, ...] = ()
    infusion: InfusionView | None = None  # None: the programme gives none, or the dose has not started
    rescues: tuple[RescueLine, ...] = ()
    event_alerts: tuple[Action, ...] = ()  # of adverse events that end the infusion and are not over
