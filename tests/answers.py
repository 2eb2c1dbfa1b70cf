"""Answers to a checklist with which a session goes on, and the typed values that belong to them."""

from __future__ import annotations

from collections.abc import Iterable

from fhir_mappings.facts.programme import CheckItem, Detail, DetailKind
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Answer, Route

_NUMBERS = {"solids": "8", "fluids": "3", "minutes": "30"}


def before_answers(route: Route) -> dict[str, str]:
    """Of both places; and the medicines held, where the list of them was not read."""
    return _answers("check", PROGRAMMES[route].checks) | {"check.held": "yes"}


def discharge_answers(route: Route) -> dict[str, str]:
    """No next visit is booked: a day would hang on the day of the session."""
    items = PROGRAMMES[route].discharge
    return _answers("discharge", items) | ({"discharge.next": "na"} if items else {})


def _answers(group: str, items: Iterable[CheckItem]) -> dict[str, str]:
    typed = {f"{group}.{item.key}": "yes" for item in items}
    return typed | {
        f"{group}.{item.key}.{detail.key}": _value(detail)
        for item in items
        for detail in item.details
        if Answer.YES in detail.beside and detail.kind is not DetailKind.DAY
    }


def _value(detail: Detail) -> str:
    if detail.kind is DetailKind.CHOICE:
        return detail.choices[0][0]
    if detail.kind is DetailKind.NUMBER:
        return _NUMBERS[detail.key]
    return "555 0100" if detail.kind is DetailKind.PHONE else "Sam Sister"
