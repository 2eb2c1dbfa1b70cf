"""The control endpoints: faults, what is not taken, log, raw resources, patients."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smart_app.sandbox.charts import Charts
from smart_app.sandbox.control.faults import FaultError, Faults, RequestLog, fault_from
from smart_app.sandbox.gate.offer import OFFERED


class ControlRoutes:
    def __init__(self, *, charts: Charts, faults: Faults, log: RequestLog, untaken: set[str]) -> None:
        self._charts, self._faults, self._log, self._untaken = charts, faults, log, untaken

    def routes(self) -> list[Route]:
        return [
            Route("/_control/faults", self.faults, methods=["POST", "DELETE"]),
            Route("/_control/untaken", self.untaken, methods=["PUT"]),
            Route("/_control/log", self.log, methods=["GET", "DELETE"]),
            Route("/_control/resources", self.resources, methods=["GET"]),
            Route("/_control/patients", self.patients, methods=["GET"]),
        ]

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.orders.clear()
            return Response(status_code=204)
        try:
            self._faults.orders.append(fault_from(await request.json()))
        except (FaultError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=204)

    async def untaken(self, request: Request) -> Response:
        """The types, as a JSON list, that the EHR neither offers to create nor creates from now on."""
        types = await request.json()
        if not isinstance(types, list) or not set(map(str, types)) <= set(OFFERED):
            return JSONResponse({"error": "a list of resource types of this EHR is needed"}, status_code=400)
        self._untaken.clear()
        self._untaken.update(types)
        return Response(status_code=204)

    async def log(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._log.entries.clear()
            return Response(status_code=204)
        return JSONResponse(self._log.entries)

    async def resources(self, request: Request) -> Response:
        """Every stored resource of a type; with patient=ID those that are found under that patient."""
        resource_type = request.query_params.get("type", "")
        patient = request.query_params.get("patient")
        # R4 gives AdverseEvent no search by patient.
        whose = ("subject", f"Patient/{patient}") if resource_type == "AdverseEvent" else ("patient", patient or "")
        found = self._charts.store.search(resource_type, [whose] if patient else [])
        if resource_type == "Provenance" and patient:
            found = self._charts.provenance_of(patient)
        return JSONResponse(found)

    async def patients(self, _request: Request) -> Response:
        """The written patients, by slug."""
        listed = {one.slug: {"id": one.id, "expected": one.expected} for one in self._charts.all() if one.slug}
        return JSONResponse(listed)
