"""How a site runs the rules: its limits, and the rules of other guidance that it has switched off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from smart_app.clinical.criterion import Criterion, Origin
from smart_app.clinical.limits import LIMITS, Limit, Limits, LimitValue
from smart_app.clinical.site_table import NO_REASON, SettingsRefused, as_people_write, one_line, within


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """The defaults, as they are shipped, unless the site says otherwise."""

    limits: Limits = field(default_factory=Limits)
    off: frozenset[str] = frozenset()  # ids of rules of origin `config`
    reasons: Mapping[str, str] = field(default_factory=dict, hash=False)  # the site's own, by rule


DEFAULTS = RuleSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a site runs otherwise than shipped. Key "off": the whole rule."""

    rule: str
    key: str
    words: str
    unit: str
    default: LimitValue
    value: LimitValue
    reason: str  # empty: the site gave none, which only a changed limit may do


def rule_settings(table: Mapping[str, Any], criteria: Iterable[Criterion]) -> RuleSettings:
    """The settings of a parsed site.toml: tables `[rules.RULE]` with the keys of `LIMITS`, `off` and `reason`.

    Raises SettingsRefused with every problem found, not only the first.
    """
    reader = _Reader({criterion.id: criterion for criterion in criteria})
    reader.read(table)
    if reader.problems:
        raise SettingsRefused(reader.problems)
    return RuleSettings(limits=replace(Limits(), **reader.values), off=frozenset(reader.off), reasons=reader.reasons)


def differences(settings: RuleSettings) -> tuple[Difference, ...]:
    """What the site runs otherwise than shipped: its limits in their order, then the rules it has switched off."""
    changed = [
        Difference(
            rule=limit.rule,
            key=limit.key,
            words=limit.words,
            unit=limit.unit,
            default=limit.default,
            value=value,
            reason=settings.reasons.get(limit.rule, ""),
        )
        for limit in LIMITS
        if (value := value_of(settings, limit)) != limit.default
    ]
    switched_off = [
        Difference(
            rule=rule,
            key="off",
            words="switched off",
            unit="",
            default=False,
            value=True,
            reason=settings.reasons.get(rule, ""),
        )
        for rule in sorted(settings.off)
    ]
    return (*changed, *switched_off)


def value_of(settings: RuleSettings, limit: Limit) -> LimitValue:
    value: LimitValue = getattr(settings.limits, limit.name)
    return value


def as_json(settings: RuleSettings) -> dict[str, Any]:
    """To be kept beside what was decided by them: every limit, so that a later default changes nothing."""
    limits = {each.name: getattr(settings.limits, each.name) for each in fields(Limits)}
    return {
        "limits": {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in limits.items()},
        "off": sorted(settings.off),
        "reasons": dict(settings.reasons),
    }


def from_json(data: Mapping[str, Any]) -> RuleSettings:
    """What `as_json` wrote. A limit that is no more is left out; one that was not yet has its default."""
    kept = data.get("limits", {})
    known: dict[str, Any] = {
        each.name: Decimal(kept[each.name]) if isinstance(getattr(Limits(), each.name), Decimal) else kept[each.name]
        for each in fields(Limits)
        if each.name in kept
    }
    return RuleSettings(
        limits=replace(Limits(), **known),
        off=frozenset(data.get("off", ())),
        reasons=dict(data.get("reasons", {})),
    )


class _Reader:
    """One site.toml being read. Every complaint names the table and the key."""

    def __init__(self, criteria: Mapping[str, Criterion]) -> None:
        self.criteria = criteria
        self.values: dict[str, Any] = {}  # of Limits, by field
        self.off: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.problems: list[str] = []

    def read(self, table: Mapping[str, Any]) -> None:
        rules = table.get("rules", {})
        if not isinstance(rules, Mapping):
            self.problems.append("rules: is not a table; write [rules.RULE]")
            return
        for rule, keys in rules.items():
            if rule not in self.criteria:
                self.problems.append(f"[rules.{rule}]: there is no such rule")
            elif not isinstance(keys, Mapping):
                self.problems.append(f"[rules.{rule}]: is not a table of keys")
            else:
                self._read_rule(self.criteria[rule], keys)
        self._compare()

    def _read_rule(self, criterion: Criterion, keys: Mapping[str, Any]) -> None:
        limits = {limit.key: limit for limit in LIMITS if limit.rule == criterion.id}
        for key, value in keys.items():
            if key in limits:
                self._read_limit(criterion, limits[key], value)
            elif key == "reason":
                self._read_reason(criterion.id, value)
            elif key == "off":
                self._read_off(criterion, value)
            else:
                known = ", ".join((*limits, *(("off",) if criterion.origin is Origin.CONFIG else ()), "reason"))
                self._refuse(criterion.id, key, f"there is no such key; known are: {known}")
        if criterion.id in self.off and "reason" not in keys:
            self._refuse(criterion.id, "reason", "is needed for a rule that is switched off")

    def _read_limit(self, criterion: Criterion, limit: Limit, value: Any) -> None:
        complaint = _complaint(limit, value, criterion.origin)
        if complaint:
            self._refuse(limit.rule, limit.key, complaint)
        else:
            self.values[limit.name] = as_people_write(value) if isinstance(limit.default, Decimal) else value

    def _read_off(self, criterion: Criterion, value: object) -> None:
        if not isinstance(value, bool):
            self._refuse(criterion.id, "off", "must be true or false")
        elif value and criterion.origin is not Origin.CONFIG:
            self._refuse(criterion.id, "off", f"a rule of origin {criterion.origin} cannot be switched off")
        elif value:
            self.off.add(criterion.id)

    def _read_reason(self, rule: str, value: object) -> None:
        words = one_line(value)
        if words:
            self.reasons[rule] = words
        else:
            self._refuse(rule, "reason", NO_REASON)

    def _compare(self) -> None:
        """What the bounds of two limits leave open between them."""
        limits = replace(Limits(), **self.values)
        if limits.labile_failing > limits.labile_of:
            self._refuse("REV-BP-LABILE", "failing", f"must not be more than `of`, which is {limits.labile_of}")

    def _refuse(self, rule: str, key: str, words: str) -> None:
        self.problems.append(f"[rules.{rule}] {key}: {words}")


def _complaint(limit: Limit, value: Any, origin: Origin) -> str:
    """Why this value cannot be the limit; empty: it can."""
    default: Any = limit.default
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "must be true or false"
    whole = isinstance(default, int)
    allowed = f"must be a {'whole number' if whole else 'number'} {bounds_words(limit)}"
    least: Any = limit.least
    greatest: Any = limit.greatest
    if within(value, least, greatest, whole=whole):
        return ""
    stricter_only = origin is Origin.CLINIC and default in (least, greatest)
    return allowed + ("; a rule of the clinic can only be made stricter" if stricter_only else "")


def bounds_words(limit: Limit) -> str:
    """From 100 to 140 mmHg; a switch is true or false."""
    if limit.least is None or limit.greatest is None:
        return "true or false"
    return f"from {limit.least} to {limit.greatest} {limit.unit}".rstrip()
