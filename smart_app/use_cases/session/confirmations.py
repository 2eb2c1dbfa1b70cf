"""Ticks that answer questions about unusual values: each holds for the values it was asked about, and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256

from smart_app.use_cases.session.typed_session import FIELDS

DOSE = "dose.confirm"
TICKS = (DOSE, "check.confirm", "discharge.confirm", "therapy.confirm")
_NO_AMOUNT = frozenset(
    {
        DOSE,
        "dose.lot",
        "dose.body_site",
        "dose.second_person",
        "dose.witness",
        "dose.waste_method",
        "dose.vial_reason",
        "dose.unchecked",
    }
)
_AMOUNTS = frozenset(name for name in FIELDS if name.startswith("dose.")) - _NO_AMOUNT
_BESIDE = re.compile(r"[a-z]+\.[a-z0-9_]+\.(?!note$)[a-z]+")  # "check.fasting.solids", but no note


def amounts_mark(fields: Mapping[str, str]) -> str:
    """Changes with what the questions of the dose step are about."""
    about = sorted((name, text) for name, text in fields.items() if name in _AMOUNTS and text)
    return sha256(json.dumps(about).encode()).hexdigest()[:16]


def withdrawn(fields: Mapping[str, str], changed: Mapping[str, str]) -> dict[str, str]:
    """The ticks that do not hold any more, or not yet: the questions may be others now."""
    return {
        tick: ""
        for tick in TICKS
        if "yes" in {fields.get(tick), changed.get(tick)} and any(_about(tick, name) for name in changed)
    }


def given_unseen(
    fields: Mapping[str, str],
    changed: Mapping[str, str],
    shown: Mapping[str, str | None] | None,
    asked: str | None,
) -> frozenset[str]:
    """The ticks of a page that showed other values than those that stand.

    `asked` is the mark of the questions of the dose step, which change while the page stays; beside a check the
    values stand on the page themselves (`shown`). None: it is not known what the page showed.
    """
    found = {tick for tick in TICKS[1:] if changed.get(tick) == "yes" and _differs(tick, fields, shown)}
    if changed.get(DOSE) == "yes" and asked is not None and asked != amounts_mark(fields):
        found.add(DOSE)
    return frozenset(found)


def _differs(tick: str, fields: Mapping[str, str], shown: Mapping[str, str | None] | None) -> bool:
    names = {name for name in (*fields, *(shown or ())) if _about(tick, name)}
    return shown is not None and any(shown.get(name, "") not in {None, fields.get(name, "")} for name in names)


def _about(tick: str, name: str) -> bool:
    if tick == DOSE:
        return name in _AMOUNTS
    return bool(_BESIDE.fullmatch(name)) and name.partition(".")[0] == tick.partition(".")[0]
