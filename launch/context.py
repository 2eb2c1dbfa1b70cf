"""What a launch is: begun (`PendingLaunch`), granted (`LaunchContext`), its tokens, and the port that keeps them.

SMART App Launch 2.2, sections 2.0.11 to 2.0.14 (launch context parameters of the token reply).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SignsIn:
    """The EHR is asked for nothing but that the user of an open launch signs in once more."""

    launch: str  # id of the open launch
    place: str  # of our pages, below the launch's address: where the answer leads


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLaunch:
    """A launch between /launch and /callback. `id` is the opaque handle that later stands in every path."""

    id: str
    ehr: str  # name of the registration
    iss: str  # FHIR base as received; sent back as `aud` to the letter
    state_digest: str  # SHA-256 hex of the state; the state itself is never kept
    browser_digest: str  # SHA-256 hex of the start cookie's value
    verifier: str  # PKCE code_verifier: a secret, sealed by the store
    nonce: str
    redirect_uri: str
    created: datetime
    expires: datetime
    standalone: bool = False  # begun from our own page: the EHR was asked to pick the patient
    launch: str | None = field(default=None, repr=False)  # the EHR's launch value; None: standalone
    own_window: bool = False  # begun again out of the EHR's frame: the EHR is not around the pages
    signs_in: SignsIn | None = None  # None: it is a launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What one address, good for a minute and for one use, opens in another window.

    A new window has no cookies of the frame it came from. With `opened` it takes over the session of that launch;
    without, the launch begins again there from the EHR's `launch` value, or standalone where that is None.
    """

    ehr: str
    iss: str
    launch: str | None = field(default=None, repr=False)
    opened: str | None = None  # id of a granted launch
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """What the EHR's token endpoint granted. All secrets; the store seals them."""

    access_token: str
    refresh_token: str | None
    expires_at: int | None  # seconds since 1970; None: the EHR did not say
    scope: str  # as granted, to the letter
    version: int = 1  # grows with every refresh; the store compares it (optimistic lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirContextItem:
    """One entry of `fhirContext` (2.0.11): a further resource the chart had open, named in one of three ways."""

    reference: str | None = None
    canonical: str | None = None
    identifier: str | None = None  # "system|value"
    type: str | None = None
    role: str = "launch"  # absent means launch


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """A granted launch: whose chart, by whom, at which EHR, with which scopes. A snapshot, never synchronised."""

    id: str
    ehr: str
    fhir_base: str  # the launch's iss, without a trailing slash
    patient: str  # logical id at fhir_base
    encounter: str | None  # None: launched without one (normal for home visits)
    fhir_user: str | None  # absolute URL; None: the EHR named no user, so nothing may be written
    user_name: str | None  # from the id_token's `name`; a display, not an identity
    subject: str | None  # the id_token's `sub`
    token_issuer: str | None  # the id_token's `iss`
    scope: str  # as granted
    need_patient_banner: bool  # False only when the EHR said exactly false and is still around the pages
    intent: str | None
    tenant: str | None
    style_url: str | None
    started: datetime
    expires: datetime  # absolute limit of the session, ours
    standalone: bool = False
    fhir_context: tuple[FhirContextItem, ...] = ()


class LaunchStore(Protocol):
    """Where launches are kept. Synchronous: callers in an event loop use a thread."""

    def keep_pending(self, pending: PendingLaunch) -> None:
        """Keep a begun launch."""
        ...

    def take_pending(self, state_digest: str) -> PendingLaunch | None:
        """Return the launch of this state and forget it, so that a state works once; None: unknown or used."""
        ...

    def complete(self, context: LaunchContext, tokens: TokenSet, session_digest: str) -> None:
        """Keep a granted launch, its tokens and the SHA-256 hex of its session cookie."""
        ...

    def find(self, launch_id: str) -> LaunchContext | None:
        """The granted launch; None: unknown or ended."""
        ...

    def session_matches(self, launch_id: str, session_digest: str) -> bool:
        """Whether this launch belongs to the browser that shows this session cookie."""
        ...

    def tokens(self, launch_id: str) -> TokenSet | None:
        """The newest tokens of a launch; None: unknown or ended."""
        ...

    def replace_tokens(self, launch_id: str, tokens: TokenSet) -> bool:
        """Keep refreshed tokens if the stored version is exactly one lower; False: someone else was first."""
        ...

    def claim_renewal(self, launch_id: str, *, version: int, now: datetime, until: datetime) -> bool:
        """Become the only one, in every process, who refreshes the tokens of this version.

        False: somebody else does until now, or the version is another one. Ends by `replace_tokens`, by
        `leave_renewal`, or at `until`, for whoever claimed it may have died.
        """
        ...

    def leave_renewal(self, launch_id: str, *, version: int) -> None:
        """Let others refresh: nothing came of it."""
        ...

    def keep_handover(self, code_digest: str, handover: Handover) -> None:
        """Keep a hand-over under the SHA-256 hex of its code."""
        ...

    def take_handover(self, code_digest: str) -> Handover | None:
        """Return the hand-over of this code and forget it, so that a code works once; None: unknown or used."""
        ...

    def move_session(self, launch_id: str, session_digest: str) -> bool:
        """Give the launch to the browser that shows this cookie, and to no other any more; False: it has ended.

        From now on the pages show whose chart it is: the EHR, which may have done that, is not around the new window.
        """
        ...

    def keep_sign_in(self, launch_id: str, session_digest: str, *, at: datetime, told: datetime) -> bool:
        """The user of this launch signed in again: known `at`, when the EHR had seen it as `told`; audited.

        It is good in the browser that shows this cookie, until it moves to another window. False: the launch has
        ended, or is another browser's by now.
        """
        ...

    def end(self, launch_id: str) -> None:
        """Forget the tokens and close the launch."""
        ...

    def record_refusal(self, *, ehr: str | None, reason: str, launch_id: str | None) -> str:
        """Leave an audit record of a launch that was refused; the reference number that it bears.

        Of an open launch it is its user's new sign-in that was refused.

        `reason` holds no secret and no patient data.
        """
        ...
