"""One EHR's FHIR R4 server, spoken to with the token of one launch: the `Ehr` that use cases see."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from fhir_mappings.wire import decode
from launch.addresses import canonical_base
from launch.scopes import Scopes
from smart_app.ehr.answers import bundle_of, check_status, resource_of
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import Answer, exchange, http_client
from smart_app.ehr.paging import Haul, all_pages
from smart_app.ehr.search_plan import read_chart
from smart_app.use_cases.errors import BadReply
from smart_app.use_cases.ports import Clock
from smart_app.use_cases.records import Chart, Json, Offer, Received

__all__ = ["FhirClient", "http_client"]

ANYTHING: Final = Scopes()  # nothing is known of the scopes: the EHR answers for itself
_MEDIA_TYPE: Final = "application/fhir+json"
_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})")
_LOCATION: Final = re.compile(rf"(?:^|.*/)({_REFERENCE.pattern})(?:/_history/[A-Za-z0-9\-.]{{1,64}})?/?")


class FhirClient:
    """`auth` adds the token to each request; it is never a default of the shared `http`.

    `granted` are the scopes of the launch: a chart's searches that they do not allow are told and not made.

    Every request carries an id of ours (X-Request-Id), so that the EHR's people can find it in their log.
    """

    def __init__(
        self,
        fhir_base: str,
        http: httpx.AsyncClient,
        auth: httpx.Auth,
        *,
        offers: Offers,
        clock: Clock,
        request_id: Callable[[], str],
        granted: Scopes = ANYTHING,
    ) -> None:
        self.fhir_base = canonical_base(fhir_base)
        self.granted = granted
        self._http = http
        self._auth = auth
        self._offers = offers
        self._clock = clock
        self._request_id = request_id

    async def offer(self) -> Offer:
        return await self._offers.of(self.fhir_base, self._metadata)

    async def chart(self, patient_id: str) -> Chart:
        return await read_chart(self, patient_id)

    async def read(self, reference: str) -> Received:
        resource_type, identity = _parts(reference)
        answer = await self._send("GET", f"{self.fhir_base}/{reference}", needs=f"patient/{resource_type}.r")
        resource = resource_of(answer, resource_type)
        if resource.get("id") != identity:
            raise BadReply("the EHR answered with another record than was asked for")
        return _received(answer, resource)

    async def search(self, resource_type: str, parameters: Mapping[str, str]) -> tuple[Json, ...]:
        haul = await self.haul(resource_type, parameters)
        if haul.failure:
            raise haul.failure
        return haul.resources

    async def haul(self, resource_type: str, parameters: Mapping[str, str]) -> Haul:
        """As `search`, but what was read before a failure is kept and the EHR's warnings are told."""
        query = urlencode(parameters, quote_via=quote, safe="")
        page = partial(self._page, f"patient/{resource_type}.s")
        return await all_pages(page, f"{self.fhir_base}/{resource_type}?{query}", resource_type)

    async def transaction(self, bundle: bytes) -> Json:
        answer = await self._send("POST", self.fhir_base, needs=_needs_of(bundle), body=bundle)
        response = resource_of(answer, "Bundle")
        if response.get("type") not in ("transaction-response", "batch-response"):
            raise BadReply("the EHR's answer to a transaction is none")
        return response

    async def create(self, resource_type: str, body: bytes, *, if_none_exist: str) -> Received:
        headers = {"If-None-Exist": if_none_exist, "Prefer": "return=representation"}
        url, needs = f"{self.fhir_base}/{resource_type}", f"patient/{resource_type}.c"
        answer = await self._send("POST", url, needs=needs, body=body, headers=headers)
        return _received(answer, _optional(answer, resource_type))

    async def update(self, reference: str, body: bytes, *, if_match: str) -> Received:
        resource_type, _identity = _parts(reference)
        headers = {"If-Match": if_match, "Prefer": "return=representation"}
        url, needs = f"{self.fhir_base}/{reference}", f"patient/{resource_type}.u"
        answer = await self._send("PUT", url, needs=needs, body=body, headers=headers)
        return _received(answer, _optional(answer, resource_type))

    async def _metadata(self) -> Json:
        return resource_of(await self._send("GET", f"{self.fhir_base}/metadata"), "CapabilityStatement")

    async def _page(self, needs: str, url: str) -> Json:
        bundle = await bundle_of(await self._send("GET", url, needs=needs))
        if bundle.get("type") != "searchset":
            raise BadReply("the EHR's answer to a search is none")
        return bundle

    async def _send(
        self,
        method: str,
        url: str,
        *,
        needs: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        always = {"Accept": _MEDIA_TYPE, "X-Request-Id": self._request_id()}
        if body is not None:
            always["Content-Type"] = _MEDIA_TYPE
        answer = await exchange(
            self._http,
            self._auth,
            fhir_base=self.fhir_base,
            method=method,
            url=url,
            headers={**always, **(headers or {})},
            body=body,
        )
        check_status(answer, self._clock(), needs=needs)
        return answer


def _needs_of(bundle: bytes) -> str:
    """The scopes that a transaction of ours takes: create for each type in it, or update."""
    entries = [
        (entry["resource"]["resourceType"], entry["request"]["method"]) for entry in decode(bundle).get("entry", ())
    ]
    needs = (f"patient/{kind}.{'u' if method == 'PUT' else 'c'}" for kind, method in entries)
    return ", ".join(dict.fromkeys(needs))


def _parts(reference: str) -> tuple[str, str]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise BadReply("the EHR named a record in a way that cannot be read")
    return match[1], match[2]


def _optional(answer: Answer, resource_type: str) -> Json | None:
    """The written resource, where the EHR sends it back; some send nothing, some an OperationOutcome."""
    if not answer.body.strip():
        return None
    resource = resource_of(answer, resource_type, "OperationOutcome")
    return resource if resource["resourceType"] == resource_type else None


def _received(answer: Answer, resource: Json | None) -> Received:
    location = _LOCATION.fullmatch(answer.headers.get("location", ""))
    return Received(
        resource=resource,
        etag=answer.headers.get("etag"),
        location=location[1] if location else None,
        created=answer.status == httpx.codes.CREATED,
    )
