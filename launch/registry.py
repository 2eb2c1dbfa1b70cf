"""EHR registrations, read from TOML: who we are at which EHR, and which addresses may be used there.

One table for each EHR, `[ehr.NAME]`. The issuers in it are the allow-list of SMART App Launch 2.2, section 2.0.7:
nothing is resolved or fetched for an `iss` that is not in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

from launch.addresses import (
    AddressRefused,
    canonical_base,
    check_transport,
    parse_address,
    shown,
)
from launch.errors import RegistrationInvalid, UnknownIssuer
from launch.scopes import Scopes, ScopeVersion

ClientAuth = Literal["private_key_jwt", "client_secret_basic", "public"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_REFERENCE = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}\Z")
_USER = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")
_AUTHS = ("private_key_jwt", "client_secret_basic", "public")
_ALGORITHMS = ("ES384", "RS384")
_VERSIONS = ("v2", "v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What was agreed with one EHR. Secrets stay in their file."""

    name: str
    issuer: str  # FHIR base, canonical: no trailing slash
    client_id: str
    auth: ClientAuth
    algorithm: str = "ES384"
    secret_file: Path | None = None
    scopes: Scopes
    scope_version: ScopeVersion = "v2"
    smart_v1: bool = False  # the EHR's metadata may lack S256 and capabilities; S256 is sent all the same
    origins: frozenset[str]  # the only ones for authorize, token, revocation and key addresses
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    revocation_endpoint: str | None = None
    jwks_uri: str | None = None
    id_token_issuer: str | None = None  # None: what the metadata names, or the FHIR base
    frame_ancestors: tuple[str, ...] = ()
    organization: str | None = None
    tenant: str
    roles: Mapping[str, str] = field(default_factory=dict)  # "system|code" of a PractitionerRole -> role word
    users: Mapping[str, str] = field(default_factory=dict)  # "Practitioner/12" -> role word; goes before `roles`
    write: bool = True  # False: this EHR is read only, whatever it grants
    authorize_post: bool = True  # False: the browser is always redirected, also where authorize-post is advertised
    requests_per_minute: int | None = None  # what the EHR allows, /authorize and /token counted; None: no limit known
    private_network: bool = False  # True: the EHR's hosts have addresses of a private network
    allow_loopback_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All registrations, found by name or by the `iss` of a launch."""

    by_name: Mapping[str, Registration]

    def find(self, iss: str | None) -> Registration:
        """The registration of a launch's iss; UnknownIssuer for any other text. Looks nothing up outside."""
        try:
            issuer = canonical_base(iss or "")
        except AddressRefused:
            issuer = ""
        for registration in self.by_name.values():
            if registration.issuer == issuer:
                return registration
        raise UnknownIssuer(shown(iss) if iss else "(none was sent)")

    def named(self, name: str) -> Registration:
        """The registration of this name; UnknownIssuer when there is none."""
        if name in self.by_name:
            return self.by_name[name]
        raise UnknownIssuer("(none: no EHR of this name)")


