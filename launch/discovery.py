"""The EHR's .well-known/smart-configuration, checked against its registration (SMART App Launch 2.2, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from launch.addresses import AddressRefused, check_transport, parse_address, resolve
from launch.errors import DiscoveryFailed, EhrFault, EhrUnreachable, EndpointNotPinned, LaunchError
from launch.exchange import EhrClients, exchange
from launch.registry import Registration
from launch.single_flight import SingleFlight

_CAPABILITY_OF_AUTH = {
    "private_key_jwt": "client-confidential-asymmetric",
    "client_secret_basic": "client-confidential-symmetric",
    "public": "client-public",
}
_ENDPOINTS = {  # and whether the app can do nothing without
    "authorization_endpoint": True,
    "token_endpoint": True,
    "revocation_endpoint": False,
    "jwks_uri": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartConfiguration:
    """What the EHR says of itself, with absolute addresses on pinned hosts."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    issuer: str | None
    jwks_uri: str | None
    capabilities: frozenset[str]
    scopes_supported: frozenset[str]
    names_issuer_on_callback: bool  # RFC 9207 announced
    claims: frozenset[str] = frozenset()  # that an id_token may hold, where this document says so
    prompts: frozenset[str] = frozenset()  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    configuration: SmartConfiguration
    until: datetime


class Discovery:
    """Fetches and keeps smart-configurations; a failure is never kept."""

    def __init__(self, *, clients: EhrClients, clock: Callable[[], datetime]) -> None:
        self._clients = clients
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._flights: SingleFlight[SmartConfiguration] = SingleFlight()

    async def find(self, registration: Registration) -> SmartConfiguration:
        """The EHR's configuration; DiscoveryFailed, EhrUnreachable or EndpointNotPinned when it cannot be used."""
        kept = self._kept.get(registration.name)
        if kept and self._clock() < kept.until:
            return kept.configuration
        return await self._flights.run(registration.name, lambda: self._fetch(registration))

    def forget(self, registration: Registration) -> None:
        """Fetch anew next time: the EHR did not behave as its configuration said."""
        self._kept.pop(registration.name, None)

    async def _fetch(self, registration: Registration) -> SmartConfiguration:
        document, lasting = await self.read(registration)
        configuration = read_configuration(document, registration)
        self._kept[registration.name] = _Kept(configuration=configuration, until=self._clock() + lasting)
        return configuration

    async def read(self, registration: Registration) -> tuple[dict[str, Any], timedelta]:
        """The document as the EHR gives it now, unchecked, and how long it may be kept."""
        url = f"{registration.issuer}/.well-known/smart-configuration"
        try:
            reply = await exchange(self._clients.of(registration), "GET", url, ehr=registration.name)
        except EhrUnreachable:
            raise
        except EhrFault as error:
            raise _failed(registration, error.message) from None
        document = reply.json_object()
        if reply.status != 200 or document is None:
            raise _failed(registration, "The EHR does not say how apps are started there.")
        return document, reply.fresh_for()


def read_configuration(document: dict[str, Any], registration: Registration) -> SmartConfiguration:
    """Check a smart-configuration; endpoints of the registration go before those of the EHR."""
    for fault in faults_of(document, registration):
        raise fault
    endpoints = {key: _endpoint(document, key, registration) for key in _ENDPOINTS}
    return SmartConfiguration(
        authorization_endpoint=endpoints["authorization_endpoint"] or "",
        token_endpoint=endpoints["token_endpoint"] or "",
        revocation_endpoint=endpoints["revocation_endpoint"],
        issuer=_text(document.get("issuer")),
        jwks_uri=endpoints["jwks_uri"],
        capabilities=texts(document.get("capabilities")),
        scopes_supported=texts(document.get("scopes_supported")),
        names_issuer_on_callback=document.get("authorization_response_iss_parameter_supported") is True,
        claims=texts(document.get("claims_supported")),
        prompts=texts(document.get("prompt_values_supported")),
    )


def faults_of(document: dict[str, Any], registration: Registration) -> Iterator[LaunchError]:
    """All that keeps the app from being started by this smart-configuration, the gravest first."""
    if "S256" not in texts(document.get("code_challenge_methods_supported")) and not registration.smart_v1:
        yield _failed(registration, "The EHR does not say that it protects the start of apps (PKCE S256).")
    if not (registration.smart_v1 or _accepts_authentication(document, registration)):
        text = f"The EHR does not accept the registered way of signing in ({registration.auth})."
        yield _failed(registration, text)
    for key, needed in _ENDPOINTS.items():
        try:
            if _endpoint(document, key, registration) is None and needed:
                yield _failed(registration, f"The EHR does not name its {key}.")
        except EndpointNotPinned as fault:
            yield fault


def check_launch_kind(configuration: SmartConfiguration, registration: Registration, *, standalone: bool) -> None:
    """Refuse a way of starting that the EHR does not offer."""
    wanted = "launch-standalone" if standalone else "launch-ehr"
    if registration.smart_v1 or wanted in configuration.capabilities:
        return
    text = "This EHR does not let the app be started on its own." if standalone else None
    raise _failed(registration, text or "This EHR does not offer to start apps from the chart.")


def pinned_endpoint(url: str, registration: Registration) -> str:
    """The address, if it is https and on a host of the registration; EndpointNotPinned otherwise."""
    try:
        address = parse_address(url)
        check_transport(address, allow_loopback_http=registration.allow_loopback_http)
    except AddressRefused:
        raise _not_pinned(registration, "The EHR names an address that cannot be used.") from None
    if address.origin not in registration.origins:
        raise _not_pinned(registration, f"The EHR names a host that is not registered: {address.origin}")
    return url


def _accepts_authentication(document: dict[str, Any], registration: Registration) -> bool:
    said = texts(document.get("capabilities")) | texts(document.get("token_endpoint_auth_methods_supported"))
    known = {_CAPABILITY_OF_AUTH[registration.auth], registration.auth}
    if registration.auth == "public":
        known.add("none")
    return bool(known & said)


def _endpoint(document: dict[str, Any], key: str, registration: Registration) -> str | None:
    agreed: str | None = getattr(registration, key)
    named = agreed or _text(document.get(key))
    if named is None:
        return None
    try:
        return pinned_endpoint(resolve(registration.issuer, named), registration)
    except AddressRefused:
        raise _not_pinned(registration, f"The EHR's {key} cannot be used.") from None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def texts(value: object) -> frozenset[str]:
    """The texts of a JSON list; none where it is anything else."""
    members: Iterable[object] = value if isinstance(value, list) else ()
    return frozenset(member for member in members if isinstance(member, str))


def _failed(registration: Registration, text: str) -> DiscoveryFailed:
    return DiscoveryFailed(text, ehr=registration.name)


def _not_pinned(registration: Registration, text: str) -> EndpointNotPinned:
    return EndpointNotPinned(text, ehr=registration.name)
