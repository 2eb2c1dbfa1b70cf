"""All pages of one search (FHIR R4 search, paging), bounded; what was read before a failure is kept beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import anyio

from smart_app.ehr.answers import PROTECTED, WARNED, is_protected, tells_of_missing
from smart_app.use_cases.errors import BadReply, EhrError, Missing, Unreachable
from smart_app.use_cases.records import Json

MOST_PAGES: Final = 200
MOST_RESOURCES: Final = 20_000
TIME_LIMIT: Final = 60.0  # seconds for all pages together
_FEWER: Final = "the EHR counted more entries than it gave"

Page = Callable[[str], Awaitable[Json]]  # fetches one searchset by its absolute address


@dataclass(frozen=True, slots=True, kw_only=True)
class Haul:
    """What a search gave. `failure` None: all was read. `warnings`: what the EHR says may be missing."""

    resources: tuple[Json, ...]
    failure: EhrError | None = None
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Net:
    resource_type: str
    resources: dict[object, Json] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    pages: int = 0
    given: int = 0  # matches on all pages, repeats among them
    total: int = 0  # the greatest number that a page told

    def begin(self) -> None:
        self.pages = self.given = self.total = 0

    def count(self) -> None:
        """A total is only believed where it tells of more: some EHRs count the page alone."""
        if self.total > self.given:
            self.warnings[_FEWER] = None

    def take(self, bundle: Json) -> None:
        total = bundle.get("total")
        if isinstance(total, int) and not isinstance(total, bool):
            self.total = max(self.total, total)
        entries = bundle.get("entry", [])
        if not isinstance(entries, list):
            raise BadReply("the EHR's list is misshapen")
        for entry in entries:
            self._take_entry(entry)
        if len(self.resources) > MOST_RESOURCES:
            raise BadReply(f"the limit of {MOST_RESOURCES} entries was reached")

    def _take_entry(self, entry: object) -> None:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(resource, dict):
            raise BadReply("the EHR's list holds an entry without content")
        search = entry.get("search")
        mode = search.get("mode") if isinstance(search, dict) else None
        kind = resource.get("resourceType")
        if kind == "OperationOutcome":
            if tells_of_missing(resource):
                self.warnings[PROTECTED if is_protected(resource) else WARNED] = None
        elif kind == self.resource_type:
            self.given += 1
            self._keep(resource)
        elif mode not in ("include", "outcome"):
            raise BadReply("the EHR's list holds an entry of another kind than was asked for")

    def _keep(self, resource: Json) -> None:
        """An entry that comes twice counts once; of two versions the later told one counts."""
        identity = resource.get("id")
        self.resources[identity if isinstance(identity, str) else object()] = resource


async def all_pages(page: Page, first: str, resource_type: str, *, time_limit: float = TIME_LIMIT) -> Haul:
    """Follows `next` links as they are given until there is none; never raises an EhrError.

    An EHR that has forgotten the search between two pages (404, 410, Epic 4113) is asked once more from the start.
    """
    net = _Net(resource_type)
    failure: EhrError | None = None
    try:
        with anyio.fail_after(time_limit):
            try:
                await _follow(page, first, net)
            except Missing:
                if net.pages < 2:
                    raise
                await _follow(page, first, net)
            net.count()
    except TimeoutError:
        failure = Unreachable(f"the search took longer than {time_limit:.0f} s")
    except EhrError as error:
        failure = _on_page(error, net.pages)
    return Haul(resources=tuple(net.resources.values()), failure=failure, warnings=tuple(net.warnings))


async def _follow(page: Page, first: str, net: _Net) -> None:
    net.begin()
    seen: set[str] = set()
    url: str | None = first
    while url is not None:
        if url in seen:
            raise BadReply("the EHR's pages go round in a circle")
        if net.pages == MOST_PAGES:
            raise BadReply("page limit reached")
        seen.add(url)
        net.pages += 1
        bundle = await page(url)
        net.take(bundle)
        url = _next(bundle, url)


def _next(bundle: Json, current: str) -> str | None:
    links = bundle.get("link", [])
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            try:
                # urljoin drops line breaks without a word, so such a link is refused before
                usable = isinstance(url, str) and url and url.isprintable()
                return urljoin(current, url) if usable else _unreadable()
            except ValueError:
                _unreadable()
    return None


def _unreadable() -> str:
    raise BadReply("the EHR's link to the next page cannot be read")


def _on_page(error: EhrError, number: int) -> EhrError:
    if number < 2:
        return error
    words = f"page {number} failed: {error.words}"
    return type(error)(words, retry_after=error.retry_after, issues=error.issues)
