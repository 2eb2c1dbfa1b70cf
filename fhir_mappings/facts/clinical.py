"""What a chart says about a patient, as far as screening asks; every fact names the resource it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum


class Area(StrEnum):
    """The parts of a chart that screening looks at. A part that could not be read leaves a Gap."""

    PATIENT = "patient"
    CONDITION = "conditions"
    BLOOD_PRESSURE = "blood pressure"
    MEDICATION = "medications"
    ALLERGY = "allergies"
    SURVEY = "questionnaire scores"
    SOCIAL_HISTORY = "social history"
    LABORATORY = "laboratory results"
    OTHER = "other entries"


# Clinical README 1b: an unreadable or unfetched one of these keeps the patient from being a candidate.
BLOCKING_AREAS = frozenset({Area.PATIENT, Area.CONDITION, Area.BLOOD_PRESSURE, Area.MEDICATION, Area.ALLERGY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something of the chart that could not be used. `reference` is empty when a whole search failed.

    `listed_only`: shown, but without effect on the status (a date after the as-of date).
    """

    area: Area
    reference: str
    reason: str
    fetch_failed: bool = False  # a whole search or page is missing; then `reason` says why
    listed_only: bool = False

    @property
    def blocking(self) -> bool:
        return self.area in BLOCKING_AREAS and not self.listed_only


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialDate:
    """A FHIR date or dateTime with the precision it came with: the days it may mean, first to last.

    The days are calendar days in the value's own offset. `instant` is set only when a time with an offset
    was given.
    """

    text: str
    first: date
    last: date
    instant: datetime | None = None

    @property
    def exact(self) -> bool:
        return self.first == self.last

    def may_be_within(self, days: int, as_of: date) -> bool:
        """Whether any day it may mean lies in the `days` before `as_of`, limits included; the future does not."""
        return self.first <= as_of and self.last >= as_of - timedelta(days=days)

    def surely_within(self, days: int, as_of: date) -> bool:
        """Whether every day it may mean lies in the `days` before `as_of`, limits included."""
        return self.first >= as_of - timedelta(days=days) and self.last <= as_of

    def after(self, as_of: date) -> bool:
        """Whether it surely lies after `as_of`."""
        return self.first > as_of

    @property
    def sort_key(self) -> datetime:
        """A naive time to order by: the instant's local time, else the end of the last day."""
        if self.instant is not None:
            return self.instant.replace(tzinfo=None)
        return datetime.combine(self.last, time.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    system: str  # URL; OIDs are already turned into URLs
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The patient's own data. None means that the chart does not say (or says it unreadably: see gaps)."""

    reference: str
    version: str | None = None
    family: str = ""
    given: str = ""
    birth_date: PartialDate | None = None
    gender: str | None = None
    mrn: str | None = None
    address: str = ""  # where the patient lives, on one line
    active: bool | None = None
    deceased: bool = False


class Verification(StrEnum):
    CONFIRMED = "confirmed"  # also when the status is absent
    UNCONFIRMED = "unconfirmed"  # unconfirmed, provisional, differential
    REFUTED = "refuted"


class ClinicalStatus(StrEnum):
    """Whether a diagnosis is active, in the sense of clinical README 2.1."""

    ACTIVE = "active"  # also recurrence and relapse
    INACTIVE = "inactive"
    REMISSION = "remission"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One Condition. `sets` are the names of the value sets that any of its codings is in."""

    reference: str
    version: str | None = None
    label: str
    codes: tuple[Code, ...] = ()
    sets: frozenset[str] = frozenset()
    safety_terms: frozenset[str] = frozenset()  # words matched where no code decides: they ask for review
    indication_terms: frozenset[str] = frozenset()
    status: ClinicalStatus | None  # None: the record does not say; see `is_active`
    verification: Verification
    problem_list: bool = True  # False: encounter-diagnosis only, whose clinicalStatus is not reliable
    onset: PartialDate | None = None
    abatement: PartialDate | None = None
    recorded: PartialDate | None = None
    abated: bool = False  # an abatement is recorded, with or without a date

    def in_any(self, *names: str) -> bool:
        return not self.sets.isdisjoint(names)

    @property
    def is_active(self) -> bool:
        """Clinical README 2.1: active, recurrence or relapse; or no status and no abatement."""
        return self.status is ClinicalStatus.ACTIVE or (self.status is None and not self.abated)

    @property
    def dates(self) -> tuple[PartialDate, ...]:
        """Onset, abatement and recording date, as far as they are known."""
        return tuple(when for when in (self.onset, self.abatement, self.recorded) if when is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressure:
    """One reading in mmHg. `problem` says why it is not usable as a passing value (unit, comparator, ...)."""

    references: tuple[str, ...]
    when: PartialDate | None
    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    problem: str | None = None
    note: str | None = None
    in_session: bool = False  # taken inside a ketamine session
    standing: bool = False
    perhaps_standing: bool = False  # words only suggest it: that excuses no failing reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A questionnaire result or another counted or coded observation."""

    reference: str
    name: str  # "phq9-total", "phq9-item9", "cssrs-q4", "gad7-total", "epds-item10", "hcg", ...
    when: PartialDate | None
    value: Decimal | None = None
    positive: bool | None = None  # for yes/no answers
    text: str = ""
    identifiers: tuple[str, ...] = ()  # values, by which a result that this app wrote is known again


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    reference: str
    when: PartialDate | None
    kilograms: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LabValue:
    """A laboratory result with a number. `upper` is the laboratory's own upper limit of normal, where it is given.

    `comparator`: "" for the number itself; "<", "<=", ">" or ">=" where the result is only said to lie on that side.
    """

    reference: str
    name: str  # "alt", "ast"
    when: PartialDate | None
    value: Decimal
    unit: str  # UCUM
    upper: Decimal | None = None
    comparator: str = ""


class Resolution(StrEnum):
    """How a medicine was found to hold its ingredients; the first that answers decides."""

    INGREDIENT = "ingredient code"
    PRODUCT = "product code"
    BRAND = "brand name"
    TEXT = "words"
    NONE = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicationUse:
    """One medication entry, as one resource tells it. `ingredients` is empty where the drug could not be resolved.

    Several entries may tell of one use: `derived_from` names those that this one repeats.
    """

    reference: str
    version: str | None = None
    label: str
    ingredients: frozenset[str] = frozenset()  # names in lower case: "escitalopram"
    classes: frozenset[str] = frozenset()  # "benzodiazepine", "z-drug", "maoi", "opioid", "antidepressant", ...
    resolution: Resolution = Resolution.NONE
    form: str = ""  # "oral", "transdermal", "topical", ... ; "": not known
    status: str = ""
    current: bool = False
    start: PartialDate | None = None
    end: PartialDate | None = None  # the last day; a plan where it lies after the as-of date
    end_of_supply: bool = False  # `end` is only how far the supply or validity of an order reaches
    ended_unknown: bool = False  # it has ended, or may have, and the record does not say when
    daily_mg: tuple[tuple[str, Decimal], ...] = ()  # ingredient and the highest dose held, mg a day
    as_needed: bool = False
    reasons: tuple[str, ...] = ()  # what it was given for, in words
    stopped_for: tuple[str, ...] = ()  # why it was stopped, in words
    derived_from: tuple[str, ...] = ()  # "MedicationRequest/1"
    text_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy:
    """An AllergyIntolerance that is neither refuted nor entered in error."""

    reference: str
    label: str
    ingredients: frozenset[str] = frozenset()
    type: str = ""  # "allergy", "intolerance" or "" when it is not given
    high_criticality: bool = False
    unconfirmed: bool = False
    severe: bool = False  # anaphylaxis or a severe reaction is recorded
    only_nausea: bool = False  # criticality is low, and nausea or vomiting is all that is recorded as a reaction
    denied: bool = False  # words alone name it, and they deny it: "not allergic to ketamine"
    none_known: bool = False  # the entry says that no allergy is known
    when: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An entry that was read and deliberately not used, with the reason shown to the clinician."""

    reference: str
    label: str
    reason: str
    rule: str  # DATA-EIE, DATA-REFUTED, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """Everything screening knows about one patient. An area in `unread` could not be looked at in full."""

    person: Person | None
    diagnoses: tuple[Diagnosis, ...] = ()
    blood_pressures: tuple[BloodPressure, ...] = ()
    scores: tuple[Score, ...] = ()
    weights: tuple[Weight, ...] = ()
    labs: tuple[LabValue, ...] = ()
    medications: tuple[MedicationUse, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    gaps: tuple[Gap, ...] = ()
    read: tuple[str, ...] = ()  # references (with versions) of every resource that was looked at

    @property
    def unread(self) -> frozenset[Area]:
        """Areas of which a whole search or page is missing."""
        return frozenset(gap.area for gap in self.gaps if gap.fetch_failed)

    @property
    def unclear(self) -> frozenset[Area]:
        """Areas with anything missing or unreadable."""
        return frozenset(gap.area for gap in self.gaps if not gap.listed_only)
