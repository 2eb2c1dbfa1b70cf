"""A form of the ledger being read: every complaint is kept with its field, and every act has its own id."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from smart_app.clinical.entry import CONTROL, NotUsable, amount, past_moment
from smart_app.clinical.ledger import NotPosted, Posting, Row, plain, post
from smart_app.clinical.units import Factors, unit_problem
from smart_app.use_cases.access import refuse, require_writer
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import Caller
from smart_app.use_cases.site import Site

LONGEST = 200  # characters of one field
_ENTRY = re.compile(r"[A-Za-z0-9-]{1,48}")

Value = TypeVar("Value")


class LedgerForm:
    """`problems` are by field. Refused by `check` while there are any."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields
        self.problems: dict[str, str] = {}

    @property
    def entry(self) -> str:
        """Made by the form, so that sending it twice does it once."""
        entry = self._fields.get("entry", "")
        if not _ENTRY.fullmatch(entry):
            raise Refused("This form is not one of this app's. Open the page again.")
        return entry

    def text(self, name: str, needed: str = "") -> str:
        typed = CONTROL.sub("", self._fields.get(name, "")).strip()
        if len(typed) > LONGEST:
            self.problems[name] = f"Shorten this to {LONGEST} characters."
        elif needed and not typed:
            self.problems[name] = needed
        return typed

    def reason(self, name: str, needed: str) -> str:
        typed = self.text(name, needed)
        if typed and not says_enough(typed):
            self.problems[name] = f"Say a little more ({REASON_LENGTH} characters or more)."
        return typed

    def read(self, name: str, parse: Callable[[str], Value], needed: str) -> Value | None:
        """None: it is missing or cannot be read, and the complaint is kept."""
        typed = self.text(name, needed)
        try:
            return parse(typed) if typed and name not in self.problems else None
        except NotUsable as error:
            self.problems[name] = str(error)
        except ValueError:
            self.problems[name] = needed
        return None

    def measured(self, name: str, unit: str, needed: str) -> Decimal | None:
        found = self.read(name, amount, needed)
        problem = unit_problem(self.text(name), unit, Factors())
        if problem:
            self.problems[name] = problem
        return found

    def milligrams(self, name: str, concentration: Decimal, needed: str) -> Decimal | None:
        """Typed in mg, or in mL (the field `name`_ml) where that is what was read off; both must say the same."""
        in_ml = f"{name}_ml"
        typed = self.measured(name, "mg", "" if self.text(in_ml) else needed)
        volume = self.measured(in_ml, "mL", "")
        if volume is None:
            return typed
        held = volume * concentration
        if typed is not None and typed != held:
            words = f"{plain(volume)} mL × {plain(concentration)} mg/mL = {plain(held)} mg"
            self.problems.setdefault(name, f"{words}, but {plain(typed)} mg is entered.")
        return held

    def moment(self, now: datetime) -> datetime:
        """Of the act: the time that was typed, or now."""
        typed, on = self.text("time"), self.text("date")
        try:
            return past_moment(typed, on, now) if typed or on else now
        except NotUsable as error:
            self.problems["time"] = str(error)
            return now

    def check(self) -> None:
        if self.problems:
            raise Refused("Some of this needs another look.", problems=self.problems)


def require_ledger(uow: UnitOfWork, caller: Caller, at: datetime, action: str, site: Site) -> None:
    """A prescriber or a nurse, where the ledger is kept here."""
    if not site.ledger.here:
        refuse(uow, caller, at, action, Refused("This site keeps its ledger elsewhere."))
    require_writer(uow, caller, at, action)


def add_row(uow: UnitOfWork, posting: Posting, site: Site, *, field: str) -> Row:
    """Post it; what the ledger does not take is refused, with the problem at `field`."""
    vial = uow.ledger.vial(posting.vial)
    try:
        if vial is None:
            raise NotPosted("There is no such vial.")
        row = post(vial, uow.ledger.of_vial(vial.id), posting, site.ledger)
    except NotPosted as problem:
        raise Refused("The ledger does not take this.", problems={field: str(problem)}) from None
    uow.ledger.add(row)
    return row
