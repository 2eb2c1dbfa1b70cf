"""The lines of a checklist as a page shows them: answer, typed values, who and when, and what is known already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fhir_mappings.facts.programme import CheckItem, Detail
from fhir_mappings.facts.treatment import Answer
from smart_app.clinical.check_details import detail_words
from smart_app.clinical.discharge import Proposal
from smart_app.clinical.entry import NotUsable, day
from smart_app.clinical.programme import day_words
from smart_app.use_cases.records import Json, StoredCourse
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.checklist import DISCHARGE, against, answer, field, proposed
from smart_app.use_cases.session.session_lines import CheckLine, DetailLine
from smart_app.use_cases.session.typed_session import written

_STOPS = "Do not give the dose."


def check_lines(
    at_hand: AtHand, group: str, items: Sequence[CheckItem], sources: Mapping[str, str]
) -> tuple[CheckLine, ...]:
    """`sources` say, by key of a line, what is known already and from where."""
    said = proposed(at_hand) if group == DISCHARGE else {}
    headings = ["", *(item.heading for item in items)]
    return tuple(
        _line(
            at_hand,
            group,
            item,
            sources.get(item.key, ""),
            said.get(item.key),
            heading="" if item.heading == last else item.heading,
        )
        for last, item in zip(headings, items, strict=False)
    )


def _line(
    at_hand: AtHand, group: str, item: CheckItem, source: str, said: Proposal | None, *, heading: str
) -> CheckLine:
    name = field(group, item)
    given = answer(at_hand, group, item)
    return CheckLine(
        field=name,
        text=item.text,
        required=item.required,
        not_applicable=item.not_applicable,
        answer=given,
        note_field=f"{name}.note",
        note=at_hand.text(f"{name}.note"),
        written=written(at_hand.session, name),
        effect=" ".join(words for words in (_STOPS if item.stops else "", item.effect) if words),
        against=against(at_hand, group, item) if given == Answer.YES else "",
        source=_measured(item, said) if said is not None else source,
        proposed="" if said is None else "yes" if said.met else "no",
        heading=heading,
        details=tuple(
            DetailLine(
                field=field(group, item, detail),
                detail=detail,
                typed=at_hand.text(field(group, item, detail)),
                words=_words(at_hand, group, item, detail),
            )
            for detail in item.details
        ),
    )


def _measured(item: CheckItem, said: Proposal) -> str:
    return said.words if item.key == "time" else f"Readings: {said.words}"


def _words(at_hand: AtHand, group: str, item: CheckItem, detail: Detail) -> str:
    if answer(at_hand, group, item) not in detail.beside:
        return ""
    try:
        return detail_words(detail, at_hand.text(field(group, item, detail)))
    except NotUsable:
        return ""


def known_before(at_hand: AtHand, course: StoredCourse, person: Json) -> dict[str, str]:
    """What is known already beside the checks before the dose, by their keys."""
    definition = at_hand.definition
    known = {"allergies": f"{person.get('allergies') or 'Could not load allergies'}."}
    signed = course.enrolment.get("consent_signed_on", "")
    known["consent"] = f"Signed on {_day(signed)}, as at enrolment." if signed else ""
    hours = ((definition.fasting_hours, "solids"), (definition.fluids_hours, "clear fluids"))
    least = [f"{hours} h without {what}" for hours, what in hours if hours is not None]
    known["fasting"] = f"At least {', '.join(least)}." if least else ""
    weight, weighed = at_hand.text("dose.weight_kg"), at_hand.text("dose.weight_date")
    known["weight"] = f"{weight} kg on {_day(weighed)}." if weight and weighed else "No weight is entered."
    return known


def known_at_discharge(at_hand: AtHand, course: StoredCourse) -> dict[str, str]:
    """When the next session is planned, beside the question whether the visit is booked."""
    number = at_hand.session.number
    days = [each.day for each in course.planned if each.number > number and each.day is not None]
    return {"next": f"Planned for {day_words(min(days))}." if days else "No further session is planned."}


def _day(typed: str) -> str:
    try:
        return day_words(day(typed))
    except NotUsable:
        return typed
