"""The launch from end to end: begun, finished, ended; the one object an app composes, with no web framework in it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import anyio
from anyio.to_thread import run_sync

from launch import cookies
from launch.addresses import canonical_base
from launch.authorization import (
    AuthorizationRequest,
    Callback,
    check_answer,
    check_pending,
    digest,
    ehr_launch_request,
    launch_scopes,
    refusal,
    sign_in_request,
    standalone_request,
)
from launch.client_authentication import ClientSecrets
from launch.context import FhirContextItem, Handover, LaunchContext, LaunchStore, PendingLaunch, SignsIn, TokenSet
from launch.discovery import Discovery, SmartConfiguration, check_launch_kind
from launch.errors import (
    AuthorizationRefused,
    ChartMissing,
    CookieRefused,
    HandoverSpent,
    LaunchEnded,
    LaunchError,
    LaunchInterrupted,
    OtherUser,
    SignInNotOffered,
    SignInUnproven,
)
from launch.exchange import EhrClients
from launch.identity import SKEW, Identity, VerifiedUser, expected_issuer
from launch.keys import SigningKeys
from launch.live_tokens import LiveTokens
from launch.registry import Registration, Registry
from launch.token_reply import TokenReply
from launch.tokens import TokenEndpoint

_ENCOUNTER = re.compile(r"Encounter/((?!\.{1,2}\Z)[A-Za-z0-9\-.]{1,64})")
SESSION_LIMIT = timedelta(hours=12)
HANDOVER_LIMIT = timedelta(seconds=60)
AfterLaunch = Callable[[LaunchContext, TokenSet], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A finished launch and the secret of its session cookie."""

    context: LaunchContext
    session_secret: str = field(repr=False)


