"""Everything the authorization server remembers, in one place for its routes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from smart_app.sandbox.charts import Charts
from smart_app.sandbox.oauth.authorization import AuthorizationRequest
from smart_app.sandbox.oauth.client_assertion import ClientAuthentication, ClientKeys, FetchJwks
from smart_app.sandbox.oauth.errors import OAuthError
from smart_app.sandbox.oauth.grants import Grant, Grants, Issued
from smart_app.sandbox.oauth.keys import SigningKey
from smart_app.sandbox.oauth.launches import Launches, SignedIn
from smart_app.sandbox.people import person
from smart_app.sandbox.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request whose user still has to pick the patient, or to sign in; `session` None: whoever does."""

    request: AuthorizationRequest
    session: str | None
    since: datetime


@dataclass(slots=True, kw_only=True)
class AuthorizationServer:
    site: Site
    charts: Charts
    registered: dict[str, str]
    clock: Callable[[], datetime]
    signed_in: SignedIn
    launches: Launches
    grants: Grants
    client: ClientAuthentication
    key: SigningKey = field(default_factory=SigningKey)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    def code_for_launch(self, request: AuthorizationRequest, session: str | None) -> str:
        """The code of an EHR launch. Raises `OAuthError` unless the launch is live and of this session."""
        launch = self.launches.take(request.launch or "")
        if launch is None:
            raise OAuthError("invalid_request", "The launch is unknown, used or too old. Open the app again.")
        if session != launch.session or self.signed_in.user(session) != launch.user:
            raise OAuthError("access_denied", "The launch belongs to another session of the EHR.")
        return self.code(request, user=launch.user, patient=launch.patient, since=self.signed_in.since(session))

    def must_sign_in(self, request: AuthorizationRequest, session: str | None) -> bool:
        """Whether the person is asked before they are told of: nobody is signed in, or not anew enough."""
        since = self.signed_in.since(session)
        if since is None or request.login:
            return True
        return request.max_age is not None and self.clock() - since >= timedelta(seconds=request.max_age)

    def code_for_identity(self, request: AuthorizationRequest, session: str | None) -> str:
        """The code of a request for nothing but who the person is."""
        user = self.signed_in.user(session)
        if user is None:
            raise OAuthError("login_required", "Nobody is signed in.")
        return self._code(request, user=user, patient=None, since=self.signed_in.since(session))

    def code(self, request: AuthorizationRequest, *, user: str, patient: str, since: datetime | None = None) -> str:
        if self.charts.find(patient) is None:
            raise OAuthError("invalid_request", "The chart of this launch is no longer there.")
        return self._code(request, user=user, patient=patient, since=since)

    def _code(self, request: AuthorizationRequest, *, user: str, patient: str | None, since: datetime | None) -> str:
        grant = Grant(
            user=user,
            patient=patient,
            encounter=self.charts.encounter_today(patient) if patient else None,
            scope=request.scope,
            nonce=request.nonce,
            auth_time=since,
        )
        return self.grants.give_code(grant, redirect_uri=request.redirect_uri, challenge=request.challenge)

    def wait(self, request: AuthorizationRequest, session: str | None) -> str:
        handle = secrets.token_urlsafe(24)
        self.waiting[handle] = Waiting(request=request, session=session, since=self.clock())
        return handle

    def patient_of(self, authorization: str) -> str | None:
        """The patient of a live token, from an Authorization header."""
        grant = self.grants.bearer(authorization.partition(" ")[2])
        return grant.patient if grant else None

    def reply(self, issued: Issued) -> dict[str, object]:
        """The token reply (SMART App Launch 2.2, launch context parameters)."""
        grant = issued.grant
        body: dict[str, object] = {
            "access_token": issued.access,
            "token_type": "Bearer",
            "expires_in": issued.seconds,
            "scope": issued.scope,
            "need_patient_banner": True,
            "smart_style_url": self.site.style_url,
        }
        if grant.patient:
            body["patient"] = grant.patient
        if grant.encounter:
            body["encounter"] = grant.encounter
        if issued.refresh:
            body["refresh_token"] = issued.refresh
        if "openid" in issued.scope.split():
            body["id_token"] = self.key.sign(self._claims(issued))
        return body

    def _claims(self, issued: Issued) -> dict[str, object]:
        now = int(self.clock().timestamp())
        claims: dict[str, object] = {
            "iss": self.site.issuer,
            "sub": f"user-{issued.grant.user}",
            "aud": self.site.client_id,
            "iat": now,
            "exp": now + issued.seconds,
        }
        if issued.grant.nonce:
            claims["nonce"] = issued.grant.nonce
        if issued.grant.auth_time:
            claims["auth_time"] = int(issued.grant.auth_time.timestamp())
        user = person(issued.grant.user)
        if user and "fhirUser" in issued.scope.split():
            claims["fhirUser"] = f"{self.site.fhir}/Practitioner/{user.id}"
            claims["name"] = user.name
        return claims


def authorization_server(
    site: Site,
    charts: Charts,
    *,
    registered: dict[str, str],
    clock: Callable[[], datetime],
    token_seconds: int,
    fetch_jwks: FetchJwks,
) -> AuthorizationServer:
    keys = ClientKeys(site.client_jwks_url, fetch=fetch_jwks, clock=clock)
    return AuthorizationServer(
        site=site,
        charts=charts,
        registered=registered,
        clock=clock,
        signed_in=SignedIn(clock),
        launches=Launches(clock),
        grants=Grants(clock=clock, token_seconds=token_seconds),
        client=ClientAuthentication(client_id=site.client_id, keys=keys, clock=clock),
    )
