"""EHR registrations, read from TOML: who we are at which EHR, and which addresses may be used there.

One table for each EHR, `[ehr.NAME]`. The issuers in it are the allow-list of SMART App Launch 2.2, section 2.0.7:
nothing is resolved or fetched for an `iss` that is not in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from launch.addresses import (
    AddressRefused,
    canonical_base,
    check_transport,
    parse_address,
    shown,
)
from launch.errors import RegistrationInvalid, UnknownIssuer
from launch.registration_keys import KEYS
from launch.scopes import Scopes, ScopeVersion
from launch.toml_table import TomlTable, plain

ClientAuth = Literal["private_key_jwt", "client_secret_basic", "public"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_REFERENCE = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}\Z")
_CODE = re.compile(r"[^|\s]+\|[^|\s]+")
_USER = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")
_LAUNCH_SCOPE = re.compile(r"launch/[a-z]+(\?role=[^?&=]+)?")
_AUTHS = ("private_key_jwt", "client_secret_basic", "public")
_ALGORITHMS = ("ES384", "RS384")
_VERSIONS = ("v2", "v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What was agreed with one EHR. Keys and secrets are kept elsewhere."""

    name: str
    issuer: str  # FHIR base, canonical: no trailing slash
    client_id: str
    auth: ClientAuth
    algorithm: str = "ES384"
    scopes: Scopes
    scope_version: ScopeVersion = "v2"
    ask_only_supported: bool = False  # leave out what the EHR's scopes_supported lacks
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


