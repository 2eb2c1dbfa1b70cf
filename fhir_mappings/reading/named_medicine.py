"""Which medicine an entry names: in place, contained or referenced. FHIR R4 medication[x] and Medication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fhir_mappings.codes.concepts import Concept, read_concept
from fhir_mappings.codes.forms import form_of
from fhir_mappings.codes.medicines import MedicineTable, Part, Resolved
from fhir_mappings.codes.systems import RXNORM
from fhir_mappings.facts.clinical import Area, Code, Resolution
from fhir_mappings.reading import elements, references
from fhir_mappings.reading.dose import strength_of
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.sig import strength_in


@dataclass(frozen=True, slots=True)
class NamedMedicine:
    """A medicine as an entry names it. `label` is "" where it names none."""

    label: str
    codes: tuple[Code, ...]
    texts: tuple[str, ...]
    ingredients: frozenset[str]
    resolution: Resolution
    parts: tuple[Part, ...]  # with their strengths, as far as they are known
    form: str  # "" where nothing says it


def named_medicine(resource: Json, chart: Mapping[str, Json], table: MedicineTable, notes: Notes) -> NamedMedicine:
    """The medicine of an entry; `chart` holds the Medication resources by "Type/id".

    What it names unreadably leaves a Gap. A medicine that no rule asks about stays unresolved, which is none.
    """
    if resource.get("medicationCodeableConcept") is not None:
        return _of_concept(resource, read_concept(resource["medicationCodeableConcept"]), table, notes)
    reference = resource.get("medicationReference")
    medication = references.found(reference, "Medication", resource, chart)
    if medication is not None and medication.get("modifierExtension"):
        notes.gap(Area.MEDICATION, resource, "the Medication it points to carries a modifier the app does not know")
    if medication is not None and medication.get("status") == "entered-in-error":
        notes.gap(Area.MEDICATION, resource, "the Medication it points to was entered in error")
        medication = None
    found = _of_medication(resource, medication, chart, table, notes) if medication is not None else None
    if found is None or not found.label:
        display = {"text": elements.mapping(reference).get("display", "")}
        found = _of_concept(resource, read_concept(display), table, notes)
    return found


def _of_concept(
    resource: Json, concept: Concept, table: MedicineTable, notes: Notes, *, listed: bool = False
) -> NamedMedicine:
    """`listed`: what it holds is listed beside it, so that a code that nobody knows hides nothing."""
    # A chart names few medicines over and over.
    found, named = notes.once(("medicine", concept), lambda: _meaning(concept, table))
    if not (listed and found.resolution is Resolution.NONE):
        _note_doubts(resource, concept, found, notes)
    return named


def _meaning(concept: Concept, table: MedicineTable) -> tuple[Resolved, NamedMedicine]:
    found = table.resolve(concept.codes, concept.texts)
    named = NamedMedicine(
        label=_label(concept, found),
        codes=concept.codes,
        texts=concept.texts,
        ingredients=found.ingredients,
        resolution=found.resolution,
        parts=found.parts or strength_in(concept.texts, found.ingredients),
        form=found.form or form_of((), concept.texts),
    )
    return found, named


def _label(concept: Concept, found: Resolved) -> str:
    """The words of the entry, else the name of the product, else its ingredients, else a bare code."""
    words = concept.texts[0] if concept.texts else found.product or ", ".join(sorted(found.ingredients))
    return words or concept.label


def _of_medication(
    resource: Json, medication: Json, chart: Mapping[str, Json], table: MedicineTable, notes: Notes
) -> NamedMedicine:
    """A Medication by its code and by the ingredients it lists, all of which count."""
    form = read_concept(medication.get("form"))
    code = read_concept(medication.get("code"))
    items = _items(resource, medication, chart, notes)
    named = [_of_concept(resource, code, table, notes, listed=bool(items))]
    named += [_of_concept(resource, item, table, notes) for item, _ in items]
    return NamedMedicine(
        label=named[0].label if code.label else ", ".join(dict.fromkeys(one.label for one in named if one.label)),
        codes=tuple(code for one in named for code in one.codes),
        texts=tuple(dict.fromkeys(text for one in named for text in one.texts)),
        ingredients=frozenset[str]().union(*(one.ingredients for one in named)),
        resolution=next((one.resolution for one in named if one.ingredients), Resolution.NONE),
        parts=_strengths(items, table) or named[0].parts,
        form=named[0].form or form_of(form.codes, form.texts),
    )


def _items(resource: Json, medication: Json, chart: Mapping[str, Json], notes: Notes) -> list[tuple[Concept, object]]:
    """The ingredients that a Medication lists, each as a concept and its strength; one without a name is a Gap."""
    given = medication.get("ingredient")
    found = []
    for item in elements.objects(given):
        concept = item.get("itemCodeableConcept")
        if concept is None:
            reference = item.get("itemReference")
            pointed = references.found(reference, "Medication", medication, chart)
            concept = pointed.get("code") if pointed is not None else None
            concept = concept or {"text": elements.mapping(reference).get("display", "")}
        found.append((read_concept(concept), item.get("strength")))
    listed = len(given) if isinstance(given, list) else int(given is not None)
    if len([concept for concept, _ in found if concept.label]) < listed:
        notes.gap(Area.MEDICATION, resource, "an ingredient of the Medication it points to could not be read")
    return [(concept, strength) for concept, strength in found if concept.label]


def _strengths(items: Sequence[tuple[Concept, object]], table: MedicineTable) -> tuple[Part, ...]:
    """The strengths that a Medication lists, of ingredients that are known and named once."""
    found = []
    for concept, ratio in items:
        strength, held = strength_of(ratio), table.resolve(concept.codes, concept.texts).ingredients
        if strength is not None and len(held) == 1:
            found.append(Part(next(iter(held)), *strength))
    return tuple(found) if len({part.ingredient for part in found}) == len(found) else ()


def _note_doubts(resource: Json, concept: Concept, found: Resolved, notes: Notes) -> None:
    if concept.damaged:
        notes.gap(Area.MEDICATION, resource, "a part of the code could not be read")
    elif concept.codes and not concept.texts and found.resolution is Resolution.NONE:
        # An RxNorm code was read, only the tables do not hold it: a person has to look.
        area = Area.OTHER if any(map(_is_rxcui, concept.codes)) else Area.MEDICATION
        notes.gap(area, resource, "the code is not one the app knows, and there are no words")
    if not found.whole:
        notes.gap(Area.OTHER, resource, "a part of the product could not be named")


def _is_rxcui(code: Code) -> bool:
    return code.system == RXNORM and code.code.isascii() and code.code.isdigit()
