"""What a sound registration makes impossible or risky at its EHR: warnings, each a sentence that names the key."""

from __future__ import annotations

from collections.abc import Iterator

from fhir_mappings.facts.treatment import Role
from launch.registry import Registration
from launch.scopes import LETTERS, Scopes
from smart_app.use_cases.delivery.features import NEEDED_TO_WRITE, NEEDS, Need

_IDENTITY = ("openid", "fhirUser")
_LASTING = ("offline_access", "online_access")
_OTHERS = frozenset({*_IDENTITY, *_LASTING, "launch", "launch/patient", "launch/encounter", "profile"})


def needs_of(registration: Registration) -> list[Need]:
    """What the app does at this EHR: no writing where the registration forbids it, no roles where users are named."""
    wanted = {"screening", "sessions"} if registration.write else {"screening"}
    if registration.roles:
        wanted.add("roles")
    return [need for need in NEEDS if need.purpose in wanted]


def warnings_of(registration: Registration) -> Iterator[str]:
    """Every warning, in the order of the file's keys. Nothing is asked of the EHR."""
    if registration.auth == "public":
        yield "auth: a public client proves nothing. Take private_key_jwt or client_secret_basic if the EHR has it."
    yield from _scope_warnings(registration)
    yield from _role_warnings(registration)


def _scope_warnings(registration: Registration) -> Iterator[str]:
    scopes = registration.scopes
    for word in scopes.others:
        if word not in _OTHERS:
            yield f"scopes: the app has no use for {word}. An EHR that does not know it may refuse every launch."
    if any(word not in scopes.others for word in _IDENTITY):
        yield "scopes: without openid and fhirUser the EHR does not say who the clinician is, and nobody may write."
    if not any(word in scopes.others for word in _LASTING):
        yield (
            "scopes: without offline_access (or online_access) the session ends with the first token, and what waits "
            "to be delivered waits for the next launch."
        )
    contexts = sorted({permission.context for permission in scopes.permissions})
    if len(contexts) > 1:
        several = " and ".join(f"{context}/" for context in contexts)
        yield f"scopes: some EHRs refuse {several} in one request. Take one of them."
    if any(permission.type == "*" for permission in scopes.permissions):
        yield "scopes: a wildcard asks for more than the app uses, and some EHRs refuse it. Name the types."
    reading_only = registration.write and not all(scopes.allows(kind, "c") for kind in NEEDED_TO_WRITE)
    if reading_only:
        needed = " and ".join(f"patient/{kind}.c" for kind in NEEDED_TO_WRITE)
        yield f"scopes: without {needed} the app only reads. Say write = false if that is meant."
    for need in needs_of(registration):
        if not (reading_only and need.purpose == "sessions"):
            yield from _lack(scopes, need)
    yield from _excess(registration)


def _lack(scopes: Scopes, need: Need) -> Iterator[str]:
    missing = "".join(letter for letter in need.letters if not scopes.allows(need.resource_type, letter))
    if not missing:
        return
    partly = any(held.type in {"*", need.resource_type} and held.letter in missing for held in scopes.permissions)
    if partly and set(missing) <= {"r", "s"}:
        yield f"scopes: only a part of {need.resource_type} is asked for (?...); what is left out counts as not read."
    else:
        yield f"scopes: patient/{need.resource_type}.{missing} is missing. {need.without}"


def _excess(registration: Registration) -> Iterator[str]:
    """SMART App Launch 2.2, section 3: the fewest scopes that do. What goes with `r` or `s`, or in version 1 with
    `write`, is none too many."""
    together = ("rs", "cud") if registration.scope_version == "v1" else ("rs",)
    used: dict[str, set[str]] = {}
    for need in NEEDS:
        letters = used.setdefault(need.resource_type, set())
        letters.update(need.letters, *(group for group in together if set(group) & set(need.letters)))
    extra: dict[str, set[str]] = {}
    for permission in registration.scopes.permissions:
        if permission.type != "*" and permission.letter not in used.get(permission.type, ()):
            extra.setdefault(f"{permission.context}/{permission.type}", set()).add(permission.letter)
    if extra:
        words = (f"{stem}.{''.join(c for c in LETTERS if c in letters)}" for stem, letters in sorted(extra.items()))
        yield f"scopes: the app never uses {', '.join(words)}. Leave it out."


def _role_warnings(registration: Registration) -> Iterator[str]:
    words = {*registration.roles.values(), *registration.users.values()}
    if not words:
        yield "roles: neither roles nor users say what a clinician may do, so everybody may only look."
    elif registration.write and Role.PRESCRIBER.value not in words:
        yield "roles: nobody is a prescriber, so nobody can enrol a patient, override a finding or sign."
