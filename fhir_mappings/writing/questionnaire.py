"""A questionnaire of the table as a Questionnaire (R4 Questionnaire): its items, answers and who may use it."""

from __future__ import annotations

from typing import Final

from fhir_mappings.facts.questionnaire import Instrument, Item, Option
from fhir_mappings.writing.canonical import questionnaire_url
from fhir_mappings.writing.datatypes import coding
from fhir_mappings.writing.terminology import LOINC
from fhir_mappings.writing.written import Json

_ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
RELEASED: Final = "2026-11-23"


def questionnaire(form: Instrument) -> Json:
    """The definition. Texts are the form's own only where its terms let them be shown."""
    return {
        "resourceType": "Questionnaire",
        "id": form.key,
        "url": questionnaire_url(form.key),
        "version": form.version,
        "name": "".join(part.capitalize() for part in form.key.split("-")),
        "title": form.title,
        "status": "active",
        "subjectType": ["Patient"],
        "date": RELEASED,
        "publisher": "The ketamine-pathway developers",
        "description": f"{form.name}. {form.asks}." + ("" if form.worded else " Items are named, not worded."),
        "copyright": form.terms,
        **({"code": [coding(LOINC, form.panel)]} if form.panel else {}),
        "item": [_item(form, item) for item in form.items],
    }


def link_id(item: Item) -> str:
    """As US Core's examples name them, by LOINC; by number where there is no code."""
    return f"/{item.loinc}" if item.loinc else str(item.number)


def answer(item: Item, score: int) -> Json:
    """The value[x] of an answer: LOINC's code of it, or the points where it has none."""
    option = next(option for option in item.options if option.score == score)
    return {"valueCoding": coding(LOINC, option.loinc, option.words)} if option.loinc else {"valueInteger": score}


def _item(form: Instrument, item: Item) -> Json:
    coded = bool(item.options[0].loinc)
    condition = item.asked_if
    enabled = {}
    if condition is not None:
        earlier = form.item(condition.item)
        name, value = next(iter(answer(earlier, condition.score).items()))
        enabled = {
            "enableWhen": [
                {"question": link_id(earlier), "operator": "=", name.replace("value", "answer"): value},
            ]
        }
    return {
        "linkId": link_id(item),
        **({"code": [coding(LOINC, item.loinc)]} if item.loinc else {}),
        "prefix": f"{item.number}.",
        "text": item.words,
        "type": "choice" if coded else "integer",
        **enabled,
        "required": condition is None and not any(item.number in pair for pair in form.either),
        "answerOption": [_option(option) for option in item.options],
    }


def _option(option: Option) -> Json:
    if not option.loinc:
        return {"valueInteger": option.score}
    points = {"extension": [{"url": _ORDINAL, "valueDecimal": option.score}]}
    return {"valueCoding": points | coding(LOINC, option.loinc, option.words)}


def canonical(form: Instrument) -> str:
    """With its version, as a response names it."""
    return f"{questionnaire_url(form.key)}|{form.version}"
