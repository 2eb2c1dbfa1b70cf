"""Ways out to an EHR for tests and benchmarks: the real transport, with a registration made for the purpose."""

from __future__ import annotations

from typing import Any

import httpx

from launch.pacing import Share
from launch.registry import Registration
from launch.scopes import Scopes
from launch.transport import Transports


def somewhere(**changes: Any) -> Registration:
    """A registration of which only the network part matters."""
    usual: dict[str, Any] = {
        "name": "demo",
        "issuer": "https://ehr.example.org/fhir",
        "client_id": "kp-client",
        "auth": "public",
        "scopes": Scopes(),
        "origins": frozenset({"https://ehr.example.org"}),
        "tenant": "demo",
    }
    return Registration(**(usual | changes))


def a_way_out(*, loopback: bool = False) -> httpx.AsyncBaseTransport:
    """To public addresses (which respx intercepts), or to a server of the test on this machine too."""
    return Transports().to(somewhere(allow_loopback_http=loopback), Share.READING)
