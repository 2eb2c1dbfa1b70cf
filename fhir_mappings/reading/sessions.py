"""When ketamine was given, as far as a chart says: readings taken then are not screening readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from fhir_mappings.codes.concepts import codes_of, texts_of
from fhir_mappings.codes.medicines import ingredients_of
from fhir_mappings.facts.clinical import PartialDate
from fhir_mappings.reading import elements, references
from fhir_mappings.reading.elements import Json

_LONGEST = timedelta(days=1)  # a longer "session" is a mistake, and must not hide readings
_VISIT = timedelta(hours=2)  # how long a visit lasts (clinical content, sources) whose session names no end
_KETAMINE = frozenset({"ketamine", "esketamine"})
_OURS = "/sid/reading"  # the identifier system that this product gives its session readings ends so


class _Span(NamedTuple):
    start: datetime
    end: datetime


class SessionTimes:
    """Ketamine sessions found among Procedures and MedicationAdministrations of the chart.

    `chart` holds the Medication resources by "Type/id".
    """

    def __init__(self, resources: Iterable[Json], chart: Mapping[str, Json]) -> None:
        self._references: set[str] = set()
        self._spans: list[_Span] = []
        self._visits: list[tuple[str, _Span]] = []  # encounters of sessions that say only when they began
        for resource in resources:
            if _gives_ketamine(resource, chart):
                self._add(resource)

    def _add(self, resource: Json) -> None:
        self._references.add(elements.reference_of(resource))
        for part in elements.objects(resource.get("partOf")):
            self._references.add(elements.text(part.get("reference")))
        stem, visit = ("performed", "encounter") if _is_procedure(resource) else ("effective", "context")
        period = elements.mapping(resource.get(stem + "Period"))
        start, end = _instant(period.get("start")), _instant(period.get("end"))
        if start is not None and end is not None and start <= end <= start + _LONGEST:
            self._spans.append(_Span(start, end))
        start = _instant(resource.get(stem + "DateTime")) or start
        encounter = references.local(resource.get(visit), "Encounter")
        if encounter and start is not None and period.get("end") is None:
            self._visits.append((encounter, _Span(start, start + _VISIT)))

    def covers(self, observation: Json, when: PartialDate | None) -> bool:
        """Whether an Observation was taken inside a session: our own, part of one, or within its time.

        The encounter of a session tells only of the hours after its start: what was taken before cleared the patient
        or did not, and an encounter may be a stay of many days.
        """
        parts = elements.objects(observation.get("partOf"))
        if any(elements.text(part.get("reference")) in self._references for part in parts):
            return True
        identifiers = elements.objects(observation.get("identifier"))
        if any(elements.text(i.get("system")).endswith(_OURS) for i in identifiers):
            return True
        moment = when.instant if when is not None else None
        if moment is None:
            return False
        encounter = references.local(observation.get("encounter"), "Encounter")
        spans = [*self._spans, *[span for visit, span in self._visits if visit == encounter]]
        return any(span.start <= moment <= span.end for span in spans)


def _is_procedure(resource: Json) -> bool:
    return resource.get("resourceType") == "Procedure"


def _gives_ketamine(resource: Json, chart: Mapping[str, Json]) -> bool:
    if resource.get("status") in ("entered-in-error", "not-done", "preparation"):
        return False
    concept = resource.get("code") if _is_procedure(resource) else _medicine(resource, chart)
    return not _KETAMINE.isdisjoint(ingredients_of(codes_of(concept), texts_of(concept)))


def _medicine(resource: Json, chart: Mapping[str, Json]) -> object:
    if resource.get("medicationCodeableConcept") is not None:
        return resource["medicationCodeableConcept"]
    pointed = references.found(resource.get("medicationReference"), "Medication", resource, chart)
    return elements.mapping(pointed).get("code")


def _instant(value: object) -> datetime | None:
    try:
        found = elements.partial_date(value, "time")
    except elements.Unreadable:
        return None
    return found.instant if found is not None else None
