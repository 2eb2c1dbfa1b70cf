"""What was typed into a questionnaire, checked: answers or a total, the day and time, and what is still missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from fhir_mappings.facts.questionnaire import Instrument
from smart_app.clinical.entry import NOT_YET, NotUsable, at_time, day, whole
from smart_app.clinical.instruments import Result, missing, problems, result
from smart_app.use_cases.errors import Refused

OLDEST_SCORE = timedelta(days=730)
LONGEST_SOURCE = 200
UNFINISHED = "unfinished"  # "yes": saved although items have no answer
_NOTHING = "Answer the items, or enter the total."

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form that can be kept. `taken` None: only the day is known."""

    answers: Mapping[int, int]
    result: Result
    day: date
    taken: datetime | None
    source: str


def read_form(form: Instrument, fields: Mapping[str, str], now: datetime) -> Typed:
    """fields: item.1, item.2, ... or total and item9, source; date (empty: today) and time (empty: now, or of an
    earlier day not known). Raises Refused.
    """
    found: dict[str, str] = {}
    by_total = bool(fields.get("total", "").strip()) or not form.items
    answers = {} if by_total else _answers(form, fields, found)
    made = _total(form, fields, found) if by_total else _result(form, answers, fields, found)
    if by_total and answers_so_far(form, fields):
        found["total"] = "Answer the items or enter the total, not both. To leave the items out, start again."
    on, taken = _when(fields, now, found)
    if found or made is None:
        raise Refused("Some of this needs another look.", problems=found)
    source = " ".join(fields.get("source", "").split())[:LONGEST_SOURCE] if by_total else ""
    return Typed(answers=answers, result=made, day=on, taken=taken, source=source)


def answers_so_far(form: Instrument, fields: Mapping[str, str]) -> dict[int, int]:
    """What can be read of a form that is being filled in."""
    return _answers(form, fields, {})


def _answers(form: Instrument, fields: Mapping[str, str], found: dict[str, str]) -> dict[int, int]:
    answers = {}
    for item in form.items:
        name = f"item.{item.number}"
        if not fields.get(name, "").strip():
            continue
        answer = _read(partial(whole, fields[name], 0, item.options[-1].score), name, found)
        if answer is not None:
            answers[item.number] = answer
    return answers


def _result(
    form: Instrument, answers: Mapping[int, int], fields: Mapping[str, str], found: dict[str, str]
) -> Result | None:
    found |= {f"item.{number}": words for number, words in problems(form, answers).items()}
    gaps = missing(form, answers)
    if not answers:
        found.setdefault("item.1", _NOTHING)
    elif gaps and fields.get(UNFINISHED) != "yes":
        for number in gaps:
            pair = next((each for each in form.either if number in each), (number,))
            found.setdefault(f"item.{number}", f"Item {' or '.join(map(str, pair))} has no answer.")
    return None if found else result(form, answers)


def _total(form: Instrument, fields: Mapping[str, str], found: dict[str, str]) -> Result | None:
    """A total taken from a form on paper."""
    if not form.highest:
        found["item.1"] = "This form has no total. Answer its items."
        return None
    total = _read(lambda: whole(fields.get("total", ""), 0, form.highest), "total", found)
    watched = None
    if form.watched is not None and fields.get("item9", "").strip():
        highest = form.item(form.watched).options[-1].score
        watched = _read(lambda: whole(fields["item9"], 0, highest), "item9", found)
    if total is not None and watched is not None and watched > total:
        found["item9"] = f"Item {form.watched} is more than the whole. Check both."
    if total is None:
        return None
    return Result(total=total, level="", words=form.band(total), watched=watched, complete=True)


def _when(fields: Mapping[str, str], now: datetime, found: dict[str, str]) -> tuple[date, datetime | None]:
    typed_day, typed_time = fields.get("date", "").strip(), fields.get("time", "").strip()
    on = _read(lambda: day(typed_day), "date", found) if typed_day else now.date()
    if on is None:
        return now.date(), None
    if on > now.date():
        found["date"] = "This day has not come yet."
    elif now.date() - on > OLDEST_SCORE:
        found["date"] = "This is more than two years ago."
    if not typed_time:
        return on, now.replace(second=0, microsecond=0) if on == now.date() else None
    taken = _read(lambda: at_time(on, typed_time, now), "time", found)
    if taken is not None and taken > now and "date" not in found:
        found["time"] = NOT_YET
    return on, taken


def _read(parse: Callable[[], Value], name: str, found: dict[str, str]) -> Value | None:
    try:
        return parse()
    except NotUsable as error:
        found[name] = str(error)
        return None
