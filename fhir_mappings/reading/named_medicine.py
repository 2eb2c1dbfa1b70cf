"""Which medicine an entry names: in place, contained or referenced. FHIR R4 medication[x] and Medication."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fhir_mappings.codes.concepts import Concept, read_concept
from fhir_mappings.codes.medicines import MedicineTable, Part, Resolved
from fhir_mappings.codes.systems import RXNORM
from fhir_mappings.facts.clinical import Area, Code, Resolution
from fhir_mappings.reading import elements, references
from fhir_mappings.reading.dose import strength_of
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.sig import strength_in

_NOTHING = Concept((), (), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMedicine:
    """A medicine as an entry names it. `label` is "" where it names none."""

    label: str
    codes: tuple[Code, ...]
    texts: tuple[str, ...]  # what a person or a system wrote, and the name of the product
    ingredients: frozenset[str]
    resolution: Resolution
    parts: tuple[Part, ...]  # with their strengths, as far as they are known
    form: Concept = _NOTHING


def named_medicine(resource: Json, chart: Mapping[str, Json], table: MedicineTable, notes: Notes) -> NamedMedicine:
    """The medicine of an entry; `chart` holds the Medication resources by "Type/id".

    What it names unreadably leaves a Gap. A medicine that no rule asks about stays unresolved, which is none.
    """
    if resource.get("medicationCodeableConcept") is not None:
        return _of_concepts(resource, [(resource["medicationCodeableConcept"], None)], table, notes)
    reference = resource.get("medicationReference")
    medication = references.found(reference, "Medication", resource, chart)
    if medication is not None and medication.get("modifierExtension"):
        notes.gap(Area.MEDICATION, resource, "the Medication it points to carries a modifier the app does not know")
    if medication is not None and medication.get("status") == "entered-in-error":
        notes.gap(Area.MEDICATION, resource, "the Medication it points to was entered in error")
        medication = None
    display = {"text": elements.mapping(reference).get("display")}
    if medication is None:
        return _of_concepts(resource, [(display, None)], table, notes)
    named = [(medication.get("code"), None), *_items(medication, chart)]
    if not any(read_concept(concept).label for concept, _ in named):
        named = [(display, None)]
    return _of_concepts(resource, named, table, notes, form=read_concept(medication.get("form")))


def _items(medication: Json, chart: Mapping[str, Json]) -> Iterable[tuple[object, object]]:
    """The ingredients that a Medication lists, each as a concept and its strength."""
    for item in elements.objects(medication.get("ingredient")):
        concept = item.get("itemCodeableConcept")
        if concept is None:
            part = references.found(item.get("itemReference"), "Medication", medication, chart)
            concept = {"text": elements.mapping(item.get("itemReference")).get("display")}
            concept = part.get("code") if part is not None else concept
        yield concept, item.get("strength")


def _of_concepts(
    resource: Json,
    named: Iterable[tuple[object, object]],
    table: MedicineTable,
    notes: Notes,
    form: Concept = _NOTHING,
) -> NamedMedicine:
    concepts = [(read_concept(concept), strength) for concept, strength in named]
    resolved = [table.resolve(concept.codes, concept.texts) for concept, _ in concepts]
    codes = tuple(code for concept, _ in concepts for code in concept.codes)
    texts = tuple(dict.fromkeys(text for concept, _ in concepts for text in concept.texts))
    products = tuple(dict.fromkeys(found.product for found in resolved if found.product))
    ingredients = frozenset[str]().union(*(found.ingredients for found in resolved))
    _note_doubts(resource, [concept for concept, _ in concepts], resolved, notes)
    return NamedMedicine(
        label=_label([concept for concept, _ in concepts], products, ingredients),
        codes=codes,
        texts=products + texts,
        ingredients=ingredients,
        resolution=next((r.resolution for r in resolved if r.ingredients), Resolution.NONE),
        parts=_parts(concepts, resolved) or strength_in(texts, ingredients),
        form=form,
    )


def _label(concepts: list[Concept], products: tuple[str, ...], ingredients: frozenset[str]) -> str:
    """The words of the entry, else the name of the product, else its ingredients, else a bare code."""
    words = concepts[0].texts or tuple(text for concept in concepts[1:] for text in concept.texts[:1])
    if concepts[0].texts:
        return words[0]
    known = ", ".join(words) or next(iter(products), "") or ", ".join(sorted(ingredients))
    return known or next((concept.label for concept in concepts if concept.label), "")


def _parts(concepts: list[tuple[Concept, object]], resolved: list[Resolved]) -> tuple[Part, ...]:
    """The product's own parts, else the strengths that the Medication lists for its ingredients."""
    for found in resolved:
        if found.parts:
            return found.parts
    listed = []
    for (_, ratio), found in zip(concepts, resolved, strict=True):
        strength = strength_of(ratio)
        if strength is not None and len(found.ingredients) == 1:
            listed.append(Part(next(iter(found.ingredients)), *strength))
    return tuple(listed) if len({part.ingredient for part in listed}) == len(listed) else ()


def _note_doubts(resource: Json, concepts: list[Concept], resolved: list[Resolved], notes: Notes) -> None:
    if any(concept.damaged for concept in concepts):
        notes.gap(Area.MEDICATION, resource, "a part of the code could not be read")
    for concept, found in zip(concepts, resolved, strict=True):
        if concept.codes and not concept.texts and found.resolution is Resolution.NONE:
            # An RxNorm code was read, only the tables do not hold it: a person has to look.
            area = Area.OTHER if any(map(_is_rxcui, concept.codes)) else Area.MEDICATION
            notes.gap(area, resource, "the code is not one the app knows, and there are no words")
    if not all(found.whole for found in resolved):
        notes.gap(Area.OTHER, resource, "a part of the product could not be named")


def _is_rxcui(code: Code) -> bool:
    return code.system == RXNORM and code.code.isascii() and code.code.isdigit()
