"""How a site runs the rules: its limits, and the rules of other guidance that it has switched off."""

from __future__ import annotations

from dataclasses import dataclass, field

from smart_app.clinical.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """The defaults, as they are shipped, unless the site says otherwise."""

    limits: Limits = field(default_factory=Limits)
    off: frozenset[str] = frozenset()  # ids of rules of origin `config`


DEFAULTS = RuleSettings()
