"""What we wrote beside what the EHR holds now: element by element, in words for a clinician."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from fhir_mappings.writing.read_back import holds
from fhir_mappings.writing.written import Json

MOST: Final = 1000  # characters of one value; an EHR's text may be of any length

# FHIR's names of what we write; a name that is missing here is told as it is spelled.
ELEMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "activity": "Sessions and steps",
        "actuality": "Whether it happened",
        "addresses": "Conditions treated",
        "agent": "People",
        "asserter": "Signed by",
        "authored": "Time",
        "basedOn": "Treatment plan",
        "code": "What it is",
        "complication": "Complications",
        "complicationDetail": "Complications in the record",
        "component": "Values",
        "contained": "Goals",
        "context": "Visit",
        "contributor": "Others involved",
        "date": "Time",
        "dateAsserted": "Time it was said",
        "derivedFrom": "Made from",
        "detected": "Time it was noticed",
        "dosage": "Dose",
        "effectiveDateTime": "Time",
        "effectivePeriod": "Time",
        "encounter": "Visit",
        "entity": "Made from",
        "extension": "Further details",
        "goal": "Links to the goals",
        "identifier": "The app's number of it",
        "informationSource": "Who said it",
        "instantiatesCanonical": "Programme",
        "issued": "Time of entry",
        "item": "Answers",
        "medicationCodeableConcept": "Medicine",
        "note": "Note",
        "occurredDateTime": "Time",
        "occurredPeriod": "Time",
        "partOf": "Part of",
        "performedDateTime": "Time",
        "performedPeriod": "Time",
        "performer": "People",
        "period": "First and last day",
        "reasonCode": "Reason",
        "reasonReference": "Reason in the record",
        "recorded": "Time of signing",
        "recordedDate": "Time of entry",
        "statusReason": "Reason of the status",
        "subject": "Patient",
        "supportingInfo": "Rests on",
        "supportingInformation": "Readings it rests on",
        "suspectEntity": "Suspected cause",
        "target": "Entries it is about",
        "valueInteger": "Result",
        "valueQuantity": "Result",
    }
)
_THE_SERVERS: Final = frozenset({"resourceType", "id", "meta", "text"})
_UNSAID: Final = frozenset({"system", "id", "url", "resourceType", "kind", "linkId"})  # they tell a reader nothing
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TOKEN: Final = re.compile(r"[a-z]+(-[a-z]+)+")  # "entered-in-error"
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """One element that differs, in words; "" where a side has none of it.

    `by_others`: what the EHR holds is no version of ours, so the app does not write over it; `before` is then how we
    sent it earlier, where this version changes that.
    """

    element: str
    ours: str
    theirs: str
    before: str = ""
    by_others: bool = True


def unlike(
    ours: Json, current: Json, before: Sequence[Json] = (), *, zone: tzinfo | None = None
) -> tuple[Unlike, ...]:
    """Elements of `ours` that `current`, the EHR's own, does not hold, and elements of `before`, our earlier
    versions, that it should hold no more. What others added beside ours is no difference. `zone` is of the times."""
    names = dict.fromkeys(name for one in (ours, *before) for name in one if name not in _THE_SERVERS)
    return tuple(row for name in names if (row := _row(name, ours, current, before, zone)))


def element_words(name: str) -> str:
    """ "Time" of "performedPeriod"."""
    return ELEMENTS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _row(name: str, ours: Json, current: Json, before: Sequence[Json], zone: tzinfo | None) -> Unlike | None:
    wanted, there = ours.get(name, _MISSING), current.get(name, _MISSING)
    earlier = [one[name] for one in before if name in one]
    if wanted is not _MISSING and holds(there, wanted):
        return None
    if wanted is _MISSING and (there is _MISSING or (isinstance(there, list) and not _any_held(there, earlier))):
        return None
    ours_told, theirs_told = _told(wanted, there, zone)
    by_others = _by_others(there, earlier, before)
    sent = earlier[-1] if earlier and by_others else _MISSING
    changed = sent is not _MISSING and (wanted is _MISSING or not holds(sent, wanted))
    return Unlike(
        element=element_words(name),
        ours=ours_told,
        theirs=theirs_told,
        before=_told(sent, wanted, zone)[0] if changed else "",
        by_others=by_others,
    )


def _any_held(there: list[Any], earlier: Iterable[Any]) -> bool:
    return any(holds(item, each) for one in earlier if isinstance(one, list) for each in one for item in there)


def _by_others(there: Any, earlier: Sequence[Any], before: Sequence[Json]) -> bool:
    if there is _MISSING:
        return bool(earlier) or not before
    new_list = isinstance(there, list) and len(earlier) < len(before)  # what stands there was added beside ours
    return not new_list and not any(holds(there, one) for one in earlier)


def _told(one: Any, other: Any, zone: tzinfo | None) -> tuple[str, str]:
    """Both in words, without what they share of lists and of long texts; with codes where the words are the same."""
    first, second = _apart(one, other)
    told = _words(first, zone), _words(second, zone)
    if told[0] == told[1]:
        told = _words(first, zone, exact=True), _words(second, zone, exact=True)
    return _short(told[0]), _short(told[1])


def _apart(one: Any, other: Any) -> tuple[Any, Any]:
    if isinstance(one, list) and isinstance(other, list):
        first = [item for item in one if not any(holds(each, item) for each in other)]
        second = [item for item in other if not any(holds(item, each) for each in one)]
        if len(first) != len(second):
            return first, second
        pairs = [_apart(item, each) for item, each in zip(first, second, strict=True)]
        return [item for item, _ in pairs], [each for _, each in pairs]
    if isinstance(one, dict) and isinstance(other, dict):
        both = {name: _apart(value, other[name]) for name, value in one.items() if name in other}
        return (
            one | {name: pair[0] for name, pair in both.items()},
            other | {name: pair[1] for name, pair in both.items()},
        )
    if isinstance(one, str) and isinstance(other, str) and "\n" in one + other:
        mine, theirs = one.splitlines(), other.splitlines()
        return (
            "\n".join(line for line in mine if line not in theirs),
            "\n".join(line for line in theirs if line not in mine),
        )
    return one, other


def _words(value: Any, zone: tzinfo | None, *, exact: bool = False) -> str:
    if value is _MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("-", " ") if _TOKEN.fullmatch(value) and not exact else _time(value, zone)
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, zone, exact=exact) for item in value)))
    if not isinstance(value, dict):
        return str(value)
    return (None if exact else _shaped(value, zone)) or _members(value, zone, exact=exact)


def _members(value: Json, zone: tzinfo | None, *, exact: bool) -> str:
    named = [(name, _words(part, zone, exact=exact)) for name, part in value.items() if exact or name not in _UNSAID]
    return ", ".join(f"{element_words(name).lower()}: {words}" for name, words in named if words)


def _shaped(value: Json, zone: tzinfo | None) -> str:
    """The data types of R4 2.24 that read better than by their members; "" for all others."""
    if value.keys() <= {"value", "unit", "code", "system", "comparator"} and isinstance(
        value.get("value"), Decimal | int
    ):
        unit = value.get("unit") or value.get("code") or ""
        return f"{value.get('comparator', '')}{value['value']} {unit}".strip()
    if value.keys() <= {"numerator", "denominator"} and len(value) == 2:
        return f"{_words(value['numerator'], zone)} per {_words(value['denominator'], zone)}"
    if value.keys() <= {"start", "end"}:
        return " to ".join(_words(value[name], zone) or "?" for name in ("start", "end") if name in value)
    if value.keys() <= {"coding", "text"}:
        return _words(value.get("text"), zone) or _words(value.get("coding"), zone)
    if value.keys() <= {"system", "version", "code", "display", "userSelected"} and "code" in value:
        return str(value.get("display") or value["code"])
    if value.keys() <= {"reference", "type", "identifier", "display"} and value:
        kind, _, _ = str(value.get("reference", "")).rpartition("/")
        return str(value.get("display") or value.get("reference") or value.get("type") or kind)
    if "url" in value:  # an Extension
        inside = _words([part for name, part in value.items() if name not in _UNSAID], zone)
        return f"{str(value['url']).rpartition('/')[2].replace('-', ' ')}: {inside}"
    if "text" in value and value.keys() <= {"text", "time", "authorReference", "authorString"}:
        author = _words(value.get("authorReference", value.get("authorString")), zone)
        signed = ", ".join(filter(None, (author, _words(value.get("time"), zone))))
        return f"{_words(value['text'], zone)}{f' ({signed})' if signed else ''}"
    return ""


def _time(text: str, zone: tzinfo | None) -> str:
    try:
        if _TIME.fullmatch(text):
            return f"{datetime.fromisoformat(text).astimezone(zone):%d %b %Y %H:%M}"
        if _DAY.fullmatch(text):
            return f"{datetime.fromisoformat(text):%d %b %Y}"
    except (ValueError, OverflowError):
        pass  # an impossible day is shown as it stands there
    return text


def _short(words: str) -> str:
    return words if len(words) <= MOST else f"{words[:MOST]} … (shortened)"
