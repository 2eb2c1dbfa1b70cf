"""A candidate's chart in a scripted EHR that serves one answer damaged."""

from __future__ import annotations

import httpx
import respx

from tests.builders import PATIENT, Json
from tests.malformed import Malformed, calm_chart, carried, damaged
from tests.smart_app.ehr.scripted import Chartbook, fhir, searchset

LIST_OF = {"Observation": "Observation/vital-signs"}
SEARCHSET: Json = {"resourceType": "Bundle", "type": "searchset"}


def served(router: respx.MockRouter, name: str, body: bytes, headers: dict[str, str]) -> None:
    """A candidate's chart in an EHR that answers one search, or the read of the Patient, with these bytes."""
    book = Chartbook(router)
    lists: dict[str, list[Json]] = {}
    for resource in calm_chart():
        if resource["resourceType"] == "Patient":
            book.reads[PATIENT] = fhir(resource)
        else:
            lists.setdefault(resource["resourceType"], []).append(resource)
    book.lists |= {LIST_OF.get(kind, kind): fhir(searchset(*found)) for kind, found in lists.items()}
    # Headers as given, the body as given: httpx must not unpack it a second time.
    raw = httpx.Response(200, stream=httpx.ByteStream(body), headers=headers)
    book.raw = (PATIENT if name == "Patient" else LIST_OF.get(name, name), raw)


def serve_damaged(router: respx.MockRouter, case: Malformed, resource: Json) -> None:
    kind = resource["resourceType"]
    if kind == "Patient":
        body = damaged(case, resource)
    else:
        body = carried(case, resource, [one for one in calm_chart() if one["resourceType"] == kind], SEARCHSET)
    content_type = {"content-type": case.content_type} if case.content_type else {}
    served(router, kind, body, content_type | dict(case.headers))
