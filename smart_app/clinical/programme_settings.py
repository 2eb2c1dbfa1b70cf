"""What a site may make of the programmes: stricter or denser than shipped, within bounds, frozen on each course.

Sessions and window are the clinic's and cannot be set. Where a bound is missing below, the shipped value is the
bound, so that a site can only be stricter on that side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.programme import CheckItem, ProgrammeDefinition
from fhir_mappings.facts.programmes import PROGRAMMES, Programmes
from fhir_mappings.facts.treatment import Route
from smart_app.clinical.outcome_settings import outcome_rules
from smart_app.clinical.site_table import (
    NO_REASON,
    PROPOSAL,
    Amount,
    SettingsRefused,
    amount,
    as_people_write,
    one_line,
    within,
)

LONGEST_PLAN = 480  # minutes that a monitoring schedule may run from the dose
MOST_READINGS = 60
MOST_CHECKS = 20  # that a site adds to one list
_CHECK_KEY = re.compile(r"site_[a-z_]{1,30}")
_CHECK_TEXT = 10, 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunable:
    """A number of [programme.ROUTE]; `key` is the field of the definition. None: the shipped value is the bound."""

    key: str
    words: str
    unit: str
    source: str
    least: Amount | None = None
    greatest: Amount | None = None

    def bounds(self, shipped: ProgrammeDefinition) -> tuple[Amount, Amount] | None:
        """Least and greatest, both allowed; None: the route has no such number, and it cannot be set."""
        default: Amount | None = getattr(shipped, self.key)
        if default is None or shipped.route in _WITHOUT.get(self.key, ()):
            return None
        return (default if self.least is None else self.least, default if self.greatest is None else self.greatest)


# The patient takes these alone: there is no visit to observe and no session to count.
_WITHOUT: Mapping[str, Collection[Route]] = MappingProxyType(
    dict.fromkeys(
        ("observation_minutes", "least_share", "least_hours_apart", "longest_gap_days", "late_days"), (Route.SL,)
    )
)
_RANGES = f"{PROPOSAL}, published ranges"

TUNABLES: tuple[Tunable, ...] = (
    Tunable(key="fasting_hours", words="without solids before the dose", unit="hours", greatest=12,
            source="clinic's page: 6 to 8 hours"),
    Tunable(key="fluids_hours", words="without clear fluids before the dose", unit="hours", greatest=8,
            source="working proposal, usual before sedation"),
    Tunable(key="observation_minutes", words="least time from the dose to discharge", unit="minutes", greatest=480,
            source="working proposal: at least two hours"),
    Tunable(key="dose_mg_per_kg", words="starting value of the form, never an order", unit="mg/kg",
            least=Decimal("0.1"), greatest=Decimal(1), source=_RANGES),
    Tunable(key="warn_mg_per_kg", words="dose per kilogram, ask back above", unit="mg/kg",
            least=Decimal("0.25"), source=_RANGES),
    Tunable(key="warn_mg", words="dose, ask back above", unit="mg", least=Decimal(25), source=_RANGES),
    Tunable(key="infusion_minutes", words="planned length of an infusion", unit="minutes", least=30, greatest=100,
            source="clinic's page: about 40 minutes"),
    Tunable(key="warn_infusion_minutes", words="ask back below, for an infusion", unit="minutes", greatest=60,
            source=_RANGES),
    Tunable(key="least_share", words="share of the planned dose from which a session counts by itself", unit="",
            greatest=Decimal(1), source="working proposal: 80 %"),
    Tunable(key="least_hours_apart", words="sessions closer than this are flagged", unit="hours", greatest=48,
            source="working proposal: once a day"),
    Tunable(key="longest_gap_days", words="a longer gap between sessions interrupts", unit="days", least=7,
            source=PROPOSAL),
    Tunable(key="late_days", words="still completed, late, after the window", unit="days", least=0,
            source=PROPOSAL),
    Tunable(key="weight_days", words="weigh again when older", unit="days", least=1, source=PROPOSAL),
    Tunable(key="weight_days_at_most", words="an older weight is refused", unit="days", least=1,
            source=PROPOSAL),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list of numbers of [programme.ROUTE], where the route has one."""

    key: str
    words: str
    takes: str
    source: str = PROPOSAL


