"""What kind of network an IP address is in, so that a host name cannot lead the app where no EHR is.

Sources: the IANA special-purpose address registries (RFC 6890, RFC 8190). For IPv6 only what is allotted as global
unicast counts as public, for IPv4 all that no registry sets apart. Python's own `is_global` calls multicast, 6to4 and
NAT64 addresses global and changes between releases, so it is not asked.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_Network = IPv4Network | IPv6Network


class Reach(StrEnum):
    """Where an address leads. The values go into sentences."""

    PUBLIC = "the internet"
    PRIVATE = "a private network"
    LOOPBACK = "the app's own machine"
    NOWHERE = "a place where no EHR can be"  # link-local, multicast, metadata of clouds, IPv4 in disguise, reserved


def reach_of(text: str) -> Reach:
    """The reach of a numeric address; NOWHERE for a text that is none."""
    if not is_numeric(text):
        return Reach.NOWHERE
    address = ip_address(text)
    if _within(address, _LOOPBACK):
        return Reach.LOOPBACK
    if _within(address, _METADATA):
        return Reach.NOWHERE
    if _within(address, _PRIVATE):
        return Reach.PRIVATE
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return Reach.NOWHERE
    return Reach.NOWHERE if _within(address, _SET_APART) else Reach.PUBLIC


def is_numeric(text: str) -> bool:
    """Whether a host is an address already, in its usual form."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _within(address: IPv4Address | IPv6Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ip_network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_PRIVATE = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
# Services of clouds that answer any program on the machine, at addresses that are not link-local.
_METADATA = _networks("168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::/32")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SET_APART = _networks(
    "0.0.0.0/8",  # this network
    "100.64.0.0/10",  # carriers' shared addresses, and the metadata of one cloud
    "169.254.0.0/16",  # link-local: the metadata of most clouds
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    "2001::/23",  # protocol assignments: Teredo, ORCHID and others
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: any IPv4 address in disguise
    "3fff::/20",  # documentation
)
