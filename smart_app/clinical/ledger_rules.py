"""How a site keeps its ledger and checks its doses: where, and how a second person is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fhir_mappings.facts.treatment import Clinician, Known, SecondPerson


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of `[ledger]`: what it takes and what it means."""

    key: str
    takes: tuple[str, ...]  # empty: true or false
    words: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="kept",
        takes=tuple(each.value for each in Kept),
        words="where the ledger of controlled substances is kept; elsewhere: lot, expiry and waste are typed",
    ),
    Setting(
        key="witness",
        takes=tuple(each.value for each in Known),
        words="who must have seen waste destroyed: a colleague in their own sign-in, a typed name, or nobody",
    ),
    Setting(
        key="second_check",
        takes=tuple(each.value for each in Known),
        words="who checks the dose before it is given: a colleague in their own sign-in, a typed name, or nobody",
    ),
    Setting(key="esketamine", takes=(), words="whether vials of esketamine may be received and given"),
)


def ledger_rules(table: object) -> tuple[LedgerRules, tuple[str, ...]]:
    """The rules of a parsed `[ledger]` table, and a line for each thing that is wrong with it."""
    if not isinstance(table, Mapping):
        return LedgerRules(), ("ledger: is not a table; write [ledger]",)
    known = {each.key: each for each in SETTINGS}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in table.items():
        setting = known.get(key)
        if setting is None:
            problems.append(f"[ledger] {key}: there is no such key; known are: {', '.join(known)}")
        elif not setting.takes and not isinstance(value, bool):
            problems.append(f"[ledger] {key}: must be true or false")
        elif setting.takes and value not in setting.takes:
            problems.append(f"[ledger] {key}: must be one of {', '.join(setting.takes)}")
        else:
            values[key] = _MADE[key](value)
    return LedgerRules(**values), tuple(problems)


_MADE = {"kept": Kept, "witness": Known, "second_check": Known, "esketamine": bool}
