"""The charts this EHR holds now. Every reset is a new generation: the same people under new ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from smart_app.sandbox.loading import LoadedBundle, LoadError, under_new_ids
from smart_app.sandbox.patients.table import PATIENTS, resources_of
from smart_app.sandbox.people import staff_resources
from smart_app.sandbox.store import ClinicalStore, UnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A patient of this EHR. `slug` and `expected` are None for patients loaded from files."""

    id: str
    name: str
    born: str
    shows: str
    slug: str | None = None
    expected: str | None = None


class Charts:
    """Fills the store and knows who is in it."""

    def __init__(
        self, store: ClinicalStore, *, today: date, bundles: Sequence[LoadedBundle] = (), generation: int = 1
    ) -> None:
        self.store, self.today = store, today
        self._bundles = bundles
        self.generation = generation - 1
        self._checked = False
        self._charts: dict[str, Chart] = {}
        self.reset()

    def reset(self) -> None:
        """Load everything anew."""
        self.generation += 1
        self.store.empty()
        self.store.put(staff_resources())
        self._charts = {}
        for patient in PATIENTS:
            resources = resources_of(patient, generation=self.generation, today=self.today)
            self.store.put(resources)
            self._hold(resources[0], shows=patient.shows, slug=patient.slug, expected=patient.expected)
        for loaded in self._bundles:
            try:
                # What was valid once is not checked again: that is most of the time a reset takes.
                self.store.load(under_new_ids(loaded, self.generation), trusted=self._checked)
            except UnreadableError as error:
                raise LoadError(f"{loaded.path}: {error}") from error
        self._checked = True
        for resource in self.store.search("Patient", [("_sort", "family")]):
            if resource["id"] not in self._charts:
                self._hold(resource, shows="Loaded from a file.")

    def all(self) -> list[Chart]:
        return list(self._charts.values())

    def find(self, patient_id: str) -> Chart | None:
        return self._charts.get(patient_id)

    def of_slug(self, slug: str) -> Chart:
        return next(chart for chart in self._charts.values() if chart.slug == slug)

    def encounter_today(self, patient_id: str) -> str | None:
        """The id of the Encounter planned for today; None is normal."""
        planned = self.store.search("Encounter", [("patient", patient_id), ("status", "planned")])
        day = self.today.isoformat()
        found = (one for one in planned if one.get("period", {}).get("start", "").startswith(day))
        return next((str(one["id"]) for one in found), None)

    def provenance_of(self, patient_id: str) -> list[dict[str, Any]]:
        """Provenance of this patient's resources; its own search knows only Provenance of the Patient itself."""
        own = {f"Patient/{patient_id}"}
        return [one for one in self.store.search("Provenance", []) if own & _subjects(one, self.store)]

    def _hold(
        self, patient: dict[str, Any], *, shows: str, slug: str | None = None, expected: str | None = None
    ) -> None:
        self._charts[patient["id"]] = Chart(
            id=patient["id"],
            name=display_name(patient),
            born=patient.get("birthDate", "unknown"),
            shows=shows,
            slug=slug,
            expected=expected,
        )


def display_name(patient: dict[str, Any]) -> str:
    """Given and family name, or the id where there is no name."""
    name = (patient.get("name") or [{}])[0]
    parts = [*name.get("given", []), name.get("family", "")]
    return " ".join(part for part in parts if part) or str(name.get("text") or patient["id"])


def _subjects(provenance: dict[str, Any], store: ClinicalStore) -> set[str]:
    """The patients that the targets of a Provenance are about."""
    found = set()
    for target in provenance.get("target", []):
        reference = "/".join(target.get("reference", "").split("/")[-2:])
        found.add(reference)
        resource = store.read(*reference.split("/")) if reference.count("/") == 1 else None
        found.add(((resource or {}).get("subject") or {}).get("reference", ""))
    return found
