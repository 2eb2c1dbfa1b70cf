"""Environment and site.toml into settings, and the clock: what differs from one installation to the next."""

from __future__ import annotations

import os.path
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from launch.addresses import AddressRefused, parse_address
from smart_app.clinical.action_limits import session_limits
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.ledger_rules import LedgerRules, ledger_rules
from smart_app.clinical.maintenance_rules import MaintenanceRules, maintenance_rules
from smart_app.clinical.programme_settings import ProgrammeSettings, programme_settings
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings, rule_settings
from smart_app.clinical.session_rules import SessionLimits
from smart_app.clinical.signing_rules import SigningRules, signing_rules
from smart_app.clinical.site_sheet import SiteRules, SiteTable, site_sheet
from smart_app.clinical.site_table import SettingsRefused

PREFIX = "KP_"
# In the data folder:
SIGNING_KEYS = "signing-keys"
RECORD_KEYS = "record-keys"
SEALING_KEYS = "sealing.keys"
CLIENT_SECRETS = "client-secrets"
WHOEVER = "whoever runs this app at your site"
Made = TypeVar("Made")


_NEEDED = {
    "BASE_URL": "our public https address, such as https://pathway.clinic.example",
    "REGISTRY": "the path of the file of EHR registrations",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length of time as an operator gives it: a whole number of units."""

    unit: timedelta
    default: int
    least: int
    most: int


IDLE = Span(unit=timedelta(minutes=1), default=15, least=5, most=60)
LONGEST = Span(unit=timedelta(hours=1), default=12, least=1, most=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """What site.toml says."""

    rules: RuleSettings = DEFAULTS
    programmes: ProgrammeSettings = field(default_factory=ProgrammeSettings)
    limits: SessionLimits = field(default_factory=SessionLimits)  # of the readings of a session
    ledger: LedgerRules = field(default_factory=LedgerRules)
    signing: SigningRules = field(default_factory=SigningRules)
    maintenance: MaintenanceRules = field(default_factory=MaintenanceRules)

    @property
    def tables(self) -> tuple[SiteTable, ...]:
        """All but the rules, as they run here, to be shown."""
        return site_sheet(
            SiteRules(
                programmes=self.programmes.programmes,
                limits=self.limits,
                ledger=self.ledger,
                signing=self.signing,
                outcomes=self.programmes.outcomes,
                maintenance=self.maintenance,
            )
        )


AS_SHIPPED = SiteSettings()
TABLES = {
    "rules": "[rules.RULE]",
    "programme": "[programme.ROUTE]",
    "session": "[session]",
    "ledger": "[ledger]",
    "signing": "[signing]",
    "outcomes": "[outcomes]",
    "maintenance": "[maintenance]",
}


class SettingInvalid(ValueError):
    """A setting is missing or wrong. The message names it, a line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One installation. `demo` allows plain http for loopback addresses, and nothing else."""

    base_url: str  # our public address, without a trailing slash
    registry: Path  # EHR registrations, one TOML table for each EHR
    data: Path  # folder of the database and the keys, 0700
    database: str  # SQLAlchemy URL
    zone: tzinfo | None  # None: the machine's
    settle_seconds: float
    contact: str = WHOEVER  # for clinicians, patients and EHR administrators who ask
    idle: timedelta = timedelta(minutes=15)  # how long a session may lie unused
    longest: timedelta = timedelta(hours=12)  # how long it may last at all
    site: Path | None = None  # how this site runs rules and programmes; None: as shipped
    demo: bool = False

    @property
    def sqlite(self) -> bool:
        return self.database.startswith("sqlite")


def settings_from(environment: Mapping[str, str], *, demo: bool = False) -> Settings:
    """Settings of the environment, the variables of PREFIX. Raises SettingInvalid with a line for each problem."""
    problems: list[str] = []

    def tried(read: Callable[[], Made], otherwise: Made) -> Made:
        try:
            return read()
        except SettingInvalid as problem:
            problems.append(str(problem))
            return otherwise

    data = data_folder(environment)
    settings = Settings(
        base_url=tried(lambda: _base_url(_required(environment, "BASE_URL"), demo=demo), ""),
        registry=tried(lambda: registry_file(environment), Path()),
        data=data,
        database=tried(lambda: database_url(environment, data), ""),
        zone=tried(lambda: zone_of(environment), None),
        settle_seconds=tried(lambda: _seconds(environment.get(PREFIX + "SETTLE_SECONDS", "30")), 0.0),
        contact=tried(lambda: contact_of(environment), WHOEVER),
        idle=tried(lambda: _span(environment, "IDLE_MINUTES", IDLE), timedelta()),
        longest=tried(lambda: _span(environment, "SESSION_HOURS", LONGEST), timedelta()),
        site=site_file(environment),
        demo=demo,
    )
    if problems:
        raise SettingInvalid("\n".join(problems))
    return settings


def database_url(environment: Mapping[str, str], data: Path) -> str:
    """KP_DATABASE, or SQLite in the data folder. Raises SettingInvalid, which does not repeat it: it may hold a
    password."""
    named = environment.get(PREFIX + "DATABASE")
    if named and not re.match(r"(sqlite|postgresql)(\+\w+)?://", named):
        raise SettingInvalid(f"{PREFIX}DATABASE must begin with sqlite:// or postgresql://")
    return named or f"sqlite:///{data / 'ketamine-pathway.db'}"


def site_file(environment: Mapping[str, str], data: Path | None = None) -> Path | None:
    """The file of KP_SITE, or site.toml in the data folder where there is one; None: the rules run as shipped.

    `data` None: the folder of KP_DATA.
    """
    named = environment.get(PREFIX + "SITE", "").strip()
    if named:
        return Path(named)
    usual = (data or data_folder(environment)) / "site.toml"
    return usual if os.path.lexists(usual) else None  # a link that leads nowhere must not pass for "as shipped"


def load_site(path: Path | None) -> SiteSettings:
    """The site's own settings. Raises SettingInvalid with a line for each problem, each naming the file."""
    if path is None:
        return AS_SHIPPED
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise SettingInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, ArithmeticError, RecursionError) as error:  # the second: an amount out of all range
        raise SettingInvalid(f"{path}: is not TOML: {error}") from None
    problems = [
        f"{name}: is not known; known are {', '.join(TABLES.values())}" for name in table if name not in TABLES
    ]

    def tried(read: Callable[[], Made], otherwise: Made) -> Made:
        try:
            return read()
        except SettingsRefused as refused:
            problems.extend(refused.problems)
            return otherwise

    rules = tried(lambda: rule_settings(table, CRITERIA), AS_SHIPPED.rules)
    programmes = tried(lambda: programme_settings(table), AS_SHIPPED.programmes)
    limits = tried(lambda: session_limits(table, rules.limits), AS_SHIPPED.limits)
    ledger = tried(lambda: ledger_rules(table), AS_SHIPPED.ledger)
    signing = tried(lambda: signing_rules(table), AS_SHIPPED.signing)
    maintenance = tried(lambda: maintenance_rules(table), AS_SHIPPED.maintenance)
    if problems:
        raise SettingInvalid("\n".join(f"{path}: {problem}" for problem in problems))
    return SiteSettings(
        rules=rules,
        programmes=programmes,
        limits=limits,
        ledger=ledger,
        signing=signing,
        maintenance=maintenance,
    )


