"""How the pages write dates, times, names and states (ui specification 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from math import ceil
from types import MappingProxyType
from typing import Any

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.treatment import Place, Role, Route
from launch.sessions import End
from smart_app.clinical.relapse import rule_words

UNKNOWN = "not recorded"
MINUS = "\N{MINUS SIGN}"

_KILOGRAMS_A_POUND = Decimal("0.45359237")
_HEAVIEST = 1000  # a typed exponent must not become a page of digits

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

ROUTES: Mapping[Route, str] = MappingProxyType(
    {Route.IV: "Intravenous", Route.IN: "Intranasal", Route.IM: "Intramuscular", Route.SL: "Sublingual"}
)
PLACES: Mapping[str, str] = MappingProxyType({Place.CLINIC: "Clinic", Place.HOME: "Home visit"})
ROLES: Mapping[Role, str] = MappingProxyType(
    {Role.PRESCRIBER: "prescriber", Role.NURSE: "nurse", Role.AUDITOR: "auditor", Role.NONE: "no role here"}
)


def day(value: date | None) -> str:
    """14 Nov 2026."""
    return UNKNOWN if value is None else f"{value.day:02d} {_MONTHS[value.month - 1]} {value.year:04d}"


def weekday(value: date) -> str:
    return _DAYS[value.weekday()]


def clock(value: datetime) -> str:
    return f"{value:%H:%M}"


def moment(value: datetime) -> str:
    """14 Nov 2026 14:02."""
    return f"{day(value.date())} {clock(value)}"


def entered(value: datetime, at: datetime) -> str:
    """When a line was typed: the time alone where it happened on that same day."""
    return clock(value) if value.date() == at.date() else moment(value)


def relapse_rule(rules: OutcomeRules) -> str:
    """The rule by which a course is judged, and whose it is."""
    words = rule_words(rules)
    whose = "A working proposal; your clinic decides." if words == rule_words(AS_SHIPPED) else "Set by your clinic."
    return f"{words} {whose}"


def ends_words(end: End, now: datetime) -> str:
    """For the page's script: seconds left, by which limit, and the time of day it ends."""
    left = max(0, ceil((end.at - now).total_seconds()))
    return f"{left};{end.why};{clock(end.at.astimezone(now.tzinfo))}"


def offset(value: datetime) -> str:
    """UTC+1, UTC−5, UTC+5:30: said once for each table."""
    shift = value.utcoffset()
    minutes = 0 if shift is None else round(shift.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else MINUS}{hours}" + (f":{rest:02d}" if rest else "")


def sentence(words: str) -> str:
    """Begun with a capital; the rest, such as the name of a month, stays as it is."""
    return words[:1].upper() + words[1:]


def partial_day(text: str | None) -> str:
    """A FHIR date or dateTime in the page's words, with the precision it has: 1986, Mar 1986, 04 Mar 1986."""
    parts = (text or "").partition("T")[0].split("-")
    try:
        if len(parts) == 3:
            return day(date(int(parts[0]), int(parts[1]), int(parts[2])))
        if len(parts) == 2:
            return f"{_MONTHS[int(parts[1]) - 1]} {int(parts[0]):04d}"
        return f"{int(parts[0]):04d}"
    except (ValueError, IndexError):
        return text or UNKNOWN


def age(born: str | None, today: date) -> str:
    """(40 y), only where the whole date of birth is known."""
    try:
        start = date.fromisoformat(born or "")
    except ValueError:
        return ""
    years = today.year - start.year - ((today.month, today.day) < (start.month, start.day))
    return f"({years} y)" if years >= 0 else ""


def pounds(kilograms: str | Decimal) -> str:
    """A weight in pounds, rounded to one, beside the kilograms."""
    try:
        weight = Decimal(kilograms)
    except InvalidOperation:
        return ""
    return f"{weight / _KILOGRAMS_A_POUND:.0f} lb" if weight.is_finite() and 0 < weight < _HEAVIEST else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The patient in words; what is unknown is said, never left blank."""

    name: str
    born: str
    age: str
    sex: str
    mrn: str
    allergies: str

    @property
    def title(self) -> str:
        """For the page's title: name and date of birth."""
        return f"{self.name}, born {self.born}"


def banner(person: Mapping[str, Any], today: date) -> Banner:
    family, given = _text(person.get("family")), _text(person.get("given"))
    name = ", ".join(part for part in (family.upper(), given) if part)
    born = _text(person.get("birthDate"))
    return Banner(
        name=name or "Name not recorded",
        born=partial_day(born) if born else UNKNOWN,
        age=age(born, today),
        sex=_text(person.get("gender")).capitalize() or UNKNOWN,
        mrn=_text(person.get("mrn")) or UNKNOWN,
        allergies=_text(person.get("allergies")) or "Could not load allergies",
    )


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value)
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One of the six statuses: its shape, its words, what it means, what to do next, and its colour."""

    icon: str
    words: str
    meaning: str
    advice: str
    tone: str


VERDICTS: Mapping[str, Verdict] = MappingProxyType(
    {
        "contraindicated": Verdict(
            icon="contraindicated",
            words="Contraindicated",
            meaning="At least one finding stands against treatment in this programme.",
            advice="Next: read the entry below. If it is wrong, have it corrected in the chart, then refresh.",
            tone="stop",
        ),
        "hold": Verdict(
            icon="hold",
            words="Not now",
            meaning="A finding has to settle or be treated first. Screen again when it has.",
            advice="Next: treat, wait or measure again. Record it in the chart, then refresh.",
            tone="warn",
        ),
        "no-indication": Verdict(
            icon="no-indication",
            words="No indication found",
            meaning="The record was read in full and holds no diagnosis that the programme treats.",
            advice="Next: if the patient has such a diagnosis, record it in the chart with its code, then refresh.",
            tone="plain",
        ),
        "insufficient-data": Verdict(
            icon="insufficient-data",
            words="Not enough data",
            meaning="Something that decides was missing or could not be read. Missing is not the same as absent.",
            advice="Next: have what is named here recorded, or opened to this app, in the EHR, then refresh.",
            tone="warn",
        ),
        "needs-review": Verdict(
            icon="needs-review",
            words="Needs review",
            meaning="No exclusion was found, and at least one finding needs your judgement before you enrol.",
            advice="Next: read the findings below. A prescriber who enrols writes down why.",
            tone="warn",
        ),
        "candidate": Verdict(
            icon="candidate",
            words="No exclusion found",
            meaning="A supported diagnosis is recorded and no finding of the programme's list stands against it.",
            advice="Next: check what this rests on, below. Then a prescriber may enrol.",
            tone="ok",
        ),
    }
)
