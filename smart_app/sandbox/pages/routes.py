"""The EHR's pages and the buttons on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from smart_app.sandbox.charts import Chart, Charts
from smart_app.sandbox.oauth.launches import Launches, SignedIn
from smart_app.sandbox.oauth.session import clear_session, session_of, set_session
from smart_app.sandbox.pages.tables import TABS, rows, tab
from smart_app.sandbox.people import ORGANIZATION_NAME, STAFF, Person, person
from smart_app.sandbox.site import Site

HERE = Path(__file__).parent
SIGN_IN = "/sign-in"


class Drawing:
    """Renders a template with the headers every page of this EHR carries."""

    def __init__(self, site: Site, signed_in: SignedIn) -> None:
        self._templates = Jinja2Templates(directory=HERE / "templates")
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True
        self._signed_in = signed_in
        app = site.app
        policy = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'self'; "
            f"frame-src 'self' {app}; form-action 'self' {app}"
        )
        self._headers = {
            "content-security-policy": policy,
            "cache-control": "no-store",
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
        }

    def page(self, request: Request, template: str, context: Mapping[str, object], status: int = 200) -> Response:
        shared = {"user": self.user(request), "clinic": ORGANIZATION_NAME}
        return self._templates.TemplateResponse(
            request, template, {**shared, **context}, status_code=status, headers=self._headers
        )

    def user(self, request: Request) -> Person | None:
        return person(self._signed_in.user(session_of(request)) or "")


class Pages:
    """`on_reset` loads the store anew and ends every grant."""

    def __init__(
        self,
        *,
        site: Site,
        charts: Charts,
        signed_in: SignedIn,
        launches: Launches,
        drawing: Drawing,
        on_reset: Callable[[], None],
    ) -> None:
        self._site, self._charts = site, charts
        self._signed_in, self._launches = signed_in, launches
        self._draw, self._on_reset = drawing, on_reset

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/patients", self.patients, methods=["GET"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/chart/{patient}", self.chart, methods=["GET"]),
            Route("/chart/{patient}/open", self.open_window, methods=["GET"]),
            Route("/chart/{patient}/{tab}", self.table, methods=["GET"]),
            Route("/static/ehr.css", self.style, methods=["GET"]),
            Route("/static/style-1.json", self.style_for_apps, methods=["GET"]),
        ]

    async def home(self, request: Request) -> Response:
        return _go("/patients" if self._draw.user(request) else SIGN_IN)

    async def sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            context = {"staff": STAFF, "next": request.query_params.get("next", "")}
            return self._draw.page(request, "sign_in.html", context)
        form = await request.form()
        chosen = person(str(form.get("user", "")))
        if chosen is None:
            context = {"staff": STAFF, "next": str(form.get("next", "")), "problem": "Choose who you are."}
            return self._draw.page(request, "sign_in.html", context, 400)
        response = _go(_own_path(str(form.get("next", ""))))
        set_session(response, self._signed_in.begin(chosen.slug))
        return response

    async def sign_out(self, request: Request) -> Response:
        self._signed_in.end(session_of(request))
        response = _go(SIGN_IN)
        clear_session(response)
        return response

    async def patients(self, request: Request) -> Response:
        if not self._draw.user(request):
            return _to_sign_in(request)
        return self._draw.page(request, "patients.html", {"charts": self._charts.all()})

    async def reset(self, request: Request) -> Response:
        if not self._draw.user(request):
            return _to_sign_in(request)
        self._on_reset()
        return _go("/patients")

    async def chart(self, request: Request) -> Response:
        return self._in_chart(
            request,
            lambda chart: self._draw.page(
                request, "chart.html", {**self._header(chart), "frame": self._launch_url(request, chart)}
            ),
        )

    async def open_window(self, request: Request) -> Response:
        return self._in_chart(request, lambda chart: _go(self._launch_url(request, chart)))

    async def table(self, request: Request) -> Response:
        chosen = tab(request.path_params["tab"])
        if chosen is None:
            return self._draw.page(request, "refused.html", {"reason": "A chart has no such page."}, 404)
        found = [
            one
            for resource_type in chosen.types
            for one in self._charts.store.of_patient(resource_type, request.path_params["patient"])
        ]
        return self._in_chart(
            request,
            lambda chart: self._draw.page(
                request, "table.html", {**self._header(chart), "tab": chosen, "rows": rows(found)}
            ),
        )

    async def style(self, _request: Request) -> Response:
        return FileResponse(HERE / "static" / "ehr.css", headers={"cache-control": "no-cache"})

    async def style_for_apps(self, _request: Request) -> Response:
        """`smart_style_url` of the token reply: the look of these pages, for apps that want to go with them."""
        return FileResponse(HERE / "static" / "style-1.json", headers={"cache-control": "max-age=86400"})

    def _in_chart(self, request: Request, show: Callable[[Chart], Response]) -> Response:
        if not self._draw.user(request):
            return _to_sign_in(request)
        chart = self._charts.find(request.path_params["patient"])
        if chart is None:
            reason = "There is no such chart. After a reset the charts have new numbers: go to the patient list."
            return self._draw.page(request, "refused.html", {"reason": reason}, 404)
        return show(chart)

    def _header(self, chart: Chart) -> dict[str, object]:
        patient = self._charts.store.read("Patient", chart.id) or {}
        identifiers = [str(one["value"]) for one in patient.get("identifier", []) if "value" in one]
        return {
            "chart": chart,
            "age": _age(chart.born, self._charts.today.isoformat()),
            "gender": patient.get("gender", "unknown"),
            "number": identifiers[0] if identifiers else "none",
            "tabs": TABS,
        }

    def _launch_url(self, request: Request, chart: Chart) -> str:
        """A fresh EHR launch of this chart by this user."""
        session = session_of(request) or ""
        user = self._signed_in.user(session) or ""
        launch = self._launches.make(session=session, user=user, patient=chart.id)
        return f"{self._site.launch_url}?{urlencode({'iss': self._site.fhir, 'launch': launch})}"


def _go(location: str) -> RedirectResponse:
    return RedirectResponse(location, status_code=303, headers={"cache-control": "no-store"})


def _to_sign_in(request: Request) -> Response:
    return _go(f"{SIGN_IN}?{urlencode({'next': request.url.path})}")


def _own_path(path: str) -> str:
    """A path of this EHR to go on to; anything else, other hosts above all, becomes the patient list."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain else "/patients"


def _age(born: str, today: str) -> str:
    """Whole years, from ISO dates of full precision."""
    if len(born) < len("2000-01-01"):
        return ""
    return str(int(today[:4]) - int(born[:4]) - (today[5:] < born[5:10]))
