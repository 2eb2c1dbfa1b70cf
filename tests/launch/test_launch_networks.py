"""Every family of addresses is told apart, also those that hide an IPv4 address in an IPv6 one."""

from __future__ import annotations

import pytest

from launch.networks import Reach, reach_of

PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.0.1", "100.128.0.1",
          "2606:2800:220:1:248:1893:25c8:1946", "2620:4f:8000::1", "2a00::1"]  # fmt: skip
PRIVATE = ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd00::1",
           "fdff:ffff::1"]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.0.0.0", "127.255.255.255", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1"]
NOWHERE = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],  # noqa: S104
    "link-local": ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%2", "febf::1"],
    "metadata of clouds": ["fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200", "192.0.0.192"],
    "CGNAT": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.1", "198.18.0.1", "198.19.255.255", "4000::1", "5f00::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:93.184.216.34", "::ffff:10.0.0.1"],
    "IPv4-compatible": ["::127.0.0.1", "::7f00:1", "::93.184.216.34"],
    "IPv4-translated": ["::ffff:0:127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::93.184.216.34", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::1", "2002:5db8:d822::1", "192.88.99.1"],
    "Teredo": ["2001:0:7f00:1::1", "2001::1"],
    "site-local": ["fec0::1", "feff::1"],
    "ORCHID and other protocols": ["2001:10::1", "2001:20::1", "2001:1ff:ffff::1"],
    "discard": ["100::1"],
    "no address": ["", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]", "127.0.0.1:80"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "address"),
    [
        *((Reach.PUBLIC, one) for one in PUBLIC),
        *((Reach.PRIVATE, one) for one in PRIVATE),
        *((Reach.LOOPBACK, one) for one in LOOPBACK),
        *((Reach.NOWHERE, one) for family in NOWHERE.values() for one in family),
    ],
)
def test_each_address_has_its_reach(reach: Reach, address: str) -> None:
    assert reach_of(address) is reach
