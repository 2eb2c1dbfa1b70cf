"""What a site asks of a signature, as `[signing]` of site.toml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smart_app.clinical.site_table import Choice, SettingsRefused, read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRules:
    """As shipped, a record is signed once."""

    countersign: bool = False


SIGNING: tuple[Choice, ...] = (
    Choice(key="countersign", takes=(), words="whether every signed record waits for a second signature"),
)


def signing_rules(table: Mapping[str, Any]) -> SigningRules:
    """The rules of a parsed site.toml, table [signing]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "signing", SIGNING)
    if problems:
        raise SettingsRefused(problems)
    return SigningRules(**values)