def load_registry(path: Path, *, allow_loopback_http: bool = False) -> Registry:
    """Read a registration file; secret files are sought beside it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistrationInvalid(f"{path.name} cannot be read: {error}") from None
    return read_registry(document, folder=path.parent, allow_loopback_http=allow_loopback_http)


def read_registry(document: Mapping[str, Any], *, folder: Path, allow_loopback_http: bool = False) -> Registry:
    """Check every table of a parsed registration file."""
    tables = document.get("ehr")
    if not isinstance(tables, dict) or not tables:
        raise RegistrationInvalid("there is no table [ehr.NAME]")
    found = {name: _Table(name, table, folder, allow_loopback_http).read() for name, table in tables.items()}
    issuers: dict[str, str] = {}
    for name, registration in found.items():
        if registration.issuer in issuers:
            raise RegistrationInvalid(f"[ehr.{name}] issuer: {issuers[registration.issuer]} has the same")
        issuers[registration.issuer] = name
    return Registry(by_name=found)


class _Table:
    """One table being read; every complaint names the table and the key."""

    def __init__(self, name: str, table: object, folder: Path, allow_loopback_http: bool) -> None:
        self.name = name
        if not _NAME.match(name):
            raise RegistrationInvalid(f"[ehr.{name}]: names have lower-case letters, digits and hyphens")
        if not isinstance(table, dict):
            raise RegistrationInvalid(f"[ehr.{name}] is not a table")
        self.left = dict(table)
        self.folder = folder
        self.allow_loopback_http = allow_loopback_http

    def read(self) -> Registration:
        issuer = self.address("issuer", canonical_base) or self.refuse("issuer", "is missing")
        own = parse_address(issuer).origin
        auth = self.choice("auth", _AUTHS) or self.refuse("auth", "is missing")
        registration = Registration(
            name=self.name,
            issuer=issuer,
            client_id=self.text("client_id") or self.refuse("client_id", "is missing"),
            auth=auth,  # type: ignore[arg-type]  # one of _AUTHS, which choice() checked
            algorithm=self.choice("algorithm", _ALGORITHMS) or "ES384",
            secret_file=self.secret_file(auth),
            scopes=self.scopes(),
            scope_version=self.choice("scope_version", _VERSIONS) or "v2",  # type: ignore[arg-type]  # as above
            smart_v1=self.flag("smart_v1", default=False),
            origins=frozenset(self.origins("hosts") or (own,)),
            authorization_endpoint=self.endpoint("authorization_endpoint"),
            token_endpoint=self.endpoint("token_endpoint"),
            revocation_endpoint=self.endpoint("revocation_endpoint"),
            jwks_uri=self.endpoint("jwks_uri"),
            id_token_issuer=self.endpoint("id_token_issuer"),
            frame_ancestors=self.origins("frame_ancestors") or (own,),
            organization=self.organization(),
            tenant=self.text("tenant") or self.name,
            roles=self.roles(),
            users=self.users(),
            write=self.flag("write", default=True),
            authorize_post=self.flag("authorize_post", default=True),
            requests_per_minute=self.number("requests_per_minute", least=10, most=100_000),
            private_network=self.flag("private_network", default=False),
            allow_loopback_http=self.allow_loopback_http,
        )
        for key in self.left:
            self.refuse(key, "is not a key the app knows")
        return self.pinned(registration)

    def refuse(self, key: str, complaint: str) -> NoReturn:
        raise RegistrationInvalid(f"[ehr.{self.name}] {key} {complaint}", ehr=self.name)

    def text(self, key: str) -> str | None:
        value = self.left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, str) or not value or not value.isprintable() or value != value.strip():
            self.refuse(key, "is not a plain text")
        return value

    def choice(self, key: str, words: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value is not None and value not in words:
            self.refuse(key, f"is none of {', '.join(words)}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.left.pop(key, default)
        return value if isinstance(value, bool) else self.refuse(key, "is neither true nor false")

    def number(self, key: str, *, least: int, most: int) -> int | None:
        value = self.left.pop(key, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(key, f"is not a whole number from {least} to {most}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(key, "is not a list of texts")
        return tuple(value)

    def address(self, key: str, reader: Callable[[str], str]) -> str | None:
        value = self.text(key)
        return None if value is None else self.checked(key, value, reader)

    def checked(self, key: str, value: str, reader: Callable[[str], str]) -> str:
        try:
            check_transport(parse_address(value), allow_loopback_http=self.allow_loopback_http)
            return reader(value)
        except AddressRefused as error:
            self.refuse(key, f"cannot be used: {error}")

    def endpoint(self, key: str) -> str | None:
        return self.address(key, str)

    def origins(self, key: str) -> tuple[str, ...]:
        return tuple(self.checked(key, value, _origin) for value in self.texts(key))

    def scopes(self) -> Scopes:
        words = self.texts("scopes")
        if not words:
            self.refuse("scopes", "is missing or empty")
        try:
            return Scopes.parse_strictly(" ".join(words))
        except ValueError as error:
            self.refuse("scopes", f"cannot be used: {error}")

    def secret_file(self, auth: str) -> Path | None:
        name = self.text("secret_file")
        if (name is not None) != (auth == "client_secret_basic"):
            self.refuse("secret_file", "goes with auth client_secret_basic, and only with it")
        if name is None:
            return None
        path = self.folder / name
        if not path.is_file():
            self.refuse("secret_file", "is not there")
        return path

    def organization(self) -> str | None:
        value = self.text("organization")
        if value is not None and not _REFERENCE.match(value):
            self.refuse("organization", "is not a reference such as Organization/12")
        return value

    def roles(self) -> Mapping[str, str]:
        return self.words_by("roles", re.compile(r"[^|\s]+\|[^|\s]+"), "system|code")

    def users(self) -> Mapping[str, str]:
        return self.words_by("users", _USER, "a reference such as Practitioner/12")

    def words_by(self, key: str, pattern: re.Pattern[str], form: str) -> Mapping[str, str]:
        value = self.left.pop(key, {})
        if not isinstance(value, dict) or not all(isinstance(word, str) and word for word in value.values()):
            self.refuse(key, "is not a table of texts")
        for name in value:
            if not pattern.fullmatch(name):
                self.refuse(key, f"has a key that is not {form}")
        return dict(value)

    def pinned(self, registration: Registration) -> Registration:
        for key in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri"):
            address = getattr(registration, key)
            if address and parse_address(address).origin not in registration.origins:
                self.refuse(key, "is on a host that `hosts` does not list")
        return registration


def _origin(text: str) -> str:
    address = parse_address(text)
    if address.path or address.has_query:
        raise AddressRefused("only scheme, host and port are wanted")
    return address.origin