LISTED: tuple[Listed, ...] = (
    Listed(
        key="planned_days",
        words="planned days",
        takes="days from the first session, one for each, within window and spacing",
    ),
    Listed(
        key="monitoring_minutes",
        words="readings, minutes from the dose",
        takes="all of the shipped ones, and more between or after them",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """One thing of a programme that a site runs otherwise than shipped. Values are in words, with their unit."""

    route: Route
    key: str
    words: str
    default: str
    value: str
    reason: str  # empty: the site gave none


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeSettings:
    """The programmes as shipped, unless the site says otherwise."""

    programmes: Programmes = field(default_factory=lambda: PROGRAMMES)
    reasons: Mapping[Route, str] = field(default_factory=dict)
    outcomes: OutcomeRules = AS_SHIPPED  # of each of them


def programme_settings(table: Mapping[str, Any]) -> ProgrammeSettings:
    """The programmes of a parsed site.toml: tables `[programme.ROUTE]`, and `[outcomes]`, which holds for each.

    Raises SettingsRefused with every problem found, not only the first.
    """
    reader = _Reader()
    reader.read(table.get("programme", {}))
    outcomes = AS_SHIPPED
    try:
        outcomes = outcome_rules(table)
    except SettingsRefused as refused:
        reader.problems += refused.problems
    if reader.problems:
        raise SettingsRefused(reader.problems)
    programmes = {route: _judged_by(outcomes, here) for route, here in reader.programmes.items()}
    return ProgrammeSettings(programmes=MappingProxyType(programmes), reasons=reader.reasons, outcomes=outcomes)


def _judged_by(outcomes: OutcomeRules, here: ProgrammeDefinition) -> ProgrammeDefinition:
    if here.outcomes == outcomes:
        return here
    judged = replace(here, outcomes=outcomes)
    return replace(judged, version=tuned_version(PROGRAMMES[here.route], judged))


def tunings(settings: ProgrammeSettings) -> tuple[Tuning, ...]:
    """What the site runs otherwise than shipped: by route, numbers first."""
    return tuple(
        Tuning(route=route, key=key, words=words, default=was, value=now, reason=settings.reasons.get(route, ""))
        for route, shipped in PROGRAMMES.items()
        for key, words, was, now in _differences(shipped, settings.programmes[route])
    )


def _differences(shipped: ProgrammeDefinition, here: ProgrammeDefinition) -> list[tuple[str, str, str, str]]:
    found = [
        (each.key, each.words, amount(was, each.unit), amount(now, each.unit))
        for each in TUNABLES
        if (now := getattr(here, each.key)) != (was := getattr(shipped, each.key))
    ]
    found += [
        (each.key, each.words, amount(was), amount(now))
        for each in LISTED
        if (now := getattr(here, each.key)) != (was := getattr(shipped, each.key))
    ]
    for name in ("checks", "discharge"):
        known = {item.key: item for item in getattr(shipped, name)}
        for item in getattr(here, name):
            if item.key not in known:
                found.append((name, f"{_LISTS[name]}: {item.text}", "not asked", "asked"))
            elif item != known[item.key]:
                found.append((name, f"{_LISTS[name]}: {item.text}", "may stay open", "must be answered"))
    return found


_LISTS = {"checks": "check before the dose", "discharge": "discharge criterion"}


def tuned_version(shipped: ProgrammeDefinition, here: ProgrammeDefinition) -> str:
    """The shipped version while nothing differs; else with a digest of the definition: two tunings, two versions."""
    if here == shipped:
        return shipped.version
    told = json.dumps(asdict(here), default=str, sort_keys=True)
    return f"{shipped.version}+site.{sha256(told.encode()).hexdigest()[:8]}"


class _Reader:
    """The programmes of one site.toml being read. Every complaint names the table and the key."""

    def __init__(self) -> None:
        self.programmes = dict(PROGRAMMES)
        self.reasons: dict[Route, str] = {}
        self.problems: list[str] = []

    def read(self, tables: object) -> None:
        if not isinstance(tables, Mapping):
            self.problems.append("programme: is not a table; write [programme.IV]")
            return
        known = {route.value: route for route in Route}
        for name, keys in tables.items():
            if name not in known:
                self.problems.append(f"[programme.{name}]: there is no such route; known are: {', '.join(known)}")
            elif not isinstance(keys, Mapping):
                self.problems.append(f"[programme.{name}]: is not a table of keys")
            else:
                self._read_programme(PROGRAMMES[known[name]], keys)

    def _read_programme(self, shipped: ProgrammeDefinition, keys: Mapping[str, Any]) -> None:
        numbers = {each.key: each for each in TUNABLES if each.bounds(shipped) is not None}
        others: dict[str, Callable[[ProgrammeDefinition, Any], dict[str, Any]]] = {"reason": self._reason}
        if shipped.planned_days:
            others["planned_days"] = self._planned_days
        if shipped.monitoring_minutes:
            others |= {"monitoring_minutes": self._monitoring, "required": self._required}
            others |= {"checks": self._checks, "discharge": self._discharge}
        before, values = len(self.problems), dict[str, Any]()
        # First what is made required, then what is added: both change the lists.
        for key, value in sorted(keys.items(), key=lambda pair: pair[0] != "required"):
            if key in numbers:
                values |= self._number(shipped, numbers[key], value)
            elif key in others:
                values |= others[key](replace(shipped, **values), value)
            else:
                self._refuse(shipped, key, f"cannot be set; known are: {', '.join((*numbers, *others))}")
        here = replace(shipped, **values)
        self._compare(here)
        if len(self.problems) == before:
            self.programmes[shipped.route] = replace(here, version=tuned_version(shipped, here))

    def _number(self, shipped: ProgrammeDefinition, tunable: Tunable, value: Any) -> dict[str, Any]:
        whole = isinstance(getattr(shipped, tunable.key), int)
        least, greatest = tunable.bounds(shipped) or (0, 0)
        if within(value, least, greatest, whole=whole):
            return {tunable.key: value if whole else as_people_write(value)}
        kind = "whole number" if whole else "number"
        self._refuse(shipped, tunable.key, f"must be a {kind} {bounds_words(tunable, shipped)}")
        return {}

    def _planned_days(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        days = self._rising(shipped, "planned_days", value)
        if days is None or shipped.days is None:
            return {}
        if len(days) != len(shipped.planned_days):
            self._refuse(shipped, "planned_days", f"must be {len(shipped.planned_days)} days, one for each session")
        elif not shipped.days[0] <= days[-1] <= shipped.days[1]:
            window = f"{shipped.days[0]} to {shipped.days[1]}"
            self._refuse(shipped, "planned_days", f"must end on day {window}: the clinic's window stays")
        else:
            return {"planned_days": days}
        return {}

    def _monitoring(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        minutes = self._rising(shipped, "monitoring_minutes", value)
        if minutes is None:
            return {}
        left_out = sorted(set(shipped.monitoring_minutes) - set(minutes))
        if left_out:
            self._refuse(
                shipped,
                "monitoring_minutes",
                f"must keep the shipped minutes too; left out: {amount(tuple(left_out))}",
            )
        elif len(minutes) > MOST_READINGS or minutes[-1] > LONGEST_PLAN:
            self._refuse(
                shipped, "monitoring_minutes", f"must be at most {MOST_READINGS} minutes up to {LONGEST_PLAN}"
            )
        else:
            return {"monitoring_minutes": minutes}
        return {}

    def _rising(self, shipped: ProgrammeDefinition, key: str, value: Any) -> tuple[int, ...] | None:
        whole = isinstance(value, list) and all(
            isinstance(each, int) and not isinstance(each, bool) for each in value
        )
        if whole and value[:1] == [0] and all(earlier < later for earlier, later in pairwise(value)):
            return tuple(value)
        self._refuse(shipped, key, "must be a list of whole numbers that begins with 0 and rises")
        return None

    def _required(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        keys = {item.key for item in (*shipped.checks, *shipped.discharge)}
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or not keys >= set(value):
            self._refuse(
                shipped, "required", f"must be a list of keys of checks; known are: {', '.join(sorted(keys))}"
            )
            return {}
        return {
            name: tuple(
                replace(item, required=True) if item.key in value else item for item in getattr(shipped, name)
            )
            for name in _LISTS
        }

    def _checks(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        return {"checks": shipped.checks + self._added(shipped, "checks", value)}

    def _discharge(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        return {"discharge": shipped.discharge + self._added(shipped, "discharge", value)}

    def _added(self, shipped: ProgrammeDefinition, name: str, value: Any) -> tuple[CheckItem, ...]:
        if not isinstance(value, list) or len(value) > MOST_CHECKS:
            self._refuse(shipped, name, f"must be at most {MOST_CHECKS} tables; write [[programme.IV.{name}]]")
            return ()
        items = [item for each in value if (item := self._item(shipped, name, each)) is not None]
        keys = [item.key for item in items]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            self._refuse(shipped, name, f"{key} stands there twice")
        return tuple(items)

    def _item(self, shipped: ProgrammeDefinition, name: str, value: Any) -> CheckItem | None:
        switches = ("required", "not_applicable", "stops")
        if not isinstance(value, Mapping) or not set(value) <= {"key", "text", *switches}:
            self._refuse(shipped, name, f"each takes key, text, {', '.join(switches)} and nothing else")
            return None
        key, text = value.get("key"), value.get("text")
        if not isinstance(key, str) or not _CHECK_KEY.fullmatch(key):
            self._refuse(shipped, name, "key must be site_ and lower-case letters, such as site_interpreter")
        elif not isinstance(text, str) or not text.isprintable() or not _fits(text):
            self._refuse(
                shipped, name, f"text of {key} must be one line of {_CHECK_TEXT[0]} to {_CHECK_TEXT[1]} characters"
            )
        elif not all(isinstance(value.get(switch, False), bool) for switch in switches):
            self._refuse(shipped, name, f"{', '.join(switches)} of {key} must be true or false")
        else:
            return CheckItem(key=key, text=text.strip(), **{each: value[each] for each in switches if each in value})
        return None

    def _reason(self, shipped: ProgrammeDefinition, value: Any) -> dict[str, Any]:
        words = one_line(value)
        if not words:
            self._refuse(shipped, "reason", NO_REASON)
        self.reasons[shipped.route] = words
        return {}

    def _compare(self, here: ProgrammeDefinition) -> None:
        """What the bounds of two keys leave open between them."""
        pairs = (
            ("dose_mg_per_kg", here.dose_mg_per_kg, "warn_mg_per_kg", here.warn_mg_per_kg),
            ("warn_infusion_minutes", here.warn_infusion_minutes, "infusion_minutes", here.infusion_minutes),
            ("weight_days", here.weight_days, "weight_days_at_most", here.weight_days_at_most),
        )
        for key, small, other, large in pairs:
            if small is not None and large is not None and small > large:
                self._refuse(here, key, f"must not be more than {other}, which is {large}")
        for earlier, later in pairwise(here.planned_days):
            if later - earlier > here.longest_gap_days or (later - earlier) * 24 < here.least_hours_apart:
                least, most = here.least_hours_apart, here.longest_gap_days
                self._refuse(
                    here,
                    "planned_days",
                    f"days {earlier} and {later} must be at least {least} hours and at most {most} days apart",
                )

    def _refuse(self, shipped: ProgrammeDefinition, key: str, words: str) -> None:
        self.problems.append(f"[programme.{shipped.route}] {key}: {words}")


def _fits(text: str) -> bool:
    return _CHECK_TEXT[0] <= len(text.strip()) <= _CHECK_TEXT[1]


def bounds_words(tunable: Tunable, shipped: ProgrammeDefinition) -> str:
    """From 120 to 480 minutes; empty where the route has no such number."""
    bounds = tunable.bounds(shipped)
    if bounds is None:
        return ""
    default, (least, greatest) = getattr(shipped, tunable.key), bounds
    stricter = "; it can only be made stricter" if default in bounds and least != greatest else ""
    return f"from {least} to {amount(greatest, tunable.unit)}{stricter}"
