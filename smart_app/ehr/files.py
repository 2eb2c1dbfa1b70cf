"""A chart from files instead of a server: Bundles of any type, single resources, NDJSON, or folders of these.

One patient only. What a server would have told as a failed search is told here too: an OperationOutcome of
severity error among the entries, an entry whose response failed, a page whose next page is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir_mappings.facts.clinical import BLOCKING_AREAS, Area
from fhir_mappings.wire import NotFhirJson, decode
from smart_app.ehr.answers import PROTECTED, WARNED, is_protected, tells_of_missing
from smart_app.use_cases.records import Chart, FailedFetch, Json

_AREAS = {
    "Patient": Area.PATIENT,
    "Condition": Area.CONDITION,
    "Observation": Area.BLOOD_PRESSURE,
    "MedicationStatement": Area.MEDICATION,
    "MedicationRequest": Area.MEDICATION,
    "MedicationDispense": Area.MEDICATION,
    "Medication": Area.MEDICATION,
    "AllergyIntolerance": Area.ALLERGY,
}
_SUBJECTS = {
    "Condition": "subject",
    "Observation": "subject",
    "MedicationStatement": "subject",
    "MedicationRequest": "subject",
    "MedicationDispense": "subject",
    "AllergyIntolerance": "patient",
}
_LINES = (".ndjson", ".jsonl")
_DEEPEST = 8  # Bundles inside Bundles


class UnreadableInput(ValueError):
    """The files cannot be used. The message names the file and the place, and quotes nothing of the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChart:
    """One patient's chart and the references under which the patient goes in it."""

    chart: Chart
    patients: frozenset[str]


def read_files(paths: Sequence[Path]) -> FileChart:
    """Read all files of one patient; UnreadableInput where that is not possible."""
    reader = _Reader()
    for path in paths:
        for file in _files(path):
            reader.read(file)
    return reader.chart()


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UnreadableInput(f"{path}: there is no such file or folder")
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in (".json", *_LINES))
    if not found:
        raise UnreadableInput(f"{path}: no .json or .ndjson file in this folder")
    return found


