"""When ketamine was given, as far as a chart says: readings taken then are not screening readings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from fhir_mappings.codes.concepts import codes_of, texts_of
from fhir_mappings.codes.medicines import ingredients_of
from fhir_mappings.facts.clinical import PartialDate
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json

_LONGEST = timedelta(days=1)  # a longer "session" is a mistake, and must not hide readings
_KETAMINE = frozenset({"ketamine", "esketamine"})
_OURS = "/sid/reading"  # the identifier system that this product gives its session readings ends so


class _Span(NamedTuple):
    start: datetime
    end: datetime


class SessionTimes:
    """Ketamine sessions found among Procedures and MedicationAdministrations of the chart."""

    def __init__(self, resources: Iterable[Json]) -> None:
        self._references: set[str] = set()
        self._spans: list[_Span] = []
        for resource in resources:
            if _gives_ketamine(resource):
                self._add(resource)

    def _add(self, resource: Json) -> None:
        self._references.add(elements.reference_of(resource))
        for part in elements.objects(resource.get("partOf")):
            self._references.add(elements.text(part.get("reference")))
        stem = "performed" if resource.get("resourceType") == "Procedure" else "effective"
        period = elements.mapping(resource.get(stem + "Period"))
        start, end = _instant(period.get("start")), _instant(period.get("end"))
        if start is not None and end is not None and start <= end <= start + _LONGEST:
            self._spans.append(_Span(start, end))

    def covers(self, observation: Json, when: PartialDate | None) -> bool:
        """Whether an Observation was taken inside a session: our own, part of one, or within its time."""
        parts = elements.objects(observation.get("partOf"))
        if any(elements.text(part.get("reference")) in self._references for part in parts):
            return True
        identifiers = elements.objects(observation.get("identifier"))
        if any(elements.text(i.get("system")).endswith(_OURS) for i in identifiers):
            return True
        moment = when.instant if when is not None else None
        return moment is not None and any(span.start <= moment <= span.end for span in self._spans)


def _gives_ketamine(resource: Json) -> bool:
    if resource.get("status") in ("entered-in-error", "not-done", "preparation"):
        return False
    kind = resource.get("resourceType")
    concept = resource.get("code") if kind == "Procedure" else resource.get("medicationCodeableConcept")
    return kind in ("Procedure", "MedicationAdministration") and not _KETAMINE.isdisjoint(
        ingredients_of(codes_of(concept), texts_of(concept))
    )


def _instant(value: object) -> datetime | None:
    try:
        found = elements.partial_date(value, "time")
    except elements.Unreadable:
        return None
    return found.instant if found is not None else None
