"""The FHIR endpoint: every request is judged, carried out by the store, and its answer looked over."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from smart_app.sandbox.gate.access import Access
from smart_app.sandbox.gate.bundles import Bundles
from smart_app.sandbox.gate.compartment import Compartment
from smart_app.sandbox.gate.conformance import capability_statement
from smart_app.sandbox.gate.interactions import Interaction, Params, parse, refused
from smart_app.sandbox.gate.judge import Judge, Withheld
from smart_app.sandbox.gate.replies import looked_over
from smart_app.sandbox.gate.upstream import Reply, call
from smart_app.sandbox.oauth.discovery import smart_configuration
from smart_app.sandbox.oauth.grants import Grant, Grants
from smart_app.sandbox.oauth.scopes import parse_all
from smart_app.sandbox.outcome import FhirResponse, RefusedError, refusal_response
from smart_app.sandbox.people import person
from smart_app.sandbox.site import Site
from smart_app.sandbox.store import ClinicalStore

LARGEST_BODY = 5 * 1024 * 1024
PASSED_ON = ("if-match", "if-none-match", "prefer")
KEPT = ("etag", "last-modified", "location")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An ASGI app for everything below /fhir."""

    site: Site
    store: ClinicalStore
    grants: Grants
    registered: dict[str, str]
    clock: Callable[[], datetime]
    withheld: Withheld
    untaken: Collection[str] = ()  # types that it does not create

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except RefusedError as refusal:
            response = refusal_response(refusal)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/fhir").strip("/")
        if request.method in ("GET", "HEAD") and path == "metadata":
            return FhirResponse(capability_statement(self.site, self.clock(), self.untaken))
        if request.method in ("GET", "HEAD") and path == ".well-known/smart-configuration":
            return JSONResponse(smart_configuration(self.site, self.registered))
        access = self._access(request)
        _wants_json(request)
        params = tuple(request.query_params.multi_items())
        body = await _body(request)
        judge = Judge(store=self.store, withheld=self.withheld)
        if not path and request.method == "POST":
            prefer = request.headers.get("prefer")
            return _response(await Bundles(self.site.fhir, self.store, judge).carry_out(body, access, prefer))
        if path.endswith("_search") and isinstance(body, list):
            params, body = (*params, *body), None
        asked = parse(request.method, path, params, body, request.headers.get("if-none-exist"))
        return _response(await self._carry_out(judge.permit(asked, access), request, access))

    async def _carry_out(self, permitted: Interaction, request: Request, access: Access) -> Reply:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        if permitted.if_none_exist:
            headers["if-none-exist"] = permitted.if_none_exist
        if permitted.kind == "patch":
            headers["content-type"] = "application/json-patch+json"
        method = "GET" if permitted.kind == "search-type" or request.method == "HEAD" else request.method
        reply = await call(
            self.store.app, method=method, url=f"/fhir/{permitted.url}", headers=headers, body=permitted.body
        )
        return looked_over(reply, permitted, access)

    def _access(self, request: Request) -> Access:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            challenge = {"www-authenticate": f'Bearer realm="{self.site.fhir}"'}
            raise RefusedError(status=401, code="login", text="A bearer token is needed.", headers=challenge)
        grant = self.grants.bearer(token.strip())
        if grant is None:
            challenge = {"www-authenticate": f'Bearer realm="{self.site.fhir}", error="invalid_token"'}
            raise RefusedError(
                status=401, code="login", text="The token is unknown, expired or revoked.", headers=challenge
            )
        return access_of(grant, Compartment(self.site.fhir, self.store.read))


def access_of(grant: Grant, compartment: Compartment) -> Access:
    user = person(grant.user)
    return Access(
        scopes=parse_all(grant.scope),
        patient=grant.patient,
        practitioner=user.id if user else "",
        knows_user=grant.has("openid") and grant.has("fhirUser"),
        compartment=compartment,
    )


def _response(reply: Reply) -> Response:
    headers = {name: reply.headers[name] for name in KEPT if name in reply.headers}
    headers["cache-control"] = "no-store"
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    return FhirResponse(reply.body, status_code=reply.status, headers=headers)


def _wants_json(request: Request) -> None:
    accept = request.headers.get("accept", "*/*")
    if "json" not in accept and "*" not in accept:
        raise refused(406, "not-supported", "This EHR answers in application/fhir+json only.")


async def _body(request: Request) -> Any:
    """JSON, or the parameters of a search by form; None where there is no body."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise refused(413, "too-long", "The body is larger than 5 MiB.")
    if not content.strip():
        return None
    kind = request.headers.get("content-type", "")
    try:
        if kind.startswith("application/x-www-form-urlencoded"):
            form: Params = tuple(parse_qsl(content.decode(), keep_blank_values=True))
            return list(form)
        if "json" not in kind:
            raise refused(415, "not-supported", "Send application/fhir+json.")
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise refused(400, "structure", "The body is not readable JSON.") from error