@dataclass(slots=True)
class _Reader:
    """Collects resources with the place each came from."""

    resources: list[Json] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    failures: list[FailedFetch] = field(default_factory=list)
    patients: dict[str, str] = field(default_factory=dict)  # reference -> place
    ids: dict[str, str] = field(default_factory=dict)  # Patient.id -> place
    pages: set[str] = field(default_factory=set)  # self links of the pages read
    awaited: dict[str, frozenset[Area]] = field(default_factory=dict)  # next links -> areas of their search

    def read(self, file: Path) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UnreadableInput(f"{file}: cannot be read ({error.strerror})") from None
        if file.suffix.lower() in _LINES:
            self._lines(file, content)
        else:
            self._document(file, content)

    def _document(self, file: Path, content: bytes) -> None:
        try:
            self._resource(decode(content.removeprefix(b"\xef\xbb\xbf")), str(file), 0)
        except NotFhirJson as error:
            raise UnreadableInput(f"{file}: {error}") from None

    def _lines(self, file: Path, content: bytes) -> None:
        for number, line in enumerate(content.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                self._resource(decode(line), f"{file} line {number}", 0)
            except NotFhirJson as error:
                raise UnreadableInput(f"{file} line {number}: {error}") from None

    def _resource(self, resource: Json, place: str, depth: int, full_url: object = None) -> None:
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind:
            raise UnreadableInput(f"{place}: not a FHIR resource (no resourceType)")
        if kind == "Bundle":
            self._bundle(resource, place, depth)
            return
        if kind == "OperationOutcome":
            self._outcome(resource, frozenset())
            return
        if kind == "Patient":
            self._patient(resource, place, full_url)
        self.resources.append(resource)
        self.places.append(place)

    def _patient(self, resource: Json, place: str, full_url: object) -> None:
        identifier = resource.get("id") if isinstance(resource.get("id"), str) else full_url
        self.ids.setdefault(str(identifier or place), place)
        for name in (f"Patient/{resource.get('id')}" if resource.get("id") else None, full_url):
            if isinstance(name, str) and name:
                self.patients.setdefault(name, place)

    def _bundle(self, bundle: Json, place: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise UnreadableInput(f"{place}: Bundles are nested too deeply")
        entries = bundle.get("entry", [])
        if not isinstance(entries, list):
            raise UnreadableInput(f"{place}: Bundle.entry is not a list")
        areas = _areas_of_search(bundle, entries)
        self._links(bundle, areas)
        for number, entry in enumerate(entries):
            self._entry(entry, f"{place} entry {number}", areas, depth)

    def _entry(self, entry: Any, place: str, areas: frozenset[Area], depth: int) -> None:
        if not isinstance(entry, dict):
            raise UnreadableInput(f"{place}: not a Bundle entry")
        resource, response = entry.get("resource"), entry.get("response")
        status = str(response.get("status", "")) if isinstance(response, dict) else ""
        if status[:1] in ("4", "5"):
            self._failed(areas, f"the EHR answered {status[:3]} for a part of the chart")
        elif isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            self._outcome(resource, areas)
        elif isinstance(resource, dict):
            self._resource(resource, place, depth + 1, entry.get("fullUrl"))
        elif resource is not None or not (isinstance(response, dict) or isinstance(entry.get("request"), dict)):
            self._failed(areas, "a Bundle entry holds no resource")

    def _outcome(self, outcome: Json, areas: frozenset[Area]) -> None:
        issues = outcome.get("issue")
        severities = (
            {str(i.get("severity")) for i in issues if isinstance(i, dict)} if isinstance(issues, list) else {"error"}
        )
        if is_protected(outcome):
            self._failed(areas, PROTECTED)
        elif severities & {"error", "fatal"}:
            self._failed(areas, "the EHR reported an error instead of a part of the chart")
        elif tells_of_missing(outcome):
            for area in sorted(areas or {Area.OTHER}):
                self.failures.append(FailedFetch(area=area, reason=WARNED))

    def _failed(self, areas: frozenset[Area], reason: str) -> None:
        """A failed fetch; where it is not known of what, it might be of anything that blocks."""
        for area in sorted(areas or BLOCKING_AREAS - {Area.PATIENT}):
            self.failures.append(FailedFetch(area=area, reason=reason))

    def _links(self, bundle: Json, areas: frozenset[Area]) -> None:
        for relation, url in _links(bundle):
            if relation == "self":
                self.pages.add(url)
            elif relation == "next":
                self.awaited[url] = areas

    def chart(self) -> FileChart:
        self._one_patient()
        for url, areas in self.awaited.items():
            if url not in self.pages:
                self._failed(areas, "a page of a search is not among the files")
        chart = Chart(resources=tuple(self.resources), failures=tuple(dict.fromkeys(self.failures)))
        return FileChart(chart=chart, patients=frozenset(self.patients) | self._spellings())

    def _one_patient(self) -> None:
        if len(self.ids) > 1:
            place = list(self.ids.values())[1]
            raise UnreadableInput(f"{place}: a second patient; this command reads one patient at a time")
        known = {_tail(name) for name in self.patients}
        for resource, place in zip(self.resources, self.places, strict=True):
            name = _subject(resource)
            if name is None:
                continue
            if not known:
                known.add(_tail(name))
            if _tail(name) not in known:
                raise UnreadableInput(
                    f"{place}: belongs to another patient; this command reads one patient at a time"
                )

    def _spellings(self) -> frozenset[str]:
        """Every way in which the entries name the patient; all were found to be the same one."""
        return frozenset(name for name in map(_subject, self.resources) if name is not None)


def _subject(resource: Json) -> str | None:
    element = _SUBJECTS.get(str(resource.get("resourceType")))
    reference = resource.get(element) if element else None
    name = reference.get("reference") if isinstance(reference, dict) else None
    return name if isinstance(name, str) and name else None


def _tail(reference: str) -> str:
    """ "Patient/1" of a relative, absolute or versioned reference; anything else as it is."""
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return "/".join(parts[-2:]) if len(parts) >= 2 and parts[-2] == "Patient" else reference


def _areas_of_search(bundle: Mapping[str, Any], entries: Iterable[Any]) -> frozenset[Area]:
    """The part of the chart that a searchset is about: by its self link, else by what it holds; empty: unknown."""
    own = next((url for relation, url in _links(bundle) if relation == "self"), "")
    asked = own.partition("?")[0].rstrip("/").rsplit("/", 1)[-1]
    kinds = {asked} if asked in _AREAS else {kind for kind in map(_kind, entries) if kind in _AREAS}
    areas = frozenset(_AREAS[kind] for kind in kinds)
    return areas if len(areas) == 1 and bundle.get("type") == "searchset" else frozenset()


def _links(bundle: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and isinstance(link.get("url"), str):
            yield str(link.get("relation")), link["url"]


def _kind(entry: Any) -> str:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return str(resource.get("resourceType")) if isinstance(resource, dict) else ""