class LaunchDesk:
    """Begins, finishes and ends launches. Every error is a LaunchError."""

    def __init__(
        self,
        *,
        registry: Registry,
        keys: SigningKeys,
        secrets: ClientSecrets | None = None,
        store: LaunchStore,
        http: EhrClients,
        clock: Callable[[], datetime],
        public_base: str,
        session_limit: timedelta = SESSION_LIMIT,
    ) -> None:
        self.registry = registry
        self.keys = keys
        self.store = store
        self.discovery = Discovery(clients=http, clock=clock)
        self._clock = clock
        self._public_base = canonical_base(public_base)
        self._session_limit = session_limit
        self._clients = http
        self._endpoint = TokenEndpoint(clients=http, keys=keys, secrets=secrets, clock=clock)
        self._identity = Identity(clients=http, clock=clock)
        self.tokens = LiveTokens(
            registry=registry, discovery=self.discovery, endpoint=self._endpoint, store=store, clock=clock
        )

    def redirect_uri(self, ehr: str) -> str:
        """From the configured public address alone; a Host header cannot bend it."""
        return f"{self._public_base}/callback/{ehr}"

    async def begin(self, iss: str | None, launch: str | None, *, own_window: bool = False) -> AuthorizationRequest:
        """A launch from the chart. `own_window`: begun again outside of the EHR's frame."""
        registration = self.registry.find(iss)
        if not iss or not launch:
            raise ChartMissing(ehr=registration.name)
        configuration = await self.discovery.find(registration)
        check_launch_kind(configuration, registration, standalone=False)
        request = ehr_launch_request(
            registration,
            configuration,
            iss=iss,
            launch=launch,
            redirect_uri=self.redirect_uri(registration.name),
            now=self._clock(),
        )
        return await self._keep(registration, request, own_window=own_window)

    async def begin_standalone(
        self, registration: Registration, iss: str | None = None, *, own_window: bool = False
    ) -> AuthorizationRequest:
        """A launch from our own page or in a window of its own."""
        configuration = await self.discovery.find(registration)
        check_launch_kind(configuration, registration, standalone=True)
        request = standalone_request(
            registration,
            configuration,
            iss=iss or registration.issuer,
            redirect_uri=self.redirect_uri(registration.name),
            now=self._clock(),
        )
        return await self._keep(registration, request, own_window=own_window)

    async def take(self, ehr: str, callback: Callback) -> PendingLaunch | None:
        """The launch of this state, which is used up from now on."""
        self.registry.named(ehr)
        if not callback.state:
            if callback.error:  # some EHRs refuse without the state; the words shown are ours, so no harm
                raise refusal(callback.error, ehr=ehr)
            return None
        return await run_sync(self.store.take_pending, digest(callback.state))

    async def finish(
        self,
        ehr: str,
        callback: Callback,
        taken: PendingLaunch | None,
        *,
        browser_secret: str | None,
        after_launch: AfterLaunch,
    ) -> Opened | AuthorizationRequest:
        """From a callback to an open session, or to a second question; `taken` is what `take` returned.

        Many EHRs take the launch value of a chart once, and a frame that loses its cookie has used it up. The window
        of its own that goes on from there then asks the EHR to let the patient be chosen.
        """
        try:
            pending = check_pending(taken, ehr=ehr, browser_secret=browser_secret, now=self._clock())
        except CookieRefused as refused:
            if taken is not None:
                refused.handover = await self._hand_over(taken.ehr, taken.iss, launch=taken.launch)
            raise
        registration = self.registry.named(ehr)
        configuration = await self.discovery.find(registration)
        try:
            code = check_answer(
                callback,
                ehr=ehr,
                issuers=_callback_issuers(registration, configuration),
                issuer_announced=configuration.names_issuer_on_callback,
            )
        except AuthorizationRefused:
            if pending.launch is None or not pending.own_window:
                raise
            return await self.begin_standalone(registration, pending.iss, own_window=True)
        reply = await self._redeem(registration, configuration, pending, code)
        asked = launch_scopes(registration, standalone=pending.standalone, supported=configuration.scopes_supported)
        tokens = self._endpoint.as_token_set(reply, asked=asked.as_text(registration.scope_version))
        try:
            context = await self._context(registration, configuration, pending, reply, tokens)
            return await self._open(context, tokens, after_launch)
        except Exception:
            await self._endpoint.revoke(registration, configuration, tokens)
            raise

    async def begin_sign_in(self, launch_id: str, place: str) -> AuthorizationRequest:
        """The user of an open launch is to sign in at the EHR once more; `place` is the page they come back to.

        SignInNotOffered where the EHR does not announce that it tells when somebody signed in.
        """
        context = await run_sync(self.store.find, launch_id)
        if context is None:
            raise LaunchEnded(launch_id=launch_id)
        registration = self.registry.named(context.ehr)
        configuration = await self.discovery.find(registration)
        announced = await self._identity.announced(registration, configuration)
        if not announced.tells_when or context.subject is None:
            raise SignInNotOffered(ehr=context.ehr)
        request = sign_in_request(
            registration,
            configuration,
            signs_in=SignsIn(launch=launch_id, place=place),
            by_prompt=announced.prompts_login,
            redirect_uri=self.redirect_uri(registration.name),
            now=self._clock(),
        )
        return await self._keep(registration, request, own_window=False)

    async def finish_sign_in(
        self, ehr: str, callback: Callback, taken: PendingLaunch, *, browser_secret: str | None, shown: str | None
    ) -> SignsIn:
        """Keep that the launch's own user has just signed in; nothing else of the launch changes.

        `shown` comes from `cookies.session_digest` of that launch. The tokens that came along are dropped unread.
        They are not revoked: an EHR may take that for the end of all that this user granted the app.
        """
        pending = check_pending(taken, ehr=ehr, browser_secret=browser_secret, now=self._clock())
        if pending.signs_in is None:
            raise LaunchInterrupted(ehr=ehr)
        try:
            context = await self.session(pending.signs_in.launch, shown)
            user = await self._user_again(ehr, callback, pending)
            if (user.issuer, user.subject) != (context.token_issuer, context.subject):
                raise OtherUser(ehr=ehr)
            told, now = _signed_in_since(pending.created, user, ehr=ehr, now=self._clock()), self._clock()
            if not await run_sync(partial(self.store.keep_sign_in, context.id, shown or "", at=now, told=told)):
                raise LaunchEnded(ehr=ehr, launch_id=context.id)
        except LaunchEnded:
            raise
        except LaunchError as error:
            error.back = f"/l/{pending.signs_in.launch}/{pending.signs_in.place}"
            raise
        return pending.signs_in

    async def _user_again(self, ehr: str, callback: Callback, pending: PendingLaunch) -> VerifiedUser:
        registration = self.registry.named(ehr)
        configuration = await self.discovery.find(registration)
        code = check_answer(
            callback,
            ehr=ehr,
            issuers=_callback_issuers(registration, configuration),
            issuer_announced=configuration.names_issuer_on_callback,
        )
        reply = await self._redeem(registration, configuration, pending, code)
        user = await self._user(registration, configuration, pending, reply)
        if user is None:
            raise SignInUnproven("The EHR did not say who signed in.", ehr=ehr)
        return user

    async def hand_over(self, launch_id: str) -> str:
        """A code that gives the session of an open launch to another window; see `accept`."""
        context = await run_sync(self.store.find, launch_id)
        if context is None:
            raise LaunchEnded(launch_id=launch_id)
        return await self._hand_over(context.ehr, context.fhir_base, opened=context.id)

    async def accept(self, code: str) -> AuthorizationRequest | Opened:
        """Begin again, or go on, in the window that shows this code. HandoverSpent after one use or a minute.

        The state of a launch alone is never trusted: where the frame lost its cookie the whole launch is made again.
        """
        handover = await run_sync(self.store.take_handover, digest(code))
        if handover is None or self._clock() >= handover.expires:
            raise HandoverSpent(ehr=handover.ehr if handover else None)
        if handover.opened is not None:
            return await self._move(handover.opened)
        if handover.launch is None:
            return await self.begin_standalone(self.registry.named(handover.ehr), handover.iss, own_window=True)
        return await self.begin(handover.iss, handover.launch, own_window=True)

    async def _hand_over(self, ehr: str, iss: str, *, launch: str | None = None, opened: str | None = None) -> str:
        code = cookies.new_secret()
        expires = self._clock() + HANDOVER_LIMIT
        handover = Handover(ehr=ehr, iss=iss, launch=launch, opened=opened, expires=expires)
        await run_sync(self.store.keep_handover, digest(code), handover)
        return code

    async def _move(self, launch_id: str) -> Opened:
        context, secret = await run_sync(self.store.find, launch_id), cookies.new_secret()
        if context is None or self._clock() >= context.expires:
            raise LaunchEnded(launch_id=launch_id)
        if not await run_sync(self.store.move_session, launch_id, digest(secret)):
            raise LaunchEnded(ehr=context.ehr, launch_id=launch_id)
        return Opened(context=context, session_secret=secret)

    async def end_launch(self, launch_id: str) -> bool:
        """Forget a launch here, then ask the EHR to revoke its tokens; whether the EHR did."""
        context = await run_sync(self.store.find, launch_id)
        tokens = await run_sync(self.store.tokens, launch_id)
        await run_sync(self.store.end, launch_id)
        if context is None or tokens is None:
            return False
        try:
            registration = self.registry.named(context.ehr)
            configuration = await self.discovery.find(registration)
        except LaunchError:
            return False
        return await self._endpoint.revoke(registration, configuration, tokens)

    async def session(self, launch_id: str, shown: str | None) -> LaunchContext:
        """The launch this browser may see; `shown` comes from `cookies.session_digest`. LaunchEnded otherwise."""
        context = await run_sync(self.store.find, launch_id)
        if context is None or shown is None or self._clock() >= context.expires:
            raise LaunchEnded(launch_id=launch_id)
        if not await run_sync(self.store.session_matches, launch_id, shown):
            raise LaunchEnded(launch_id=launch_id)
        return context

    async def _keep(
        self, registration: Registration, request: AuthorizationRequest, *, own_window: bool
    ) -> AuthorizationRequest:
        request = replace(request, pending=replace(request.pending, own_window=own_window))
        await self._clients.count_one(registration)  # the browser's visit to the authorization endpoint
        await run_sync(self.store.keep_pending, request.pending)
        return request

    async def _redeem(
        self, registration: Registration, configuration: SmartConfiguration, pending: PendingLaunch, code: str
    ) -> TokenReply:
        try:
            return await self._endpoint.redeem(
                registration,
                configuration,
                code=code,
                redirect_uri=pending.redirect_uri,
                verifier=pending.verifier,
            )
        except LaunchError:
            self.discovery.forget(registration)
            raise

    async def _context(
        self,
        registration: Registration,
        configuration: SmartConfiguration,
        pending: PendingLaunch,
        reply: TokenReply,
        tokens: TokenSet,
    ) -> LaunchContext:
        if reply.patient is None:
            raise ChartMissing(ehr=registration.name, launch_id=pending.id)
        user = await self._user(registration, configuration, pending, reply)
        now = self._clock()
        return LaunchContext(
            id=pending.id,
            ehr=registration.name,
            fhir_base=registration.issuer,
            patient=reply.patient,
            encounter=reply.encounter or _encounter_of(reply.fhir_context),
            fhir_user=user.fhir_user if user else None,
            user_name=user.name if user else None,
            subject=user.subject if user else None,
            token_issuer=user.issuer if user else None,
            scope=tokens.scope,
            need_patient_banner=reply.need_patient_banner or pending.own_window,
            intent=reply.intent,
            tenant=reply.tenant,
            style_url=reply.style_url,
            started=now,
            expires=now + self._session_limit,
            standalone=pending.standalone,
            fhir_context=reply.fhir_context,
        )

    async def _user(
        self,
        registration: Registration,
        configuration: SmartConfiguration,
        pending: PendingLaunch,
        reply: TokenReply,
    ) -> VerifiedUser | None:
        """None when the EHR sent no id_token: the app then only reads."""
        if reply.id_token is None:
            return None
        return await self._identity.verify(
            reply.id_token,
            registration=registration,
            configuration=configuration,
            fhir_base=registration.issuer,
            nonce=pending.nonce,
        )

    async def _open(self, context: LaunchContext, tokens: TokenSet, after_launch: AfterLaunch) -> Opened:
        secret = cookies.new_secret()
        await run_sync(self.store.complete, context, tokens, digest(secret))
        try:
            await after_launch(context, tokens)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await run_sync(self.store.end, context.id)
            raise
        return Opened(context=context, session_secret=secret)


