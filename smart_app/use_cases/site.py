"""What the core needs to know of the place it runs at: its public address, its version, its limits and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from fhir_mappings.facts.programmes import PROGRAMMES, Programmes
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_bundle import Seal
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.clinical.programme_settings import Tuning
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings
from smart_app.clinical.session_rules import SessionLimits
from smart_app.clinical.site_sheet import SiteRules, SiteTable, site_sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`base_url` is the public address kept at first start; identifiers are made under it and never change."""

    base_url: str  # without a trailing slash
    version: str  # of this app
    limits: SessionLimits = field(default_factory=SessionLimits)
    rules: RuleSettings = DEFAULTS  # how it screens
    programmes: Programmes = field(default_factory=lambda: PROGRAMMES)  # for courses to come; each keeps its own
    ledger: LedgerRules = field(default_factory=LedgerRules)
    maintenance: MaintenanceRules = field(default_factory=MaintenanceRules)
    tuned: tuple[Tuning, ...] = ()  # what of the programmes differs from what is shipped
    tables: tuple[SiteTable, ...] = field(default_factory=lambda: site_sheet(SiteRules()))  # all of this, to be shown
    countersign: bool = False  # whether every record asks for a second signature
    sign_in_again: timedelta | None = None  # how long a new sign-in is good for a signature; None: not asked for
    seal: Seal | None = None  # on what is signed; None: a signature says who, when and why, and proves nothing

    @property
    def sign_in_minutes(self) -> int:
        """0: no new sign-in is asked for."""
        return int(self.sign_in_again.total_seconds() // 60) if self.sign_in_again else 0

    @property
    def instance(self) -> Instance:
        return Instance(base_url=self.base_url, version=self.version)
