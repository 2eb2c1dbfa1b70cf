"""What a site may set beside its rules, as it runs here: each value with what is shipped, bounds and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.programmes import PROGRAMMES, Programmes
from smart_app.clinical.action_limits import ACTION_LIMITS, READINGS, values_of
from smart_app.clinical.ledger_rules import SETTINGS, LedgerRules
from smart_app.clinical.maintenance_rules import BOUNDS, MaintenanceRules
from smart_app.clinical.outcome_settings import OUTCOMES
from smart_app.clinical.programme_settings import LISTED, TUNABLES, bounds_words
from smart_app.clinical.session_rules import SessionLimits
from smart_app.clinical.signing_rules import SIGNING, SigningRules
from smart_app.clinical.site_table import Key, amount


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One key of a table, all in words. `bounds`: what a site may set it to."""

    key: str
    words: str
    value: str
    shipped: str
    bounds: str
    source: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """`name` as it stands in site.toml: "maintenance", "programme.IV"."""

    name: str
    title: str
    rows: tuple[SiteRow, ...]
    enrolled: bool = False  # a course keeps what held when its patient was enrolled

    @property
    def differs(self) -> bool:
        return any(row.differs for row in self.rows)

    @property
    def of_programme(self) -> bool:
        return self.name.startswith("programme.")


class _Told(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """What holds at a site, as far as site.toml sets it beside the rules; as shipped, unless it is given."""

    programmes: Programmes = field(default_factory=lambda: PROGRAMMES)
    limits: SessionLimits = field(default_factory=SessionLimits)
    ledger: LedgerRules = field(default_factory=LedgerRules)
    signing: SigningRules = field(default_factory=SigningRules)
    outcomes: OutcomeRules = AS_SHIPPED
    maintenance: MaintenanceRules = field(default_factory=MaintenanceRules)


def site_sheet(site: SiteRules) -> tuple[SiteTable, ...]:
    """Every table but that of the rules, every key: also those that are as shipped."""
    shipped = SiteRules()
    return (
        *(_programme(definition) for definition in site.programmes.values()),
        SiteTable(
            name="session",
            title="Readings of a session",
            rows=_readings(values_of(site.limits), values_of(shipped.limits)),
        ),
        SiteTable(name="ledger", title="The ledger", rows=_fields(SETTINGS, site.ledger, shipped.ledger)),
        SiteTable(name="signing", title="Signing", rows=_fields(SIGNING, site.signing, shipped.signing)),
        SiteTable(
            name="outcomes",
            title="Relapse and dates of questionnaires",
            rows=_fields(OUTCOMES, site.outcomes, shipped.outcomes),
            enrolled=True,
        ),
        SiteTable(
            name="maintenance",
            title="After the course",
            rows=_fields(BOUNDS, site.maintenance, shipped.maintenance),
        ),
    )


def _readings(here: Mapping[str, Any], shipped: Mapping[str, Any]) -> tuple[SiteRow, ...]:
    acting = zip(ACTION_LIMITS, _rows(ACTION_LIMITS, here, shipped), strict=True)
    told = (replace(row, words=f"{limit.words} ({limit.does.partition(',')[0]})") for limit, row in acting)
    return (*told, *_rows(READINGS, here, shipped))


def _fields(keys: Sequence[Key], here: object, shipped: object) -> tuple[SiteRow, ...]:
    return _rows(keys, *({each.key: getattr(rules, each.key) for each in keys} for rules in (here, shipped)))


def _rows(keys: Sequence[Key], here: Mapping[str, Any], shipped: Mapping[str, Any]) -> tuple[SiteRow, ...]:
    return tuple(_row(each, each.unit, each.bounds_words, here[each.key], shipped[each.key]) for each in keys)


def _programme(here: ProgrammeDefinition) -> SiteTable:
    return SiteTable(
        name=f"programme.{here.route}",
        title=here.title.partition(",")[0],
        rows=tuple(_programme_rows(here, PROGRAMMES[here.route])),
        enrolled=True,
    )


def _programme_rows(here: ProgrammeDefinition, shipped: ProgrammeDefinition) -> Iterator[SiteRow]:
    for each in TUNABLES:
        bounds = bounds_words(each, shipped)
        if bounds:
            yield _row(each, each.unit, bounds, getattr(here, each.key), getattr(shipped, each.key))
    for listed in LISTED:
        if getattr(shipped, listed.key):
            yield _row(listed, "", listed.takes, getattr(here, listed.key), getattr(shipped, listed.key))


def _row(told: _Told, unit: str, bounds: str, here: Any, shipped: Any) -> SiteRow:
    return SiteRow(
        key=told.key,
        words=told.words,
        value=amount(here, unit),
        shipped=amount(shipped, unit),
        bounds=bounds,
        source=told.source,
        differs=here != shipped,
    )
