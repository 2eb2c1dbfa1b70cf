"""A scripted clinician: drives EHR and app by HTTP alone, as a browser without JavaScript would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from smart_app.sandbox.cookies import CookieJar
from smart_app.sandbox.forms import Button, Form, Link, PageReader

MOST_REDIRECTS = 20

Value = str | list[str] | None


class LostError(Exception):
    """The page does not hold what the clinician looked for; the message names it and what was there instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came at the end of the redirects. `frames` are the addresses of its iframes."""

    url: str
    status: int
    title: str
    text: str
    forms: list[Form]
    links: list[Link]
    frames: list[str]
    html: str

    def form(self, wanted: str) -> Form:
        """The form of this id or action."""
        for one in self.forms:
            if wanted in (one.id, one.action):
                return one
        raise LostError(f"no form {wanted!r}; there are {[one.id or one.action for one in self.forms]}")

    def link(self, text: str) -> Link:
        """The first link whose text holds these words."""
        for one in self.links:
            if text.casefold() in one.text.casefold():
                return one
        raise LostError(f"no link {text!r}; there are {[one.text for one in self.links]}")


class Clinician:
    """`async with Clinician(ehr_url, user="nurse") as nurse:` signs in. A `client` of one's own is not closed."""

    def __init__(self, ehr_url: str, user: str = "psychiatrist", *, client: httpx.AsyncClient | None = None) -> None:
        self._ehr, self._user = ehr_url.rstrip("/"), user
        self._client = client or httpx.AsyncClient(timeout=30, trust_env=False)
        self._owned = client is None
        self._jar = CookieJar()

    async def __aenter__(self) -> Self:
        page = await self.open(f"{self._ehr}/sign-in")
        await self.submit(page, "sign-in", {}, button=f"user={self._user}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owned:
            await self._client.aclose()

    async def launch(self, patient_id: str) -> Page:
        """Open the chart and, in its frame, the app: the app's first page."""
        chart = await self.open(f"{self._ehr}/chart/{patient_id}")
        if not chart.frames:
            raise LostError(f"no frame in the chart: {chart.status} {chart.title}")
        return await self._go("GET", chart.frames[0], came_from=chart.url)

    async def open(self, target: str | Link, *, on: Page | None = None) -> Page:
        """An address, or a link of the page `on`."""
        address = target.href if isinstance(target, Link) else target
        if on is None:
            return await self._go("GET", address)
        return await self._go("GET", urljoin(on.url, address), came_from=on.url)

    async def submit(
        self,
        page: Page,
        form: str,
        fields: Mapping[str, Value] | None = None,
        *,
        button: str | None = None,
    ) -> Page:
        """Fill in the form of this id or action and press a button: its text, its name, or `name=value`.

        Fields that are not named keep what the page set; None takes a field out (unticks a box). Without
        `button` the form's first one is pressed, as the Enter key would.
        """
        chosen = page.form(form)
        pressed = _button(chosen, button)
        content = urlencode(_filled(chosen, fields or {}, pressed), doseq=True)
        address = urljoin(page.url, (pressed and pressed.action) or chosen.action or page.url)
        method = ((pressed and pressed.method) or chosen.method).upper()
        if method == "GET":
            return await self._go("GET", f"{address.partition('?')[0]}?{content}", came_from=page.url)
        return await self._go("POST", address, content=content, came_from=page.url)

    async def _go(self, method: str, url: str, *, content: str | None = None, came_from: str | None = None) -> Page:
        for _ in range(MOST_REDIRECTS):
            reply = await self._ask(method, url, content, came_from)
            if not reply.is_redirect:
                return _page(url, reply)
            url = urljoin(url, reply.headers["location"])
            if reply.status_code not in (307, 308):
                method, content = "GET", None
        raise LostError(f"more than {MOST_REDIRECTS} redirects, the last to {urlsplit(url).path}")

    async def _ask(self, method: str, url: str, content: str | None, came_from: str | None) -> httpx.Response:
        headers = {"accept": "text/html", **self._jar.header(url)}
        if content is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            headers["origin"] = _origin(came_from or url)
        same = came_from is not None and _origin(came_from) == _origin(url)
        headers["sec-fetch-site"] = "none" if came_from is None else "same-origin" if same else "cross-site"
        if same and came_from:
            headers["referer"] = came_from
        reply = await self._client.request(method, url, content=content, headers=headers, follow_redirects=False)
        self._client.cookies.clear()
        self._jar.keep(url, reply.headers.get_list("set-cookie"))
        return reply


def _page(url: str, reply: httpx.Response) -> Page:
    reader = PageReader()
    reader.feed(reply.text)
    reader.close()
    return Page(
        url=url,
        status=reply.status_code,
        title=" ".join(reader.title.split()),
        text=reader.text,
        forms=reader.forms,
        links=reader.links,
        frames=[urljoin(url, one) for one in reader.frames],
        html=reply.text,
    )


def _filled(form: Form, fields: Mapping[str, Value], pressed: Button | None) -> dict[str, list[str]]:
    unknown = set(fields) - form.names
    if unknown:
        raise LostError(f"no field {sorted(unknown)} in {form.id or form.action}; there are {sorted(form.names)}")
    filled = {name: list(values) for name, values in form.fields.items()}
    for name, value in fields.items():
        values = [] if value is None else [value] if isinstance(value, str) else list(value)
        offered = form.choices.get(name)
        if offered is not None and not set(values) <= set(offered):
            raise LostError(f"{name} offers {offered}, not {values}")
        filled[name] = values
    if pressed and pressed.name:
        filled.setdefault(pressed.name, []).append(pressed.value)
    return filled


def _button(form: Form, wanted: str | None) -> Button | None:
    if wanted is None:
        return form.buttons[0] if form.buttons else None
    for one in form.buttons:
        if wanted in (one.text, one.name, f"{one.name}={one.value}"):
            return one
    raise LostError(f"no button {wanted!r}; there are {[one.text for one in form.buttons]}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
