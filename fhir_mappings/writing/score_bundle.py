"""The one door out for a questionnaire: its QuestionnaireResponse, its result and who entered it, as bytes.

R4 QuestionnaireResponse and Observation, US Core 7.0.0 of both; a total that stands alone has no response.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from fhir_mappings import wire
from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import FilledIn, Instrument
from fhir_mappings.writing.canonical import US_CORE_QUESTIONNAIRE_RESPONSE, US_CORE_SCREENING_ASSESSMENT
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.datatypes import annotation, coding, concept, instant, person, quantity, reference
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.provenance import entry_provenance, entry_value
from fhir_mappings.writing.questionnaire import answer, canonical, link_id
from fhir_mappings.writing.soundness import refuse_unsound
from fhir_mappings.writing.terminology import LOINC, SURVEY, result_code
from fhir_mappings.writing.written import Json, WrittenResource

__all__ = ["form_value", "score_resources"]

_SCORE = "{score}"
_BY_PATIENT = "The patient"  # how `asks` begins where the patient answers


def score_resources(
    filled: FilledIn, instance: Instance, *, without: frozenset[str] = frozenset()
) -> tuple[WrittenResource, ...]:
    """What one filling-in writes, in the order it travels; the same facts give the same bytes.

    Empty where the EHR takes neither form nor result. Types that `without` names are left out. Raises Unwritable.
    """
    refuse_unsound("score", filled)
    form = INSTRUMENTS.get(filled.instrument)
    if form is None:
        raise Unwritable("score.instrument", "is not in the table")
    made = tuple(_clinical(filled, form, instance, without))
    if not made:
        return ()
    if "Provenance" in without:
        return made
    targets = [instance.link(one.resource_type, "score", one.value) for one in made]
    record = entry_provenance("score", filled.id, filled.by, _when(filled), filled.entered, targets, instance)
    value = entry_value("score", filled.id, instance)
    return (*made, _written(record, instance.system("provenance"), value, f"Who entered the {form.name}"))


def _clinical(
    filled: FilledIn, form: Instrument, instance: Instance, without: frozenset[str]
) -> Iterator[WrittenResource]:
    answered = bool(filled.answers) and "QuestionnaireResponse" not in without
    if answered:
        response = _response(filled, form, instance)
        yield _written(response, instance.system("score"), form_value(filled.id), f"{form.name}, answers")
    if "Observation" not in without and (filled.total is not None or filled.level):
        result = _result(filled, form, instance, derived=answered)
        yield _written(result, instance.system("score"), filled.id, f"{form.name}, result")


def form_value(score_id: str) -> str:
    """The identifier of the answers, beside that of the result."""
    return f"{score_id}-form"


def _response(filled: FilledIn, form: Instrument, instance: Instance) -> Json:
    patient = reference("score.patient", filled.patient, "Patient")
    return {
        "resourceType": "QuestionnaireResponse",
        "meta": {"profile": [US_CORE_QUESTIONNAIRE_RESPONSE]},
        "identifier": instance.identifier("score", form_value(filled.id)),
        **_links(filled, instance),
        "questionnaire": canonical(form),
        "status": "completed" if filled.complete else "stopped",
        "subject": patient,
        **_encounter(filled),
        "authored": _when(filled),
        "author": person("score.by", filled.by),
        **({"source": patient} if form.asks.startswith(_BY_PATIENT) else {}),
        "item": [
            {
                "linkId": link_id(item),
                "text": item.words,
                "answer": [answer(item, filled.answers[item.number])],
            }
            for item in form.items
            if item.number in filled.answers
        ],
    }


def _result(filled: FilledIn, form: Instrument, instance: Instance, *, derived: bool) -> Json:
    link = instance.link("QuestionnaireResponse", "score", form_value(filled.id))
    return {
        "resourceType": "Observation",
        "meta": {"profile": [US_CORE_SCREENING_ASSESSMENT]},
        "identifier": [instance.identifier("score", filled.id)],
        **_links(filled, instance),
        "status": "final",
        "category": [SURVEY],
        "code": result_code(form),
        "subject": reference("score.patient", filled.patient, "Patient"),
        **_encounter(filled),
        "effectiveDateTime": _when(filled),
        "issued": instant("score.entered", filled.entered),
        "performer": [person("score.by", filled.by)],
        **_value(filled),
        **({"interpretation": [concept(text=filled.words)]} if filled.words and filled.total is not None else {}),
        **_note(filled),
        **({"derivedFrom": [link]} if derived else {}),
        **_components(filled, form),
    }


def _value(filled: FilledIn) -> Json:
    if filled.total is None:
        return {"valueCodeableConcept": concept(text=filled.words.capitalize())}
    return {"valueQuantity": quantity("score.total", Decimal(filled.total), _SCORE, "score")}


def _components(filled: FilledIn, form: Instrument) -> Json:
    """What screening of any chart looks for in a result: the item on self-harm, each question of a screener."""
    known = filled.answers
    if form.total:
        known = {form.watched: filled.watched} if form.watched is not None and filled.watched is not None else {}
    made = [
        {
            "code": concept(coding(LOINC, item.loinc), text=item.words),
            "valueCodeableConcept": _coded(answer(item, known[item.number])),
        }
        for item in form.items
        if item.loinc and item.number in known
    ]
    return {"component": made} if made else {}


def _coded(value: Json) -> Json:
    return concept(value["valueCoding"], text=value["valueCoding"]["display"])


def _links(filled: FilledIn, instance: Instance) -> Json:
    """The plan by a link, for it is there or left out; the session by its identifier, for it may be signed later."""
    plan = {"basedOn": [instance.link("CarePlan", "programme", filled.course)]} if filled.course else {}
    session = {"partOf": [instance.logical("Procedure", "session", filled.session)]} if filled.session else {}
    return plan | session


def _encounter(filled: FilledIn) -> Json:
    if filled.encounter is None:
        return {}
    return {"encounter": reference("score.encounter", filled.encounter, "Encounter")}


def _when(filled: FilledIn) -> str:
    return filled.taken.date().isoformat() if filled.day_only else instant("score.taken", filled.taken)


def _note(filled: FilledIn) -> Json:
    if not filled.source:
        return {}
    return {"note": [annotation("score.entered", filled.by, filled.entered, f"Total from: {filled.source}")]}


def _written(resource: Json, system: str, value: str, label: str) -> WrittenResource:
    kind = resource["resourceType"]
    body = wire.encode(checked(resource))
    return WrittenResource(resource_type=kind, system=system, value=value, label=label, body=body)
