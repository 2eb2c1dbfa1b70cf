"""The authorization request and its callback (SMART App Launch 2.2, section 2.0.9; RFC 7636; RFC 9207). No I/O.

The state is tied to the EHR of the callback's path, to one browser by a cookie of its own, to ten minutes and to
one use. All of that is checked before the code leaves for the token endpoint.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from launch.context import PendingLaunch, SignsIn
from launch.discovery import SmartConfiguration
from launch.errors import (
    AuthorizationRefused,
    CallbackInvalid,
    ConsentRefused,
    CookieRefused,
    EhrUnreachable,
    LaunchError,
    LaunchInterrupted,
)
from launch.registry import Registration
from launch.scopes import Scopes

START_LIMIT = timedelta(minutes=10)
LONGEST_BY_ADDRESS = 2000  # characters; gateways and old browsers cut or refuse longer ones
_IDENTITY = ("openid", "fhirUser")  # without them nobody may write: they are asked for, listed or not
_VISIBLE = re.compile(r"[\x20-\x7e]{1,4096}\Z")

_REFUSALS = {
    "invalid_scope": "The EHR does not grant the permissions (scopes) that the app is registered to ask for.",
    "unauthorized_client": "The EHR does not allow the app to be started this way.",
    "unsupported_response_type": "The EHR does not allow the app to be started this way.",
    "invalid_request": "The EHR did not accept the app's request; the redirect address may not be registered.",
    "invalid_client": "The EHR does not know the app.",
    "login_required": "The EHR wants its user to sign in first.",
    "interaction_required": "The EHR wants an answer from its user first.",
}
_PASSING = {
    "server_error": "The EHR had an internal error.",
    "temporarily_unavailable": "The EHR is busy or under maintenance.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A launch to keep, what the browser asks of the EHR, and what only that browser may know."""

    pending: PendingLaunch
    endpoint: str
    asked: Mapping[str, str] = field(repr=False)
    browser_secret: str = field(repr=False)
    may_post: bool = False  # the EHR advertises authorize-post

    @property
    def url(self) -> str:
        """The request as an address to redirect to."""
        return f"{self.endpoint}{'&' if '?' in self.endpoint else '?'}{urlencode(self.asked)}"

    @property
    def by_form(self) -> bool:
        """Whether it goes as a form: what SMART App Launch 2.2 prefers where a long scope list makes it long."""
        return self.may_post and len(self.url) > LONGEST_BY_ADDRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """The parameters of a callback as they came; all of them are to be doubted."""

    state: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    iss: str | None = None


