"""Tokens at the EHR's token endpoint: fetched for a code, refreshed, revoked (RFC 6749; RFC 7009)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from launch.authorization import refusal
from launch.client_authentication import ClientSecrets, NoSecrets, credentials
from launch.context import TokenSet
from launch.discovery import SmartConfiguration
from launch.errors import AuthorizationRefused, EhrFault, EhrUnreachable, LaunchError, TokenRefused, TokenReplyInvalid
from launch.exchange import PATIENT_LIMIT, EhrClients, Reply, exchange
from launch.keys import SigningKeys
from launch.registry import Registration
from launch.token_reply import ReplyInvalid, TokenReply, read_token_reply

_SPENT = "The EHR no longer accepts this start of the app."
_NOT_AGREED = {
    "invalid_client": "The EHR did not accept the app's own credentials.",
    "unauthorized_client": "The EHR does not allow the app to do this.",
    "unsupported_grant_type": "The EHR does not allow the app to do this.",
    "invalid_scope": "The EHR does not grant the permissions (scopes) that the app asked for.",
    "invalid_request": "The EHR did not understand the app's request for access.",
}


class TokenEndpoint:
    """Speaks to the token and revocation endpoints of every registered EHR."""

    def __init__(
        self,
        *,
        clients: EhrClients,
        keys: SigningKeys,
        secrets: ClientSecrets | None = None,
        clock: Callable[[], datetime],
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._secrets = secrets or NoSecrets()
        self._clock = clock

    async def redeem(
        self,
        registration: Registration,
        configuration: SmartConfiguration,
        *,
        code: str,
        redirect_uri: str,
        verifier: str,
    ) -> TokenReply:
        """Exchange an authorization code, once."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._grant(registration, configuration, form)

    async def refresh(
        self, registration: Registration, configuration: SmartConfiguration, *, refresh_token: str
    ) -> TokenReply:
        """Exchange a refresh token for the same scopes; TokenRefused with invalid_grant when it is spent."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._grant(registration, configuration, form)

    async def revoke(self, registration: Registration, configuration: SmartConfiguration, tokens: TokenSet) -> bool:
        """Ask the EHR to forget the tokens. False: it has no such endpoint or did not do it; never raises."""
        endpoint = configuration.revocation_endpoint
        if endpoint is None:
            return False
        token, hint = tokens.refresh_token or tokens.access_token, "access_token"
        form = {"token": token, "token_type_hint": "refresh_token" if tokens.refresh_token else hint}
        try:
            reply = await self._post(registration, configuration, endpoint, form)
        except LaunchError:
            return False
        return reply.status == 200

    def as_token_set(self, reply: TokenReply, *, asked: str, version: int = 1) -> TokenSet:
        """The part to keep. A reply without scope grants what was asked (RFC 6749, section 5.1)."""
        now = int(self._clock().timestamp())
        return TokenSet(
            access_token=reply.access_token,
            refresh_token=reply.refresh_token,
            expires_at=None if reply.expires_in is None else now + reply.expires_in,
            scope=asked if reply.scope is None else reply.scope,
            version=version,
        )

    async def _grant(
        self, registration: Registration, configuration: SmartConfiguration, form: dict[str, str]
    ) -> TokenReply:
        try:
            reply = await self._post(registration, configuration, configuration.token_endpoint, form)
        except EhrUnreachable:
            raise
        except EhrFault as error:
            raise TokenReplyInvalid(error.message, ehr=registration.name) from None
        document = reply.json_object()
        if reply.status != 200 or (document is not None and "error" in document):
            raise _refused(reply, registration.name)
        if document is None:
            raise TokenReplyInvalid("The EHR answered with something else than tokens.", ehr=registration.name)
        try:
            return read_token_reply(document)
        except ReplyInvalid as error:
            text = f"The EHR's token reply is not as it should be: {error}."
            raise TokenReplyInvalid(text, ehr=registration.name) from None

    async def _post(
        self, registration: Registration, configuration: SmartConfiguration, endpoint: str, form: dict[str, str]
    ) -> Reply:
        """Whatever the endpoint, our assertion is for the token endpoint: the one audience that SMART names."""
        known = credentials(
            registration,
            self._keys,
            self._secrets,
            token_endpoint=configuration.token_endpoint,
            now=self._clock(),
        )
        return await exchange(
            self._clients.of(registration),
            "POST",
            endpoint,
            ehr=registration.name,
            form={**form, **known.form},
            headers=known.headers,
            time_limit=PATIENT_LIMIT,
        )


def _refused(reply: Reply, ehr: str) -> LaunchError:
    document = reply.json_object() or {}
    code = document.get("error")
    if code == "access_denied":
        return refusal(code, ehr=ehr)
    if code == "invalid_grant":
        return TokenRefused(_SPENT, ehr=ehr, oauth_code=code)
    if isinstance(code, str) and code in _NOT_AGREED:
        return AuthorizationRefused(_NOT_AGREED[code], ehr=ehr, oauth_code=code)
    if reply.status >= 500:
        return EhrUnreachable(f"The EHR could not give access now (HTTP {reply.status}).", ehr=ehr)
    return TokenRefused(f"The EHR refused to give access (HTTP {reply.status}).", ehr=ehr)