def _signed_in_since(asked: datetime, user: VerifiedUser, *, ehr: str, now: datetime) -> datetime:
    """When the EHR says that this user signed in, if that was after we had asked; the clocks may differ by SKEW."""
    skew = timedelta(seconds=SKEW)
    if user.signed_in is None:
        raise SignInUnproven("The EHR did not say when its user signed in.", ehr=ehr)
    if not asked - skew <= user.signed_in <= now + skew:
        raise SignInUnproven("The EHR did not ask its user to sign in again.", ehr=ehr)
    return user.signed_in


def _encounter_of(items: Iterable[FhirContextItem]) -> str | None:
    """The encounter that the chart had open, where the EHR tells it in `fhirContext` alone; None: none, or several.

    The absent role means that the launch is about it (SMART App Launch 2.2, 2.0.11).
    """
    references = [item.reference or "" for item in items if item.role == "launch"]
    found = {match[1] for match in map(_ENCOUNTER.fullmatch, references) if match}
    return found.pop() if len(found) == 1 else None


def _callback_issuers(registration: Registration, configuration: SmartConfiguration) -> frozenset[str]:
    """Issuers that may stand as `iss` on the callback: what the EHR calls itself, else what we know it by."""
    if configuration.issuer:
        return frozenset({configuration.issuer, expected_issuer(registration, configuration)})
    return frozenset({expected_issuer(registration, configuration), registration.issuer})
