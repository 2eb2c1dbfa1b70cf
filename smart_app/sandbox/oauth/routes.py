"""The authorization server's HTTP: authorize, decision, token, revoke, keys, discovery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from smart_app.sandbox.oauth.authorization import AuthorizationRequest, answer, check, redirect_target
from smart_app.sandbox.oauth.discovery import openid_configuration
from smart_app.sandbox.oauth.errors import NoRedirectError, OAuthError
from smart_app.sandbox.oauth.grants import Issued
from smart_app.sandbox.oauth.server import AuthorizationServer
from smart_app.sandbox.oauth.session import session_of

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}

Page = Callable[[Request, str, Mapping[str, object], int], Response]


class OAuthRoutes:
    """`page(request, template, context, status)` draws the two pages a person may see here."""

    def __init__(self, server: AuthorizationServer, page: Page) -> None:
        self._server, self._page = server, page

    def routes(self) -> list[Route]:
        return [
            Route("/oauth/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/oauth/again", self.again, methods=["GET"]),
            Route("/oauth/decision", self.decision, methods=["POST"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
            Route("/oauth/jwks.json", self.jwks, methods=["GET"]),
            Route("/.well-known/openid-configuration", self.openid, methods=["GET"]),
        ]

    async def authorize(self, request: Request) -> Response:
        params = await _fields(request) if request.method == "POST" else request.query_params.multi_items()
        try:
            target, state = redirect_target(params, self._server.site)
        except NoRedirectError as error:
            return self._page(request, "refused.html", {"reason": error.description}, 400)
        try:
            asked = check(params, self._server.site, self._server.registered)
            session = session_of(request)
            if asked.launch is not None:
                return self._grant(asked, self._server.code_for_launch(asked, session))
            if asked.identity_only and not self._server.must_sign_in(asked, session):
                return self._grant(asked, self._server.code_for_identity(asked, session))
        except OAuthError as error:
            return self._deny(target, state, error)
        if asked.identity_only:
            again = f"/oauth/again?{urlencode({'request': self._server.wait(asked, None)})}"
            return RedirectResponse(f"/sign-in?{urlencode({'next': again})}", status_code=303, headers=NO_STORE)
        return self._pick_patient(request, asked, params)

    async def again(self, request: Request) -> Response:
        """Whoever was asked to sign in has done so."""
        waiting = self._server.waiting.pop(request.query_params.get("request", ""), None)
        session = session_of(request)
        since = self._server.signed_in.since(session)
        if waiting is None or waiting.session is not None or since is None or since < waiting.since:
            return self._page(request, "refused.html", {"reason": "Nobody signed in for this question."}, 400)
        return self._grant(waiting.request, self._server.code_for_identity(waiting.request, session))

    def _pick_patient(self, request: Request, asked: AuthorizationRequest, params: list[tuple[str, str]]) -> Response:
        session = session_of(request)
        if session is None or self._server.signed_in.user(session) is None:
            again = f"/oauth/authorize?{urlencode(params)}"
            return RedirectResponse(f"/sign-in?{urlencode({'next': again})}", status_code=303, headers=NO_STORE)
        context = {
            "handle": self._server.wait(asked, session),
            "charts": self._server.charts.all(),
            "scopes": asked.scope.split(),
        }
        return self._page(request, "pick_patient.html", context, 200)

    async def decision(self, request: Request) -> Response:
        """What the user answered on the page that picks the patient."""
        form = dict(await _fields(request))
        waiting = self._server.waiting.pop(form.get("request", ""), None)
        session = session_of(request)
        user = self._server.signed_in.user(session)
        if waiting is None or user is None or waiting.session != session:
            return self._page(request, "refused.html", {"reason": "This question was answered before."}, 400)
        asked = waiting.request
        try:
            if form.get("decision") != "allow":
                raise OAuthError("access_denied", "The user said no.")
            return self._grant(
                asked,
                self._server.code(
                    asked, user=user, patient=form.get("patient", ""), since=self._server.signed_in.since(session)
                ),
            )
        except OAuthError as error:
            return self._deny(asked.redirect_uri, asked.state, error)

    async def token(self, request: Request) -> Response:
        try:
            form = await _form(request)
            await self._server.client.check(form, audience=(self._server.site.token_url,))
            body = self._server.reply(self._issue(form))
        except OAuthError as error:
            return _oauth_error(error)
        return JSONResponse(body, headers=NO_STORE)

    def _issue(self, form: dict[str, str]) -> Issued:
        if form.get("grant_type") == "authorization_code":
            return self._server.grants.redeem(
                form.get("code", ""),
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
        if form.get("grant_type") == "refresh_token":
            return self._server.grants.refresh(form.get("refresh_token", ""), scope=form.get("scope"))
        raise OAuthError("unsupported_grant_type", "authorization_code and refresh_token are offered.")

    async def revoke(self, request: Request) -> Response:
        site = self._server.site
        try:
            form = await _form(request)
            await self._server.client.check(form, audience=(site.revocation_url, site.token_url))
        except OAuthError as error:
            return _oauth_error(error)
        self._server.grants.revoke(form.get("token", ""))
        return Response(status_code=200, headers=NO_STORE)

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse(self._server.key.public_set(), headers={"cache-control": "max-age=60"})

    async def openid(self, _request: Request) -> Response:
        return JSONResponse(openid_configuration(self._server.site))

    def _grant(self, asked: AuthorizationRequest, code: str) -> Response:
        return self._back(asked.redirect_uri, {"code": code, "state": asked.state})

    def _deny(self, target: str, state: str | None, error: OAuthError) -> Response:
        fields = {"error": error.error, "error_description": error.description, "state": state}
        return self._back(target, fields)

    def _back(self, target: str, fields: dict[str, str | None]) -> Response:
        location = answer(target, {**fields, "iss": self._server.site.issuer})
        return RedirectResponse(location, status_code=303, headers=NO_STORE)


async def _fields(request: Request) -> list[tuple[str, str]]:
    form = await request.form()
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def _form(request: Request) -> dict[str, str]:
    """The body of a token or revocation request; each field once (RFC 6749 3.2)."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise OAuthError("invalid_request", "The body must be a form.")
    fields = await _fields(request)
    form = dict(fields)
    if len(form) != len(fields):
        raise OAuthError("invalid_request", "A field was given twice.")
    return form


def _oauth_error(error: OAuthError) -> Response:
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, status_code=error.status, headers=NO_STORE)
