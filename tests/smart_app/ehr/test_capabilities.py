"""What an EHR offers, by its own statement, and how long that is believed."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
import respx

from smart_app.ehr.capabilities import Offers, read_offer
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import BadReply, EhrError
from tests.smart_app.ehr.scripted import BASE, fhir

STATEMENT = {
    "resourceType": "CapabilityStatement",
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "batch"}, {"code": "transaction"}],
            "resource": [
                {"type": "Condition", "interaction": [{"code": "search-type"}, {"code": "read"}]},
                {"type": "CarePlan", "interaction": [{"code": "read"}, {"code": "create"}, {"code": "update"}]},
                {"type": "Binary"},
            ],
        },
        {"mode": "client", "resource": [{"type": "Task", "interaction": [{"code": "read"}]}]},
    ],
}


def test_the_statement_of_a_server_is_read() -> None:
    offer = read_offer(STATEMENT)
    assert offer.transaction
    assert offer.readable == {"Condition", "CarePlan"}
    assert offer.creatable == offer.updatable == {"CarePlan"}


@pytest.mark.parametrize(
    "rest",
    [None, [], {}, ["x"], [{"mode": "server"}], [{"mode": "server", "interaction": "transaction", "resource": [7]}],
     [{"mode": "server", "interaction": [{"code": "batch"}], "resource": [{"type": 1, "interaction": [None]}]}]],
)  # fmt: skip
def test_what_is_misshapen_is_not_offered(rest: Any) -> None:
    offer = read_offer({"resourceType": "CapabilityStatement", "rest": rest})
    assert not offer.transaction
    assert not offer.readable | offer.creatable | offer.updatable


@pytest.mark.anyio
async def test_an_offer_is_kept_for_an_hour_for_each_ehr() -> None:
    now, fetched = 0.0, 0

    async def fetch() -> dict[str, Any]:
        nonlocal fetched
        fetched += 1
        await anyio.lowlevel.checkpoint()
        return STATEMENT

    offers = Offers(lambda: now)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(offers.of, "https://a.example", fetch)
    assert fetched == 1
    now = 3599.0
    await offers.of("https://a.example", fetch)
    assert fetched == 1
    await offers.of("https://b.example", fetch)
    assert fetched == 2
    now = 3600.0
    await offers.of("https://a.example", fetch)
    assert fetched == 3


@pytest.mark.anyio
async def test_a_failure_is_not_kept(client: FhirClient, ehr: respx.MockRouter) -> None:
    page = fhir({"resourceType": "Bundle"})
    ehr.get(f"{BASE}/metadata").mock(side_effect=[fhir({}, 500), page, fhir(STATEMENT)])
    with pytest.raises(EhrError):
        await client.offer()
    with pytest.raises(BadReply):
        await client.offer()
    assert (await client.offer()).transaction
    assert (await client.offer()).transaction
    assert len(ehr.calls) == 3
