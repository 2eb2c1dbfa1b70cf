"""Web addresses compared part by part, never by how their text begins (RFC 3986, section 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

LONGEST = 2048
LONGEST_UNDER_BASE = 16 * 1024  # of an address that an EHR makes itself: a page's state may stand in its query
_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # urllib drops some of these silently, so look before it does
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HIDDEN_STEP = re.compile(r"%2f|%5c|%00", re.IGNORECASE)


class AddressRefused(ValueError):
    """The text is no plain http(s) address. The message never repeats the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An absolute http(s) address in parts; `path` has no trailing slash."""

    scheme: str
    host: str
    port: int
    path: str
    has_query: bool

    @property
    def origin(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in _LOOPBACK


def parse_address(text: str, *, longest: int = LONGEST) -> Address:
    """Read an absolute address; userinfo, fragments, backslashes, dot segments and the like are refused."""
    if len(text) > longest:
        raise AddressRefused("the address is too long")
    head, question, _query = text.partition("?")
    if not _PRINTABLE.match(head) or "\\" in head:
        raise AddressRefused("the address holds characters that no address has")
    if "#" in text:
        raise AddressRefused("the address has a fragment")
    scheme, separator, rest = head.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        raise AddressRefused("the address is not http or https")
    authority, _, path = rest.partition("/")
    host, port = _host_and_port(authority, scheme.lower())
    _check_path(path)
    path = "/" + path.removesuffix("/") if path.removesuffix("/") else ""
    return Address(scheme=scheme.lower(), host=host, port=port, path=path, has_query=bool(question))


def canonical_base(text: str) -> str:
    """A FHIR base to compare and to keep: lower-case host, no default port, no trailing slash, no query."""
    address = parse_address(text)
    if address.has_query:
        raise AddressRefused("the address has a query")
    if "//" in address.path:
        raise AddressRefused("the address has an empty path segment")
    return address.origin + address.path


def check_transport(address: Address, *, allow_loopback_http: bool) -> None:
    """TLS everywhere; plain http only to this machine, and only where that was allowed."""
    if address.scheme == "https" or (allow_loopback_http and address.is_loopback):
        return
    raise AddressRefused("the address is not https")


def resolve(base: str, url: str) -> str:
    """A relative or absolute reference seen from a FHIR base; the base counts as a folder."""
    if _CONTROL.search(url):
        raise AddressRefused("the address holds control characters")
    try:
        return urljoin(base.rstrip("/") + "/", url)
    except ValueError:
        raise AddressRefused("the address cannot be read") from None


def under_base(base: str, url: str) -> bool:
    """Whether a token for `base` may go to `url`: same scheme, host, port, and a path inside the base."""
    if not url or url != url.strip():
        return False
    try:
        target, home = parse_address(resolve(base, url), longest=LONGEST_UNDER_BASE), parse_address(base)
    except AddressRefused:
        return False
    same_origin = target.origin == home.origin
    return same_origin and (target.path == home.path or target.path.startswith(home.path + "/"))


def shown(text: str) -> str:
    """An address fit for a person's eyes: no userinfo, query or odd characters, and not long."""
    plain = "".join(c for c in text if c.isprintable() and c not in "<>\"'`")
    try:
        parts = urlsplit(plain)
    except ValueError:
        return "(unreadable)"
    if not parts.netloc:
        return "(unreadable)"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        raise AddressRefused("the address names a user")
    host, colon, port = authority.lower(), "", ""
    if not host.endswith("]") and ":" in host:
        host, colon, port = host.rpartition(":")
    if not _HOST.match(host) or (colon and not _PORT.match(port)) or ".." in host:
        raise AddressRefused("the address has no plain host")
    number = int(port) if colon else _DEFAULT_PORTS[scheme]
    if number > 65535:
        raise AddressRefused("the address has no such port")
    return host, number


def _check_path(path: str) -> None:
    if _HIDDEN_STEP.search(path):
        raise AddressRefused("the address hides a slash")
    steps = re.sub(r"%2e", ".", path, flags=re.IGNORECASE).split("/")
    if any(step.split(";")[0] in {".", ".."} for step in steps):
        raise AddressRefused("the address steps up or down")
