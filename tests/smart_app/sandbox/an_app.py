"""The app that is registered with the sandbox EHR, as a test plays it: its key, its requests, its tokens."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from smart_app.sandbox.server import Sandbox

EHR = "http://127.0.0.1:8400"
APP = "http://localhost:8500"
FHIR = f"{EHR}/fhir"
TOKEN_URL = f"{EHR}/oauth/token"
REDIRECT = f"{APP}/callback/sandbox"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EVERYTHING = "launch openid fhirUser offline_access patient/*.cruds"


@dataclass
class AClock:
    """Stands still until it is told to go on."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class AnApp:
    """Its JWKS can be taken away or exchanged by changing `published`."""

    sandbox: Sandbox
    clock: AClock
    published: list[dict[str, Any]]
    key: ECKey
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A browser or back end with cookies of its own, without redirects."""
        transport = httpx.ASGITransport(app=self.sandbox)
        return httpx.AsyncClient(transport=transport, base_url=EHR, headers=headers)

    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def assertion(self, *, alg: str = "ES384", header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(self.clock().timestamp())
        said = {
            "iss": "ketamine-pathway",
            "sub": "ketamine-pathway",
            "aud": TOKEN_URL,
            "exp": now + 240,
            "iat": now,
            "jti": str(uuid.uuid4()),
        }
        said |= claims
        said = {name: value for name, value in said.items() if value is not None}
        heads = {"alg": alg, "kid": self.key.kid, "typ": "JWT", **(header or {})}
        heads = {name: value for name, value in heads.items() if value is not None}
        return jwt.encode(heads, said, self.key, algorithms=[alg])

    def proof(self, assertion: str | None = None) -> dict[str, str]:
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion or self.assertion()}

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a good authorization request; None takes one out."""
        params: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "ketamine-pathway",
            "redirect_uri": REDIRECT,
            "scope": EVERYTHING,
            "state": secrets.token_urlsafe(32),
            "aud": FHIR,
            "nonce": "n-1",
            "code_challenge": self.challenge(),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in params.items() if value is not None}

    async def sign_in(self, browser: httpx.AsyncClient, user: str = "psychiatrist") -> None:
        reply = await browser.post("/sign-in", data={"user": user})
        assert reply.status_code == 303

    async def launch_value(self, browser: httpx.AsyncClient, patient: str) -> str:
        """What the chart of this patient hands to the app."""
        reply = await browser.get(f"/chart/{patient}/open")
        assert reply.headers["location"].startswith(f"{APP}/launch?")
        return parse_qs(urlsplit(reply.headers["location"]).query)["launch"][0]

    async def code(self, patient: str, *, user: str = "psychiatrist", **changes: str | None) -> str:
        async with self.client() as browser:
            await self.sign_in(browser, user)
            launch = await self.launch_value(browser, patient)
            reply = await browser.get("/oauth/authorize", params=self.request(launch=launch, **changes))
        return answered(reply)["code"]

    async def redeem(self, code: str, /, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
            **self.proof(),
            **changes,
        }
        return await self.post(TOKEN_URL, {name: value for name, value in form.items() if value is not None})

    async def refresh(self, token: str, **changes: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, **self.proof(), **changes}
        return await self.post(TOKEN_URL, form)

    async def post(self, url: str, form: dict[str, str]) -> httpx.Response:
        async with self.client() as back_end:
            return await back_end.post(url, data=form)

    async def tokens(self, patient: str, scope: str = EVERYTHING, user: str = "psychiatrist") -> dict[str, Any]:
        """The token reply of an EHR launch with this scope."""
        reply = await self.redeem(await self.code(patient, user=user, scope=scope))
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def fhir(
        self,
        method: str,
        path: str,
        *,
        patient: str,
        scope: str,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One FHIR request under a token of exactly this scope (launch and openid come along)."""
        reply = await self.tokens(patient, f"launch {scope}")
        return await self.with_token(reply["access_token"], method, path, json=json, headers=headers)

    async def with_token(
        self,
        token: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {token}", "accept": "application/fhir+json", **(headers or {})}
        if json is not None:
            sent.setdefault("content-type", "application/fhir+json")
        async with self.client() as back_end:
            return await back_end.request(method, f"{FHIR}{path}", json=json, headers=sent)


def answered(reply: httpx.Response) -> dict[str, str]:
    """The parameters that a redirect back to the app carries."""
    location = reply.headers["location"]
    assert location.startswith(f"{REDIRECT}?"), location
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def entries(reply: httpx.Response) -> list[dict[str, Any]]:
    """The resources of a Bundle."""
    assert reply.status_code == 200, reply.text
    return [one["resource"] for one in reply.json().get("entry", [])]


def query(**params: str) -> str:
    return urlencode(params)
