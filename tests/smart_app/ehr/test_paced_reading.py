"""Where an EHR's minute is used up, a chart has gaps that say so: never a candidate, and no write in doubt."""

from __future__ import annotations

import httpx
import pytest
import respx

from launch.errors import AddressForbidden, CertificateRefused, EhrBusy, EhrUnreachable
from launch.pacing import Pacer, Share
from launch.transport import Transports
from smart_app.clinical.finding import Status
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import http_client
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import Busy, EhrError, Unreachable
from smart_app.use_cases.screening.screen_patient import screen_chart
from tests.builders import PATIENT, TODAY, Json
from tests.launch.a_minute import Minute
from tests.malformed import calm_chart
from tests.smart_app.ehr.conftest import NOW
from tests.smart_app.ehr.scripted import BASE, Chartbook, fhir, searchset
from tests.smart_app.ehr.served import LIST_OF
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio


def a_client(http: httpx.AsyncClient) -> FhirClient:
    return FhirClient(BASE, http, httpx.Auth(), offers=Offers(lambda: 0.0), clock=lambda: NOW, request_id=lambda: "r")


def a_candidate(ehr: respx.MockRouter) -> Chartbook:
    book = Chartbook(ehr)
    lists: dict[str, list[Json]] = {}
    for resource in calm_chart():
        lists.setdefault(resource["resourceType"], []).append(resource)
    book.reads[PATIENT] = fhir(lists.pop("Patient")[0])
    book.lists |= {LIST_OF.get(kind, kind): fhir(searchset(*found)) for kind, found in lists.items()}
    return book


def paced(pacer: Pacer, share: Share) -> httpx.AsyncBaseTransport:
    return Transports(pacer=lambda **_: pacer).to(somewhere(requests_per_minute=10), share)


async def test_a_chart_that_does_not_fit_into_the_minute_is_no_candidate(ehr: respx.MockRouter) -> None:
    book = a_candidate(ehr)
    async with http_client(paced(Minute().pacer(per_minute=10), Share.READING)) as http:
        chart = await a_client(http).chart(PATIENT.partition("/")[2])
    assert len(book.asked) == 8
    reasons = {failure.reason for failure in chart.failures}
    assert reasons == {"the EHR allows the app 10 requests a minute, and they are used up for now"}
    assert screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1].status is not Status.CANDIDATE


async def test_a_chart_that_waits_its_turn_is_read_whole(ehr: respx.MockRouter) -> None:
    """The same chart, half a minute after others took the whole minute's share."""
    a_candidate(ehr)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        minute.now += seconds

    minute = Minute()
    pacer = Pacer(ehr="demo", per_minute=250, seconds=minute, sleep=sleep)
    for _ in range(200):
        await pacer.turn(Share.READING, patience=0)
    minute.now += 50
    async with http_client(paced(pacer, Share.READING)) as http:
        chart = await a_client(http).chart(PATIENT.partition("/")[2])
    assert screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1].status is Status.CANDIDATE
    assert waited
    assert max(waited) <= 11


async def test_a_write_that_found_no_turn_was_not_sent(ehr: respx.MockRouter) -> None:
    route = ehr.post(f"{BASE}/CarePlan").respond(201, headers={"location": "CarePlan/5"})
    async with http_client(paced(Minute().pacer(per_minute=10), Share.DELIVERY)) as http:
        client = a_client(http)
        for _ in range(4):
            await client.create("CarePlan", b"{}", if_none_exist="identifier=s|v")
        with pytest.raises(Busy) as caught:
            await client.create("CarePlan", b"{}", if_none_exist="identifier=s|v")
    assert route.call_count == 4
    assert caught.value.retry_after == 61


@pytest.mark.parametrize(
    ("fault", "expected", "words"),
    [
        (EhrBusy("The EHR is busy.", ehr="demo", retry_after=9.0), Busy, "the EHR is busy"),
        (AddressForbidden("a private network", ehr="demo"), Unreachable, "leads to a private network"),
        (CertificateRefused(ehr="demo"), Unreachable, "could not prove with its certificate"),
        (EhrUnreachable("x", ehr="demo"), Unreachable, "the EHR's sign-in could not be reached"),
    ],
    ids=["busy", "address", "certificate", "sign-in"],
)
async def test_what_kept_a_request_from_going_out_is_told(
    ehr: respx.MockRouter, fault: Exception, expected: type[EhrError], words: str
) -> None:
    ehr.post(f"{BASE}/CarePlan").mock(side_effect=fault)
    async with http_client(Transports().to(somewhere(), Share.DELIVERY)) as http:
        with pytest.raises(EhrError, match=words) as caught:
            await a_client(http).create("CarePlan", b"{}", if_none_exist="identifier=s|v")
    assert type(caught.value) is expected
    assert caught.value.retry_after == getattr(fault, "retry_after", None)
