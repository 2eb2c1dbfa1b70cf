"""The sandbox EHR as one ASGI app: store, gate, authorization server, pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from smart_app.sandbox.charts import Charts
from smart_app.sandbox.control.faults import FaultLayer, Faults, RequestLog
from smart_app.sandbox.control.routes import ControlRoutes
from smart_app.sandbox.gate.gate import Gate
from smart_app.sandbox.gate.interactions import Interaction
from smart_app.sandbox.gate.offer import REGISTERED
from smart_app.sandbox.loading import LoadedBundle
from smart_app.sandbox.oauth.client_assertion import FetchJwks, fetch_jwks
from smart_app.sandbox.oauth.routes import OAuthRoutes
from smart_app.sandbox.oauth.server import AuthorizationServer, authorization_server
from smart_app.sandbox.outcome import RefusedError
from smart_app.sandbox.pages.routes import Drawing, Pages
from smart_app.sandbox.site import Site
from smart_app.sandbox.store import ClinicalStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """FHIR goes to the gate, everything else to the pages."""

    gate: ASGIApp
    pages: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        below = path == "/fhir" or path.startswith("/fhir/")
        await (self.gate if below else self.pages)(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The whole EHR. Call it as an ASGI app."""

    site: Site
    charts: Charts
    oauth: AuthorizationServer
    entrance: ASGIApp
    untaken: set[str]  # types that it neither offers to create nor creates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.entrance(scope, receive, send)


def create_sandbox(
    *,
    public_url: str,
    app_url: str,
    today: date,
    clock: Callable[[], datetime],
    bundles: Sequence[LoadedBundle] = (),
    generation: int = 1,
    token_seconds: int = 3600,
    control: bool = False,
    after_reset: Callable[[], None] = lambda: None,
    fetch_client_keys: FetchJwks = fetch_jwks,
) -> Sandbox:
    """`generation` numbers the patients' ids, so that an app that remembers earlier ones meets new patients.

    `clock` gives aware datetimes; `control` opens the test endpoints below /_control.

    `after_reset` is called in the event loop once the charts stand anew.
    """
    site = Site(public=public_url.rstrip("/"), app=app_url.rstrip("/"))
    charts = Charts(ClinicalStore(site.fhir), today=today, bundles=bundles, generation=generation)
    oauth = authorization_server(
        site,
        charts,
        registered=REGISTERED,
        clock=clock,
        token_seconds=token_seconds,
        fetch_jwks=fetch_client_keys,
    )

    def reset() -> None:
        oauth.grants.end_all()  # launches and questions still open fail on their own: their charts are gone
        charts.reset()
        after_reset()

    drawing = Drawing(site, oauth.signed_in)
    pages = Pages(
        site=site,
        charts=charts,
        signed_in=oauth.signed_in,
        launches=oauth.launches,
        drawing=drawing,
        on_reset=reset,
    )
    untaken: set[str] = set()
    gate = Gate(
        site=site,
        store=charts.store,
        grants=oauth.grants,
        registered=REGISTERED,
        clock=clock,
        withheld=lambda asked, patient: _untaken(untaken, asked) or _withheld(charts, asked, patient),
        untaken=untaken,
    )
    routes = [*OAuthRoutes(oauth, drawing.page).routes(), *pages.routes()]
    if not control:
        entrance: ASGIApp = Doors(gate=gate, pages=Starlette(routes=routes))
        return Sandbox(site=site, charts=charts, oauth=oauth, entrance=entrance, untaken=untaken)
    faults, log = Faults(), RequestLog()
    routes += ControlRoutes(charts=charts, faults=faults, log=log, untaken=untaken).routes()
    doors = Doors(gate=gate, pages=Starlette(routes=routes))
    entrance = FaultLayer(app=doors, faults=faults, log=log, patient_of=oauth.patient_of)
    return Sandbox(site=site, charts=charts, oauth=oauth, entrance=entrance, untaken=untaken)


# As Epic's servers say it: system and number are theirs.
BREAK_THE_GLASS = {
    "system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369",
    "code": "4130",
    "display": "Break-the-glass security is on for this chart.",
}
MEDICATION_LISTS = ("MedicationRequest", "MedicationStatement", "MedicationDispense")


def _untaken(types: Collection[str], asked: Interaction) -> RefusedError | None:
    if asked.kind != "create" or asked.type not in types:
        return None
    return RefusedError(status=422, code="not-supported", text="This EHR does not take that resource type.")


def _withheld(charts: Charts, asked: Interaction, patient: str | None) -> RefusedError | None:
    """The three charts that this EHR gives out only in part."""
    of = {value.removeprefix("Patient/") for name, value in asked.params if name in ("patient", "subject")}
    slugs = {chart.slug for chart in (charts.find(one) for one in {*of, patient or ""}) if chart}
    if "medications-refused" in slugs and asked.type in MEDICATION_LISTS:
        return RefusedError(status=403, code="forbidden", text="The medication list is not released to apps.")
    if "chart-protected" in slugs and asked.type == "Condition":
        return RefusedError(status=403, code="suppressed", text=BREAK_THE_GLASS["display"], coding=BREAK_THE_GLASS)
    later_page = any(name == "_offset" and value not in ("", "0") for name, value in asked.params)
    if "conditions-page-two-fails" in slugs and asked.type == "Condition" and later_page:
        return RefusedError(status=500, code="exception", text="The page could not be read.")
    return None
