"""All pages of one search (FHIR R4 search, paging), bounded; what was read before a failure is kept beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

import anyio

from smart_app.ehr.answers import issues_of
from smart_app.use_cases.errors import BadReply, EhrError, Unreachable
from smart_app.use_cases.records import Json

MOST_PAGES: Final = 200
MOST_RESOURCES: Final = 20_000
TIME_LIMIT: Final = 60.0  # seconds for all pages together
_GRAVE: Final = frozenset({"fatal", "error", "warning"})
_EPIC: Final = "urn:oid:1.2.840.114350."  # Epic numbers its own warnings under this arc
_HARMLESS: Final = frozenset({"4101"})  # Epic: "returns no results", said of every empty list

Page = Callable[[str], Awaitable[Json]]  # fetches one searchset by its absolute address


@dataclass(frozen=True, slots=True, kw_only=True)
class Haul:
    """What a search gave. `failure` None: all was read. `warned`: the EHR said that something may be missing."""

    resources: tuple[Json, ...]
    failure: EhrError | None = None
    warned: bool = False


@dataclass(slots=True)
class _Net:
    resource_type: str
    resources: dict[object, Json] = field(default_factory=dict)
    warned: bool = False
    pages: int = 0

    def take(self, bundle: Json) -> None:
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
            self.warned = self.warned or _is_grave(resource)
        elif mode not in {"include", "outcome"}:
            if kind != self.resource_type:
                raise BadReply("the EHR's list holds an entry of another kind than was asked for")
            self._keep(resource)

    def _keep(self, resource: Json) -> None:
        """An entry that comes twice counts once; of two versions the later told one counts."""
        identity = resource.get("id")
        self.resources[identity if isinstance(identity, str) else object()] = resource


async def all_pages(page: Page, first: str, resource_type: str, *, time_limit: float = TIME_LIMIT) -> Haul:
    """Follows `next` links as they are given until there is none; never raises an EhrError."""
    net = _Net(resource_type)
    failure: EhrError | None = None
    try:
        with anyio.fail_after(time_limit):
            await _follow(page, first, net)
    except TimeoutError:
        failure = Unreachable(f"the search took longer than {time_limit:.0f} s")
    except EhrError as error:
        failure = _on_page(error, net.pages)
    return Haul(resources=tuple(net.resources.values()), failure=failure, warned=net.warned)


async def _follow(page: Page, first: str, net: _Net) -> None:
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
                return urljoin(current, url) if isinstance(url, str) and url else _unreadable()
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


def _is_grave(outcome: Json) -> bool:
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return bool(issues_of(outcome))
    return any(
        isinstance(issue, dict) and issue.get("severity") in _GRAVE and not _harmless(issue) for issue in issues
    )


def _harmless(issue: dict[str, Any]) -> bool:
    details = issue.get("details")
    codings = details.get("coding") if isinstance(details, dict) else None
    return isinstance(codings, list) and any(
        isinstance(coding, dict)
        and coding.get("code") in _HARMLESS
        and str(coding.get("system", "")).startswith(_EPIC)
        for coding in codings
    )
