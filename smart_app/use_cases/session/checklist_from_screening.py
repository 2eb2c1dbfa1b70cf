"""What a session's checklist takes from the latest screening: medicines to hold, and whether pregnancy is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from fhir_mappings.facts.clinical import Area, PatientFacts
from smart_app.clinical.medicines import medicines
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import AskedMedicine, Background

# Clinical content on sessions: what deepens sedation, raises blood pressure or weakens the effect of ketamine.
_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "benzodiazepine": "benzodiazepine",
        "z-drug": "sleeping medicine",
        "barbiturate": "barbiturate",
        "gabapentinoid": "gabapentinoid",
        "opioid": "opioid",
        "stimulant": "stimulant",
        "maoi": "MAO inhibitor",
        "lamotrigine": "lamotrigine",
        "theophylline": "theophylline",
    }
)


def from_screening(uow: UnitOfWork, patient: str) -> Background:
    """Of the latest screening. Without one, or without what it read, nothing is known and all is asked."""
    screening = uow.screenings.latest(patient)
    if screening is None:
        return Background()
    inputs = uow.screenings.inputs(screening.inputs) if screening.inputs else None
    return Background(
        medicines=tuple(_asked(inputs.facts)) if inputs is not None else (),
        list_read=inputs is not None and _list_read(inputs.facts),
        no_pregnancy="the recorded sex is male" if screening.person.get("gender") == "male" else "",
    )


def _asked(facts: PatientFacts) -> Iterator[AskedMedicine]:
    for medicine in medicines(facts):
        if not medicine.current:
            continue
        known = [words for name, words in _CLASSES.items() if name in medicine.classes | {medicine.name}]
        if known or not medicine.resolved:
            yield AskedMedicine(name=medicine.name, kind=", ".join(known) or "not known what it holds")


def _list_read(facts: PatientFacts) -> bool:
    return not any(gap.area is Area.MEDICATION and not gap.listed_only for gap in facts.gaps)
