"""How a site keeps its ledger and checks its doses: where, and how a second person is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fhir_mappings.facts.treatment import Clinician, Known, SecondPerson
from smart_app.clinical.site_table import Choice, SettingsRefused, read_table


class Kept(StrEnum):
    HERE = "here"
    ELSEWHERE = "elsewhere"  # lot, expiry and waste are typed, and nothing is counted here


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRules:
    """`[ledger]` of site.toml. `Known.NONE`: the site asks for no such person."""

    kept: Kept = Kept.HERE
    witness: Known = Known.SIGNED_IN  # who saw waste destroyed
    second_check: Known = Known.NAMED  # who checked the dose before it was given
    esketamine: bool = False  # another drug with a REMS of its own: only where the site says so

    @classmethod
    def lenient(cls) -> LedgerRules:
        """For rows that were entered when other rules may have held."""
        return cls(witness=Known.NONE)

    @property
    def here(self) -> bool:
        return self.kept is Kept.HERE


def second_person_problem(person: SecondPerson | None, asked: Known, *others: Clinician) -> str:
    """What is wrong with a witness or a second check; empty: nothing. `others` took part themselves."""
    if person is None:
        if asked is Known.NONE:
            return ""
        if asked is Known.SIGNED_IN:
            return "A colleague opens this session in their own sign-in and confirms it there."
        return "Name the second person."
    if asked is Known.SIGNED_IN and person.known is not Known.SIGNED_IN:
        return "A typed name is not enough here. A colleague confirms it in their own sign-in."
    if any(_same(person, each) for each in others):
        return "The second person must be somebody else."
    return ""


def _same(person: SecondPerson, other: Clinician) -> bool:
    """By reference, and by name too where the person was only named."""
    if person.reference is not None:
        return person.reference == other.reference
    return " ".join(person.name.split()).casefold() == " ".join(other.name.split()).casefold()


SETTINGS: tuple[Choice, ...] = (
    Choice(
        key="kept",
        takes=tuple(each.value for each in Kept),
        words="where the ledger of controlled substances is kept; elsewhere: lot, expiry and waste are typed",
    ),
    Choice(
        key="witness",
        takes=tuple(each.value for each in Known),
        words="who must have seen waste destroyed: a colleague in their own sign-in, a typed name, or nobody",
    ),
    Choice(
        key="second_check",
        takes=tuple(each.value for each in Known),
        words="who checks the dose before it is given: a colleague in their own sign-in, a typed name, or nobody",
    ),
    Choice(key="esketamine", takes=(), words="whether vials of esketamine may be received and given"),
)


def ledger_rules(table: Mapping[str, Any]) -> LedgerRules:
    """The rules of a parsed site.toml, table [ledger]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "ledger", SETTINGS)
    if problems:
        raise SettingsRefused(problems)
    return LedgerRules(**{key: _MADE[key](value) for key, value in values.items()})


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "kept": Kept,
    "witness": Known,
    "second_check": Known,
    "esketamine": bool,
}
