"""The clinical store: sekmet-fhir in memory, empty until something is loaded."""

from __future__ import annotations

import logging
import tempfile
from typing import Any, cast

from sekmet.config import Settings, SimulatorSettings
from sekmet.fhir.bundle import process_bundle
from sekmet.fhir.common import FhirError
from sekmet.fhir.search_params import PARAMS, SearchParam
from sekmet.main import create_app
from starlette.types import ASGIApp

# R4 defines these; the library knows no search at all for these types.
LACKING = {
    "QuestionnaireResponse": (
        SearchParam("identifier", "token", ("identifier",)),
        SearchParam("patient", "reference", ("subject",), "Patient"),
        SearchParam("subject", "reference", ("subject",)),
        SearchParam("questionnaire", "uri", ("questionnaire",)),
        SearchParam("status", "token", ("status",)),
        SearchParam("authored", "date", ("authored",)),
        SearchParam("encounter", "reference", ("encounter",)),
    ),
    "AdverseEvent": (
        SearchParam("subject", "reference", ("subject",)),
        SearchParam("date", "date", ("date",)),
        SearchParam("event", "token", ("event",)),
        SearchParam("seriousness", "token", ("seriousness",)),
        SearchParam("severity", "token", ("severity",)),
    ),
    "Questionnaire": (
        SearchParam("identifier", "token", ("identifier",)),
        SearchParam("url", "uri", ("url",)),
        SearchParam("status", "token", ("status",)),
    ),
}


class UnreadableError(Exception):
    """The store refused a Bundle; the message is the store's own."""


class ClinicalStore:
    """Resources as plain JSON objects. `app` is the raw FHIR API, to be reached through the gate only."""

    def __init__(self, fhir_base: str) -> None:
        _keep_quiet()
        for resource_type, lacking in LACKING.items():
            PARAMS.setdefault(resource_type, {}).update({one.name: one for one in lacking})
        settings = Settings(
            base_url=fhir_base,
            data_dir=tempfile.gettempdir(),
            db_path=":memory:",
            simulator=SimulatorSettings(enabled=False),
            log_inbound=False,
        )
        app = create_app(settings)
        self.app = cast(ASGIApp, app)
        self._service = app.state.ctx.service
        self._store = app.state.ctx.store
        self.empty()

    def empty(self) -> None:
        """Forget every resource and every version."""
        self._store.reset()

    def load(self, bundle: dict[str, Any], *, trusted: bool = False) -> None:
        """Carry out a transaction or batch. `trusted` skips the structural check."""
        try:
            reply = process_bundle(self._service, bundle, origin="internal" if trusted else "external")
        except FhirError as error:
            raise UnreadableError(error.message) from error
        for number, entry in enumerate((reply.body or {}).get("entry", [])):
            if entry["response"].get("outcome"):
                raise UnreadableError(f"entry {number} was answered {entry['response']['status']}")

    def put(self, resources: list[dict[str, Any]]) -> None:
        """Store resources of our own under the ids they carry."""
        entries = [
            {
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for one in resources
        ]
        self.load({"resourceType": "Bundle", "type": "transaction", "entry": entries}, trusted=True)

    def read(self, resource_type: str, resource_id: str) -> dict[str, Any] | None:
        """The current version; None: never there, or deleted."""
        try:
            return cast("dict[str, Any] | None", self._store.read(resource_type, resource_id))
        except FhirError:
            return None

    def search(self, resource_type: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """The first thousand matches."""
        return cast(
            "list[dict[str, Any]]",
            self._service.search_engine.search(resource_type, [*params, ("_count", "1000")]).matches,
        )

    def of_patient(self, resource_type: str, patient_id: str) -> list[dict[str, Any]]:
        """All of a patient's resources of one type."""
        return self.search(resource_type, [("patient", patient_id)])


def _keep_quiet() -> None:
    """The library sets up chatty logging for the whole process unless somebody did so before it."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("sekmet").setLevel(logging.ERROR)