def data_folder(environment: Mapping[str, str]) -> Path:
    return Path(environment.get(PREFIX + "DATA", "data"))


def registry_file(environment: Mapping[str, str]) -> Path:
    """The file of KP_REGISTRY. Raises SettingInvalid."""
    return Path(_required(environment, "REGISTRY"))


def contact_of(environment: Mapping[str, str]) -> str:
    """KP_CONTACT, shown to everybody. Raises SettingInvalid."""
    named = environment.get(PREFIX + "CONTACT", "").strip()
    if not named.isprintable() or len(named) > 200:
        raise SettingInvalid(f"{PREFIX}CONTACT must be one line of at most 200 characters")
    return named or WHOEVER


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(PREFIX + name, "").strip()
    if not value:
        raise SettingInvalid(f"{PREFIX}{name} is not set; it takes {_NEEDED[name]}")
    return value


def _base_url(text: str, *, demo: bool) -> str:
    parts = urlsplit(text.rstrip("/"))
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (demo and parts.scheme == "http" and loopback):
        raise SettingInvalid(f"{PREFIX}BASE_URL must be an https address")
    if parts.path or not _is_plain(text):
        raise SettingInvalid(f"{PREFIX}BASE_URL must be a plain address like https://pathway.clinic.example, no path")
    return text.rstrip("/")


def _is_plain(text: str) -> bool:
    """No user, query, fragment or wildcard: launch and redirect addresses are registered to the letter."""
    try:
        return not parse_address(text).has_query
    except AddressRefused:
        return False


def zone_of(environment: Mapping[str, str]) -> tzinfo | None:
    """The site's time zone; None: the machine's. Raises SettingInvalid."""
    name = environment.get(PREFIX + "ZONE", "")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingInvalid(f"{PREFIX}ZONE: {name} is not a time zone, for example America/New_York") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise SettingInvalid(f"{PREFIX}SETTLE_SECONDS must be a number from 0 to 3600")
    return seconds


def _span(environment: Mapping[str, str], name: str, allowed: Span) -> timedelta:
    text = environment.get(PREFIX + name, "").strip() or str(allowed.default)
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and allowed.least <= int(text) <= allowed.most):
        raise SettingInvalid(f"{PREFIX}{name} must be a whole number from {allowed.least} to {allowed.most}")
    return int(text) * allowed.unit


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's time in the site's zone; the one place that asks for it."""

    zone: tzinfo | None = None

    def __call__(self) -> datetime:
        return datetime.now(self.zone) if self.zone is not None else datetime.now().astimezone()
