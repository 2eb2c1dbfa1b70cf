"""The one door in: a patient's resources to `PatientFacts`. Tolerant; whatever cannot be read becomes a Gap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from fhir_mappings.codes.medicines import MedicineTable, shipped_table
from fhir_mappings.codes.observations import BODY_WEIGHT, LIVER
from fhir_mappings.facts.clinical import (
    Allergy,
    Area,
    BloodPressure,
    Gap,
    LabValue,
    MedicationUse,
    PatientFacts,
    Person,
    Score,
    Weight,
)
from fhir_mappings.reading import elements, medication, observation
from fhir_mappings.reading.allergy import read_allergy
from fhir_mappings.reading.blood_pressure import is_blood_pressure, loinc_codes, read_blood_pressures
from fhir_mappings.reading.condition import read_condition
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.patient import read_patient
from fhir_mappings.reading.repeats import without_repeats
from fhir_mappings.reading.resource_types import RESOURCE_TYPES
from fhir_mappings.reading.sessions import SessionTimes

Fact = TypeVar("Fact")

_AREA_OF_TYPE = {
    "Patient": Area.PATIENT,
    "Condition": Area.CONDITION,
    "MedicationStatement": Area.MEDICATION,
    "MedicationRequest": Area.MEDICATION,
    "MedicationDispense": Area.MEDICATION,
    "Medication": Area.MEDICATION,
    "AllergyIntolerance": Area.ALLERGY,
}
_SCREENED = frozenset(_AREA_OF_TYPE) | {"Observation"}
_SUBJECT_OF_TYPE = {"AllergyIntolerance": "patient"}


def patient_facts(
    resources: Iterable[Any],
    *,
    as_of: date,
    now: datetime | None = None,
    patients: Collection[str],
    failures: Iterable[Gap] = (),
    medicines: MedicineTable | None = None,
) -> PatientFacts:
    """Everything screening needs to know from `resources`, in any order and with repeats.

    `patients` are the references under which this patient goes ("Patient/1", an absolute URL, a urn:uuid); an
    entry of anybody else is a Gap. `failures` are the searches that did not come back whole. `now`, where it is
    known, tells an instant that has passed from one to come; without it the day alone decides. `medicines`: the
    site's table of medicines; None means the shipped one.
    """
    table = shipped_table() if medicines is None else medicines
    return _Chart(resources, Notes(as_of, now), frozenset(patients), tuple(failures), table).facts()


class _Chart:
    """One chart while it is read."""

    def __init__(
        self,
        resources: Iterable[Any],
        notes: Notes,
        patients: frozenset[str],
        failures: tuple[Gap, ...],
        medicines: MedicineTable,
    ):
        self.notes = notes
        self.medicines = medicines
        self.failures = failures
        self.patients = patients
        self.by_type: dict[str, list[Json]] = {}
        self.read: list[str] = []
        self.scores: list[Score] = []
        self.weights: list[Weight] = []
        self.labs: list[LabValue] = []
        kept, torn = without_repeats(_readable(resources, self.notes))
        for resource in kept:
            self._sort(resource)
        for resource in torn:
            if elements.text(resource["resourceType"]) in _SCREENED:
                self.notes.gap(_area(resource), resource, "it came in two texts that contradict each other")

    def _sort(self, resource: Json) -> None:
        kind = elements.text(resource["resourceType"])
        self.read.append(elements.versioned_reference(resource))
        if kind in _SCREENED:
            problem = self._unfit(resource, kind)
            if problem is not None:
                self.notes.gap(_area(resource), resource, problem)
                return
        self.by_type.setdefault(kind, []).append(resource)

    def _unfit(self, resource: Json, kind: str) -> str | None:
        """Why a resource must not be read at all; None when it may."""
        if kind != "Observation" and resource.get("modifierExtension"):
            return "it carries a modifier the app does not know"
        if resource.get("implicitRules"):
            return "it follows rules the app does not know"
        if kind == "Medication":
            return None
        if kind == "Patient":
            return None if self._is_ours(resource) else "it is the record of another patient, or does not say whose"
        subject = elements.mapping(resource.get(_SUBJECT_OF_TYPE.get(kind, "subject")))
        reference = elements.text(subject.get("reference")).partition("/_history/")[0]
        if not reference:
            return "it does not say whose it is"
        return None if reference in self.patients else "it belongs to another patient"

    def _is_ours(self, patient: Json) -> bool:
        identifier = elements.text(patient.get("id"))
        names = (f"Patient/{identifier}", f"urn:uuid:{identifier}")
        return bool(identifier) and any(
            reference in names or reference.endswith(f"/Patient/{identifier}") for reference in self.patients
        )

    def facts(self) -> PatientFacts:
        person = self._person()
        diagnoses = self._each("Condition", Area.CONDITION, read_condition)
        medications = self._medications()
        read = partial(read_allergy, table=self.medicines)
        allergies: list[Allergy] = self._each("AllergyIntolerance", Area.ALLERGY, read)
        pressures = self._observations()
        return PatientFacts(
            person=person,
            diagnoses=tuple(diagnoses),
            blood_pressures=pressures,
            scores=tuple(self.scores),
            weights=tuple(self.weights),
            labs=tuple(self.labs),
            medications=tuple(medications),
            allergies=tuple(allergies),
            ignored=tuple(self.notes.ignored),
            gaps=self.failures + tuple(self.notes.gaps),
            read=tuple(sorted(self.read)),
        )

    def _person(self) -> Person | None:
        found: list[Person] = self._each("Patient", Area.PATIENT, read_patient)
        if not found and not any(gap.area is Area.PATIENT for gap in (*self.failures, *self.notes.gaps)):
            self.notes.gap(Area.PATIENT, {"resourceType": "Patient"}, "there is no Patient resource")
        return found[0] if found else None

    def _medications(self) -> list[MedicationUse]:
        chart = self._pointed("Medication", "Condition")

        def read(resource: Json, notes: Notes) -> MedicationUse | None:
            return medication.read_medication(resource, chart, self.medicines, notes)

        return [use for kind in sorted(medication.TYPES) for use in self._each(kind, Area.MEDICATION, read)]

    def _pointed(self, *kinds: str) -> dict[str, Json]:
        """The resources of these types by "Type/id"."""
        return {
            elements.reference_of(resource): resource for kind in kinds for resource in self.by_type.get(kind, ())
        }

    def _observations(self) -> tuple[BloodPressure, ...]:
        """The blood pressures; whatever else is read goes to `scores`, `weights` and `labs`."""
        pressures: list[tuple[Json, frozenset[str]]] = []
        for resource in self.by_type.get("Observation", ()):
            codes = loinc_codes(resource.get("code"))
            if is_blood_pressure(resource, codes):
                pressures.append((resource, codes))
            elif observation.is_wanted(resource, codes):
                self.notes.guarded(observation.area_of, resource, self._other_observation, codes)
            elif observation.speaks_of_pressure(resource, codes):
                pressures.append((resource, codes))
            else:
                self.notes.guarded(
                    observation.area_of, resource, observation.read_unknown, codes, self.scores, self.notes
                )
        given = (
            r
            for kind in ("Procedure", "MedicationAdministration")
            for r in self.by_type.get(kind, ())
            if self._unfit(r, kind) is None  # a session of somebody else must not hide a reading
        )
        sessions = SessionTimes(given, self._pointed("Medication"))
        return read_blood_pressures(pressures, sessions, self.notes)

    def _other_observation(self, resource: Json, codes: frozenset[str]) -> None:
        if observation.dropped(resource, self.notes):
            return
        if resource.get("modifierExtension"):
            self.notes.gap(observation.area_of(resource), resource, "it carries a modifier the app does not know")
            return
        if codes & BODY_WEIGHT:
            weight = observation.read_weight(resource, self.notes)
            self.weights.extend([weight] if weight is not None else [])
        elif not codes.isdisjoint(LIVER):
            value = observation.read_liver_value(resource, codes, self.notes)
            self.labs.extend([value] if value is not None else [])
        else:
            self.scores.extend(observation.read_scores(resource, codes, self.notes))

    def _each(self, kind: str, area: Area, read: Callable[[Json, Notes], Fact | None]) -> list[Fact]:
        found = (self.notes.guarded(area, resource, read, self.notes) for resource in self.by_type.get(kind, ()))
        return [fact for fact in found if fact is not None]


def _area(resource: Json) -> Area:
    kind = elements.text(resource["resourceType"])
    return observation.area_of(resource) if kind == "Observation" else _AREA_OF_TYPE[kind]


def _readable(resources: Iterable[Any], notes: Notes) -> list[Json]:
    """The entries that are resources of FHIR R4. Anything else might have been any of them, so it is a Gap."""
    found: list[Json] = []
    for resource in resources:
        if isinstance(resource, dict) and elements.text(resource.get("resourceType")) in RESOURCE_TYPES:
            found.append(resource)
        else:
            notes.gap(Area.CONDITION, {}, "an entry is not a resource of FHIR R4")
    return found
