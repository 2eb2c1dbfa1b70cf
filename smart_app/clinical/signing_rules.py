"""What a site asks of a signature, as `[signing]` of site.toml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from smart_app.clinical.site_table import Choice, Number, SettingsRefused, read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRules:
    """As shipped, a record is signed once."""

    countersign: bool = False
    sign_in_again: bool = False
    sign_in_minutes: int = 5

    @property
    def sign_in_holds(self) -> timedelta | None:
        """How long a new sign-in is good for a signature; None: none is asked for."""
        return timedelta(minutes=self.sign_in_minutes) if self.sign_in_again else None


SIGNING: tuple[Choice | Number, ...] = (
    Choice(key="countersign", takes=(), words="whether every signed record waits for a second signature"),
    Choice(key="sign_in_again", takes=(), words="whether whoever signs signs in at the EHR again first"),
    Number(key="sign_in_minutes", least=1, most=15, words="how long that is good for one signature", unit="minutes"),
)


def signing_rules(table: Mapping[str, Any]) -> SigningRules:
    """The rules of a parsed site.toml, table [signing]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "signing", SIGNING)
    if problems:
        raise SettingsRefused(problems)
    return SigningRules(**values)
