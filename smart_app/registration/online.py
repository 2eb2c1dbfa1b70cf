"""Whether a registration fits what its EHR says of itself: its public documents, asked without secret or token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from launch.discovery import Discovery, SmartConfiguration, check_launch_kind, faults_of, read_configuration
from launch.errors import EndpointNotPinned, LaunchError
from launch.exchange import EhrClients
from launch.identity import Identity
from launch.registry import Registration
from launch.scopes import Scopes
from smart_app.ehr.metadata import Statement
from smart_app.registration.advice import needs_of
from smart_app.use_cases.errors import EhrError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`stops`: what keeps the app from being started there. `misses`: what will not work once it is."""

    stops: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it in a line."""
        if self.stops:
            return f"The app cannot be started here. {' '.join((*self.stops, *self.misses))}"
        if self.misses:
            return f"The app can be started here, but not all of it works. {' '.join(self.misses)}"
        return "The app can be started here, and the EHR takes all that it writes."


async def fit_of(
    registration: Registration,
    *,
    clients: EhrClients,
    clock: Callable[[], datetime],
    statement: Callable[[], Awaitable[Statement]],
    sign_in_again: bool = False,
) -> Fit:
    """Ask the EHR for its smart-configuration, its keys and its CapabilityStatement, and compare.

    `sign_in_again`: the site asks whoever signs for it, so the EHR has to announce that it tells of it.
    """
    try:
        document, _ = await Discovery(clients=clients, clock=clock).read(registration)
    except LaunchError as error:
        return Fit(stops=(error.message,))
    stops = list(dict.fromkeys(_stops(document, registration)))
    misses: list[str] = []
    if not stops:
        configuration = read_configuration(document, registration)
        identity = Identity(clients=clients, clock=clock)
        stops += await _keys(registration, configuration, identity)
        misses += _scopes(registration, configuration)
        if sign_in_again:
            misses += await _sign_in(registration, configuration, identity)
    try:
        misses += _statement(registration, await statement())
    except EhrError as error:
        misses.append(f"It did not give its /metadata, which was asked for without a sign-in: {error.words}.")
    return Fit(stops=tuple(stops), misses=tuple(misses))


def _stops(document: dict[str, Any], registration: Registration) -> Iterator[str]:
    unfit = False
    for fault in faults_of(document, registration):
        unfit = True
        advice = " List it in `hosts` if it is the EHR's." if isinstance(fault, EndpointNotPinned) else ""
        yield fault.message + advice
    if unfit:
        return
    try:
        check_launch_kind(read_configuration(document, registration), registration, standalone=False)
    except LaunchError as error:
        yield error.message


async def _keys(registration: Registration, configuration: SmartConfiguration, identity: Identity) -> list[str]:
    if "openid" not in registration.scopes.others:
        return []  # the EHR is not asked who the user is
    try:
        if await identity.count_keys(registration, configuration):
            return []
    except LaunchError as error:
        return [f"{error.message} Every launch would fail at its end: look at id_token_issuer, jwks_uri and hosts."]
    return ["The EHR publishes no key to check who the user is, so every launch would fail at its end."]


async def _sign_in(registration: Registration, configuration: SmartConfiguration, identity: Identity) -> list[str]:
    try:
        if (await identity.announced(registration, configuration)).tells_when:
            return []
    except LaunchError as error:
        return [f"Whether its users can sign in again to sign is not known: {error.message}"]
    words = "Nothing can be signed: its claims_supported lacks auth_time, and the site sets sign_in_again."
    return [words]


def _scopes(registration: Registration, configuration: SmartConfiguration) -> Iterator[str]:
    """Only a list that names clinical scopes says what is not supported; some EHRs list but a few basic ones."""
    other = {"v2": "v1", "v1": "v2"}[registration.scope_version]
    said = configuration.capabilities
    if f"permission-{other}" in said and f"permission-{registration.scope_version}" not in said:
        yield f'It knows scopes of the other version only: say scope_version = "{other}".'
    supported = Scopes.parse(" ".join(configuration.scopes_supported))
    words = registration.scopes.difference(supported).as_text(registration.scope_version).split()
    if not (words and supported.permissions):
        return
    listed = f"Its scopes_supported lacks {', '.join(words)}"
    if registration.ask_only_supported:
        yield f"{listed}, so that is not asked for."
    else:
        yield f"{listed}. An EHR that refuses a launch over that needs ask_only_supported = true."


def _statement(registration: Registration, statement: Statement) -> Iterator[str]:
    version, offer = statement.fhir_version, statement.offer
    if version is None or not version.startswith("4.0."):
        yield f"It speaks FHIR {version or 'of a version it does not name'}; the app needs 4.0."
    needs = needs_of(registration)
    unread = [need.resource_type for need in needs if need.purpose == "screening"]
    unread = [kind for kind in dict.fromkeys(unread) if kind not in offer.readable]
    if unread:
        yield f"It does not let {_listed(unread)} be read."
    written = [need.resource_type for need in needs if need.purpose == "sessions"]
    refused = [kind for kind in written if kind not in offer.creatable]
    if refused:
        taken = [kind for kind in written if kind in offer.creatable]
        yield f"It does not let {_listed(refused)} be created{f', but {_listed(taken)}' if taken else ''}."
    if written and not offer.transaction:
        yield "It takes no transactions, so sessions are kept here and not written there."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