def load_registry(
    path: Path, *, allow_loopback_http: bool = False, role_words: Collection[str] | None = None
) -> Registry:
    """Read a registration file. RegistrationInvalid holds every problem.

    `role_words`: what `roles` and `users` may say; None: any word.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RegistrationInvalid(f"{path.name} cannot be read: {error}") from None
    return read_registry(document, allow_loopback_http=allow_loopback_http, role_words=role_words)


def read_registry(
    document: Mapping[str, Any],
    *,
    allow_loopback_http: bool = False,
    role_words: Collection[str] | None = None,
) -> Registry:
    """Check every table of a parsed registration file. RegistrationInvalid holds every problem, a line for each."""
    problems = [f"{plain(key)} is not known; every EHR is a table [ehr.NAME]" for key in document if key != "ehr"]
    tables = document.get("ehr")
    if not isinstance(tables, dict) or not tables:
        problems.append("there is no table [ehr.NAME]")
        tables = {}
    found: dict[str, Registration] = {}
    issuers: dict[str, str] = {}
    for name, content in tables.items():
        if not _NAME.match(name) or not isinstance(content, dict):
            problems.append(f"[ehr.{plain(name)}] is not a table named with lower-case letters, digits and hyphens")
            continue
        table = _Table(name, content, loopback=allow_loopback_http, words=role_words)
        found[name] = registration = table.read()
        if registration.issuer and issuers.setdefault(registration.issuer, name) != name:
            table.complain("issuer", f"is that of [ehr.{issuers[registration.issuer]}] too")
        problems += table.problems
    if problems:
        raise RegistrationInvalid("\n".join(problems))
    return Registry(by_name=found)


class _Table(TomlTable):
    """The table of one EHR."""

    def __init__(self, name: str, table: Mapping[str, Any], *, loopback: bool, words: Collection[str] | None) -> None:
        super().__init__(f"[ehr.{name}]", table, {key: told.form for key, told in KEYS.items()})
        self.name = name
        self.allow_loopback_http = loopback
        self.role_words = words

    def read(self) -> Registration:
        """To be used only if there is no complaint."""
        issuer = self.address("issuer", canonical_base, needed=True) or ""
        own = (parse_address(issuer).origin,) if issuer else ()
        auth = self.choice("auth", _AUTHS, needed=True)
        registration = Registration(
            name=self.name,
            issuer=issuer,
            client_id=self.text("client_id", needed=True) or "",
            auth=auth or "public",  # type: ignore[arg-type]  # one of _AUTHS, which choice() checked
            algorithm=self.choice("algorithm", _ALGORITHMS) or "ES384",
            scopes=self.scopes(),
            scope_version=self.choice("scope_version", _VERSIONS) or "v2",  # type: ignore[arg-type]  # as above
            ask_only_supported=self.flag("ask_only_supported", default=False),
            smart_v1=self.flag("smart_v1", default=False),
            origins=frozenset(self.origins("hosts") or own),
            authorization_endpoint=self.endpoint("authorization_endpoint"),
            token_endpoint=self.endpoint("token_endpoint"),
            revocation_endpoint=self.endpoint("revocation_endpoint"),
            jwks_uri=self.endpoint("jwks_uri"),
            id_token_issuer=self.endpoint("id_token_issuer"),
            frame_ancestors=self.origins("frame_ancestors") or own,
            organization=self.organization(),
            tenant=self.text("tenant") or self.name,
            roles=self.role_map("roles", _CODE, "system|code"),
            users=self.role_map("users", _USER, "a reference such as Practitioner/12"),
            write=self.flag("write", default=True),
            authorize_post=self.flag("authorize_post", default=True),
            requests_per_minute=self.number("requests_per_minute", least=10, most=100_000),
            private_network=self.flag("private_network", default=False),
            allow_loopback_http=self.allow_loopback_http,
        )
        self.refuse_secret_file()
        self.refuse_the_rest()
        if registration.origins:  # without any, `issuer` or `hosts` was wrong and nothing can be compared
            self.check_pinned(registration)
        return registration

    def address(self, key: str, reader: Callable[[str], str], *, needed: bool = False) -> str | None:
        value = self.text(key, needed=needed)
        return None if value is None else self.checked(key, value, reader)

    def checked(self, key: str, value: str, reader: Callable[[str], str]) -> str | None:
        try:
            check_transport(parse_address(value), allow_loopback_http=self.allow_loopback_http)
            return reader(value)
        except AddressRefused as error:
            self.complain(key, f"cannot be used: {error}")
            return None

    def endpoint(self, key: str) -> str | None:
        return self.address(key, str)

    def origins(self, key: str) -> tuple[str, ...]:
        read = (self.checked(key, value, _origin) for value in self.texts(key))
        return tuple(origin for origin in read if origin)

    def scopes(self) -> Scopes:
        before = len(self.problems)
        words = self.texts("scopes")
        if not words and len(self.problems) == before:
            self.complain("scopes", "is missing or empty")
        scopes = Scopes.parse(" ".join(words))
        for word in (*scopes.unreadable, *filter(_is_odd_launch_scope, scopes.others)):
            self.complain("scopes", f"cannot be used: not a SMART scope: {plain(word)}")
        if any(permission.context == "system" for permission in scopes.permissions):
            self.complain("scopes", "holds system/, which is not for an app that a clinician starts")
        return scopes

    def refuse_secret_file(self) -> None:
        """Earlier releases read the secret from a file in plain text."""
        if self.take("secret_file") is not None:
            command = f"ketamine-pathway keys secret {self.name}"
            self.complain("secret_file", f"is not read any more: take it out, run `{command}`, delete the file")

    def organization(self) -> str | None:
        value = self.text("organization")
        if value is not None and not _REFERENCE.match(value):
            self.complain("organization", "is not a reference such as Organization/12")
        return value

    def role_map(self, key: str, pattern: re.Pattern[str], form: str) -> Mapping[str, str]:
        found = self.words_by(key)
        for name, word in found.items():
            if not pattern.fullmatch(name):
                self.complain(key, f"has a key that is not {form}: {plain(name)}")
            if self.role_words is not None and word not in self.role_words:
                self.complain(key, f"gives {plain(name)} a role that is none of {', '.join(self.role_words)}")
        return found

    def check_pinned(self, registration: Registration) -> None:
        for key in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri"):
            address = getattr(registration, key)
            if address and parse_address(address).origin not in registration.origins:
                self.complain(key, "is on a host that `hosts` does not list")


def _is_odd_launch_scope(word: str) -> bool:
    """SMART App Launch 2.2, section 3.0.3: the types are in lower case here, and a scope has one role."""
    return word.startswith("launch/") and not _LAUNCH_SCOPE.fullmatch(word)


def _origin(text: str) -> str:
    address = parse_address(text)
    if address.path or address.has_query:
        raise AddressRefused("only scheme, host and port are wanted")
    return address.origin
