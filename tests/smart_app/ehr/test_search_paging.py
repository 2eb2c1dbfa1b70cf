"""All pages of a search: followed as given, bounded, never outside the EHR."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import httpx
import pytest
import respx

from smart_app.ehr import paging
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import BadReply, EhrError, Forbidden, Unreachable
from tests.smart_app.ehr.scripted import BASE, fhir, outcome, searchset

pytestmark = pytest.mark.anyio
FIRST = f"{BASE}/Condition?patient=1"


def condition(identity: str, version: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": identity, "meta": {"versionId": version}, **more}


async def found(client: FhirClient) -> list[str]:
    return [resource["id"] for resource in await client.search("Condition", {"patient": "1"})]


@pytest.mark.parametrize(
    "following",
    [
        f"{BASE}/Condition?page=2",
        f"{BASE}?_getpages=abc%2Bd&_getpagesoffset=20",
        "Condition?page=2",
        "?page=2",
        "/fhir/r4/Condition?page=2",
        "HTTPS://EHR.example.org:443/fhir/r4/Condition?page=2",
        f"{BASE}/Condition?page={'x' * 4000}",
    ],
    ids=["absolute", "at the base", "relative", "query alone", "from the root", "other spelling", "long"],
)
async def test_next_is_followed_as_given(client: FhirClient, ehr: respx.MockRouter, following: str) -> None:
    ehr.get(url=FIRST).mock(return_value=fhir(searchset(condition("a"), following=following)))
    second = ehr.get(url__regex=r".*[?](page=|_getpages=).*").mock(return_value=fhir(searchset(condition("b"))))
    assert await found(client) == ["a", "b"]
    assert str(second.calls.last.request.url).endswith(following.rpartition("?")[2])


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/fhir/r4/Condition?page=2",
        "https://ehr.example.org.evil.example/fhir/r4/Condition",
        "https://ehr.example.org@evil.example/fhir/r4/Condition",
        "https://user@ehr.example.org/fhir/r4/Condition",
        "//evil.example/fhir/r4/Condition",
        "http://ehr.example.org/fhir/r4/Condition",
        "https://ehr.example.org:8443/fhir/r4/Condition",
        f"{BASE}-evil/Condition",
        f"{BASE}/../admin",
        f"{BASE}/%2e%2e/admin",
        "../../admin",
        "/admin",
        "https:\\\\evil.example\\x",
        "\\\\evil.example\\x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://[bad/",
        "",
        17,
    ],
)
async def test_a_link_that_leaves_the_ehr_is_never_asked(
    client: FhirClient, ehr: respx.MockRouter, following: Any
) -> None:
    page = searchset(condition("a"))
    page["link"] = [{"relation": "next", "url": following}]
    ehr.get(url=FIRST).mock(return_value=fhir(page))
    with pytest.raises(BadReply):
        await found(client)
    assert len(ehr.calls) == 1


async def test_a_page_that_fails_fails_the_search_by_its_number(client: FhirClient, ehr: respx.MockRouter) -> None:
    ehr.get(url=FIRST).mock(return_value=fhir(searchset(condition("a"), following="?page=2")))
    ehr.get(f"{BASE}/Condition", params={"page": "2"}).mock(return_value=fhir(outcome("no"), status=403))
    with pytest.raises(Forbidden) as raised:
        await found(client)
    assert raised.value.words == "page 2 failed: the EHR refused it (403; it needs patient/Condition.s)"
    assert raised.value.issues == ("no",)
    haul = await client.haul("Condition", {"patient": "1"})
    assert [resource["id"] for resource in haul.resources] == ["a"]


@pytest.mark.parametrize("links", [["?page=1"], ["?page=1", "?page=2"]], ids=["to itself", "there and back"])
async def test_pages_in_a_circle_end(client: FhirClient, ehr: respx.MockRouter, links: list[str]) -> None:
    ehr.get(url=FIRST).mock(return_value=fhir(searchset(condition("0"), following=links[0])))
    for number, link in enumerate(links):
        onward = links[(number + 1) % len(links)]
        ehr.get(url=f"{BASE}/Condition{link}").mock(return_value=fhir(searchset(condition(link), following=onward)))
    with pytest.raises(BadReply, match="circle"):
        await found(client)


async def test_endless_pages_end(client: FhirClient, ehr: respx.MockRouter) -> None:
    numbers = count(2)
    ehr.get().mock(side_effect=lambda _request: fhir(searchset(following=f"?page={next(numbers)}")))
    with pytest.raises(EhrError, match="page limit reached"):
        await found(client)
    assert len(ehr.calls) == paging.MOST_PAGES


async def test_too_many_entries_end(
    client: FhirClient, ehr: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_RESOURCES", 3)
    numbers = count(2)

    def page(_request: httpx.Request) -> httpx.Response:
        number = next(numbers)
        return fhir(searchset(condition(f"{number}a"), condition(f"{number}b"), following=f"?page={number}"))

    ehr.get().mock(side_effect=page)
    with pytest.raises(BadReply, match="limit of 3 entries"):
        await found(client)


async def test_a_search_has_an_end_in_time(ehr: respx.MockRouter) -> None:
    import anyio

    async def slow(_url: str) -> dict[str, Any]:
        await anyio.sleep(5)
        raise AssertionError

    haul = await paging.all_pages(slow, FIRST, "Condition", time_limit=0.02)
    assert isinstance(haul.failure, Unreachable)


async def test_entries_that_come_twice_count_once(client: FhirClient, ehr: respx.MockRouter) -> None:
    ehr.get(url=FIRST).mock(
        return_value=fhir(searchset(condition("a"), condition("b", recordedDate="2020"), following="?page=2"))
    )
    again = searchset(condition("a"), condition("b", "2", recordedDate="2021"))
    ehr.get(f"{BASE}/Condition", params={"page": "2"}).mock(return_value=fhir(again))
    resources = await client.search("Condition", {"patient": "1"})
    assert [resource["id"] for resource in resources] == ["a", "b"]
    assert resources[1]["recordedDate"] == "2021"


async def test_what_the_ehr_says_and_includes_is_no_match(client: FhirClient, ehr: respx.MockRouter) -> None:
    page = searchset(condition("a"))
    page["entry"].append({"resource": outcome("hint", "information"), "search": {"mode": "outcome"}})
    page["entry"].append({"resource": outcome("no mode at all", "warning")})
    page["entry"].append({"resource": {"resourceType": "Patient", "id": "1"}, "search": {"mode": "include"}})
    ehr.get(url=FIRST).mock(return_value=fhir(page))
    assert await found(client) == ["a"]


@pytest.mark.parametrize(
    "entry",
    [
        {"fullUrl": "urn:x"},
        None,
        "x",
        {"resource": None},
        {"resource": {"resourceType": "Observation", "id": "9"}},
        {"resource": {"resourceType": ["Condition"]}, "search": {"mode": []}},
    ],
    ids=["no resource", "null", "text", "null resource", "another type", "type and mode of odd shape"],
)
async def test_a_misshapen_entry_is_not_passed_over(client: FhirClient, ehr: respx.MockRouter, entry: Any) -> None:
    page = searchset(condition("a"))
    page["entry"].append(entry)
    ehr.get(url=FIRST).mock(return_value=fhir(page))
    with pytest.raises(BadReply):
        await found(client)


@pytest.mark.parametrize(
    ("totals", "warned"),
    [
        ((0, 0), False),
        ((2, 1), False),
        ((3, 3), False),
        ((4, None), True),
        ((None, 4), True),
        (("9", True), False),
    ],
    ids=["none counted", "the page alone", "repeats counted", "more on the first", "more on the last", "no numbers"],
)
async def test_a_total_counts_where_it_tells_of_more(
    client: FhirClient, ehr: respx.MockRouter, totals: tuple[Any, Any], warned: bool
) -> None:
    """Entries that were filtered out after they were counted are missing, and nothing else tells of it."""
    pages = [searchset(condition("a"), condition("b"), following="?page=2"), searchset(condition("b"))]
    for page, total in zip(pages, totals, strict=True):
        page["total"] = total
    ehr.get(url=FIRST).mock(return_value=fhir(pages[0]))
    ehr.get(f"{BASE}/Condition", params={"page": "2"}).mock(return_value=fhir(pages[1]))
    haul = await client.haul("Condition", {"patient": "1"})
    assert haul.failure is None
    assert haul.warnings == (("the EHR counted more entries than it gave",) if warned else ())


@pytest.mark.parametrize("mode", ["include", "outcome", "match", "", None, 5, [], {}])
async def test_an_entry_of_the_kind_asked_for_counts_whatever_it_is_called(
    client: FhirClient, ehr: respx.MockRouter, mode: Any
) -> None:
    page = searchset(condition("a"))
    page["entry"][0]["search"] = {"mode": mode}
    ehr.get(url=FIRST).mock(return_value=fhir(page))
    assert await found(client) == ["a"]


async def test_search_parameters_are_escaped(client: FhirClient, ehr: respx.MockRouter) -> None:
    route = ehr.get(url__startswith=f"{BASE}/Procedure").mock(return_value=fhir(searchset()))
    assert await client.search("Procedure", {"identifier": "https://c.example/sid|a&b"}) == ()
    assert route.calls.last.request.url.params["identifier"] == "https://c.example/sid|a&b"


def forgotten(code: str | None = None, status: int = 404) -> httpx.Response:
    notice = outcome("gone")
    if code:
        coding = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": code}
        notice["issue"][0]["details"] = {"coding": [coding]}
    return fhir(notice, status)


@pytest.mark.parametrize(
    "answer",
    [forgotten("4113", 400), forgotten("4113", 200), forgotten(status=404), forgotten(status=410)],
    ids=["Epic 4113", "Epic 4113 with 200", "not found", "gone"],
)
async def test_a_search_that_the_ehr_forgot_is_made_again_once(
    client: FhirClient, ehr: respx.MockRouter, answer: httpx.Response
) -> None:
    """The pages of a search may expire; then it starts anew, and what came before is not counted twice."""
    first = ehr.get(url=FIRST).mock(return_value=fhir(searchset(condition("a"), following="?page=2")))
    second = ehr.get(f"{BASE}/Condition", params={"page": "2"})
    second.mock(side_effect=[answer, fhir(searchset(condition("b")))])
    assert await found(client) == ["a", "b"]
    assert (first.call_count, second.call_count) == (2, 2)


async def test_a_search_that_is_forgotten_again_has_failed(client: FhirClient, ehr: respx.MockRouter) -> None:
    ehr.get(url=FIRST).mock(return_value=fhir(searchset(condition("a"), following="?page=2")))
    ehr.get(f"{BASE}/Condition", params={"page": "2"}).mock(return_value=forgotten("4113", 400))
    haul = await client.haul("Condition", {"patient": "1"})
    assert haul.failure is not None
    assert haul.failure.words == "page 2 failed: the EHR has ended this search"
    assert [resource["id"] for resource in haul.resources] == ["a"]
    assert len(ehr.calls) == 4


async def test_a_list_that_is_not_there_is_not_asked_twice(client: FhirClient, ehr: respx.MockRouter) -> None:
    ehr.get(url=FIRST).mock(return_value=forgotten())
    haul = await client.haul("Condition", {"patient": "1"})
    assert haul.failure is not None
    assert len(ehr.calls) == 1


GARBAGE: list[Any] = [None, "", 0, -1, 1.5, True, [], {}, [None], [[]], {"x": {}}, "\x00", "x" * 3000]
WHOLE = searchset(condition("a"), following="?page=2") | {"total": 2}
WHOLE["entry"].append({"resource": outcome("x", "warning"), "search": {"mode": "outcome"}})
WHOLE["entry"][1]["resource"]["issue"][0]["details"] = {"text": "x", "coding": [{"system": "x", "code": "x"}]}


def paths(value: Any, so_far: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        yield (*so_far, step)
        yield from paths(item, (*so_far, step))


@pytest.mark.parametrize("path", list(paths(WHOLE)), ids=lambda path: ".".join(map(str, path)))
async def test_no_shape_of_a_list_is_an_error_of_ours(path: tuple[str | int, ...]) -> None:
    """A search never raises; what it cannot use it tells."""
    for garbage in GARBAGE:
        page: Any = deepcopy(WHOLE)
        place = page
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = garbage

        async def fetch(url: str, page: Any = page) -> dict[str, Any]:
            return searchset() if url.endswith("page=2") else page

        haul = await paging.all_pages(fetch, FIRST, "Condition")
        notice_lost = path[:2] == ("entry", 1) or path == ("entry",)
        assert haul.failure or haul.warnings or notice_lost