def digest(secret: str) -> str:
    """SHA-256 in hex: what is kept of a state or of a cookie."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ehr_launch_request(
    registration: Registration,
    configuration: SmartConfiguration,
    *,
    iss: str,
    launch: str,
    redirect_uri: str,
    now: datetime,
) -> AuthorizationRequest:
    """For a launch from the chart: `iss` and `launch` go back to the EHR to the letter."""
    return _request(registration, configuration, iss=iss, launch=launch, redirect_uri=redirect_uri, now=now)


def standalone_request(
    registration: Registration,
    configuration: SmartConfiguration,
    *,
    iss: str,
    redirect_uri: str,
    now: datetime,
) -> AuthorizationRequest:
    """For a launch from our own page: the EHR is asked to let its user pick the patient."""
    return _request(registration, configuration, iss=iss, launch=None, redirect_uri=redirect_uri, now=now)


def sign_in_request(
    registration: Registration,
    configuration: SmartConfiguration,
    *,
    signs_in: SignsIn,
    by_prompt: bool,
    redirect_uri: str,
    now: datetime,
) -> AuthorizationRequest:
    """For the user of an open launch to sign in once more: OpenID Connect Core 1.0, 3.1.2.1, and no access to data.

    `by_prompt`: the EHR announces prompt=login. SMART App Launch 2.2 forbids what is not announced.
    """
    pending, state, browser_secret = _pending(
        registration, iss=registration.issuer, redirect_uri=redirect_uri, now=now, standalone=True
    )
    pending = replace(pending, signs_in=signs_in)
    asked = _asked(registration, pending, state=state, scope=" ".join(_IDENTITY)) | {"max_age": "0"}
    return AuthorizationRequest(
        pending=pending,
        endpoint=configuration.authorization_endpoint,
        asked=asked | ({"prompt": "login"} if by_prompt else {}),
        browser_secret=browser_secret,
    )


def launch_scopes(registration: Registration, *, standalone: bool, supported: Iterable[str] = ()) -> Scopes:
    """The registered scopes with the launch scope that fits: `launch`, or `launch/patient`.

    `supported` is the EHR's own list, which counts where the registration says `ask_only_supported`.
    """
    scopes = _supported(registration.scopes, supported) if registration.ask_only_supported else registration.scopes
    kept = (word for word in scopes.others if word not in {"launch", "launch/patient"})
    return replace(scopes, others=("launch/patient" if standalone else "launch", *dict.fromkeys(kept)))


def _supported(scopes: Scopes, supported: Iterable[str]) -> Scopes:
    """What both name. A list with nothing of ours does not count: some EHRs list but a few basic scopes."""
    listed = Scopes.parse(" ".join(supported))
    both = scopes.narrow(listed)
    if not both.permissions:
        return scopes
    return replace(both, others=tuple(word for word in scopes.others if word in listed.others or word in _IDENTITY))


def check_pending(
    pending: PendingLaunch | None, *, ehr: str, browser_secret: str | None, now: datetime
) -> PendingLaunch:
    """The launch this callback may finish. LaunchInterrupted for any other; CookieRefused without a cookie."""
    if pending is None:
        raise LaunchInterrupted(ehr=ehr)
    if pending.ehr != ehr or now >= pending.expires:
        raise LaunchInterrupted(ehr=ehr, launch_id=pending.id)
    if not browser_secret:
        raise CookieRefused(ehr=ehr, launch_id=pending.id)
    if not secrets.compare_digest(digest(browser_secret), pending.browser_digest):
        raise LaunchInterrupted(ehr=ehr, launch_id=pending.id)
    return pending


def check_answer(callback: Callback, *, ehr: str, issuers: Iterable[str], issuer_announced: bool) -> str:
    """The code of a callback whose state was checked. `issuers`: any of them may be named as `iss`."""
    if callback.iss is not None and callback.iss not in issuers:
        raise CallbackInvalid("The answer comes from another EHR than the one that was asked.", ehr=ehr)
    if callback.error is not None:
        raise refusal(callback.error, ehr=ehr)
    if callback.iss is None and issuer_announced:
        raise CallbackInvalid("The answer does not say which EHR it comes from.", ehr=ehr)
    if callback.code is None or not _VISIBLE.match(callback.code):
        raise CallbackInvalid("The EHR's answer holds neither a code nor a reason.", ehr=ehr)
    return callback.code


def refusal(error: str, *, ehr: str, launch_id: str | None = None) -> LaunchError:
    """An OAuth error in our own words; the EHR's description is not shown, since anyone may have written it."""
    if error == "access_denied":
        return ConsentRefused(ehr=ehr, launch_id=launch_id)
    if error in _PASSING:
        return EhrUnreachable(_PASSING[error], ehr=ehr, launch_id=launch_id, oauth_code=error)
    known = error if error in _REFUSALS else None
    text = _REFUSALS.get(error, "The EHR refused to start the app and gave no reason the app knows.")
    return AuthorizationRefused(text, ehr=ehr, launch_id=launch_id, oauth_code=known)


def _request(
    registration: Registration,
    configuration: SmartConfiguration,
    *,
    iss: str,
    launch: str | None,
    redirect_uri: str,
    now: datetime,
) -> AuthorizationRequest:
    """`launch` is None for a launch from our own page."""
    standalone = launch is None
    pending, state, browser_secret = _pending(
        registration, iss=iss, redirect_uri=redirect_uri, now=now, standalone=standalone
    )
    pending = replace(pending, launch=launch)
    scope = launch_scopes(registration, standalone=standalone, supported=configuration.scopes_supported)
    asked = _asked(registration, pending, state=state, scope=scope.as_text(registration.scope_version))
    return AuthorizationRequest(
        pending=pending,
        endpoint=configuration.authorization_endpoint,
        asked=asked,
        browser_secret=browser_secret,
        may_post=registration.authorize_post and "authorize-post" in configuration.capabilities,
    )


def _pending(
    registration: Registration, *, iss: str, redirect_uri: str, now: datetime, standalone: bool
) -> tuple[PendingLaunch, str, str]:
    """What is kept of a request, its state, and what only the browser may know."""
    state, browser_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    pending = PendingLaunch(
        id=secrets.token_urlsafe(16),
        ehr=registration.name,
        iss=iss,
        state_digest=digest(state),
        browser_digest=digest(browser_secret),
        verifier=secrets.token_urlsafe(64),
        nonce=secrets.token_urlsafe(32),
        redirect_uri=redirect_uri,
        created=now,
        expires=now + START_LIMIT,
        standalone=standalone,
    )
    return pending, state, browser_secret


def _asked(registration: Registration, pending: PendingLaunch, *, state: str, scope: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": registration.client_id,
        "redirect_uri": pending.redirect_uri,
        "scope": scope,
        "state": state,
        "aud": pending.iss,
        "code_challenge": create_s256_code_challenge(pending.verifier),  # type: ignore[no-untyped-call]  # Authlib
        "code_challenge_method": "S256",
    }
    if pending.launch is not None:
        asked["launch"] = pending.launch
    if "openid" in scope.split():
        asked["nonce"] = pending.nonce
    return asked
