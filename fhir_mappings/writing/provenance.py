"""Who made and who signed a session's record (R4 6.3, US Core 7.0.0 Provenance), and the seal on its bytes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.facts.treatment import Clinician, KetamineSession, SessionStatus, Signature
from fhir_mappings.writing.canonical import US_CORE_PROVENANCE
from fhir_mappings.writing.datatypes import concept, instant, organization, period, person, plain
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import (
    ADDENDUM_SIGNATURE,
    AUTHOR_SIGNATURE,
    CREATED,
    MODIFICATION_SIGNATURE,
    TREATMENT,
    UPDATED,
    VERIFICATION_SIGNATURE,
    provenance_role,
)
from fhir_mappings.writing.written import Json, WrittenResource

# The detached JWS (RFC 7515, appendix F) over bytes, whose protected header holds what is said beside them.
Seal = Callable[[bytes, Mapping[str, str | int]], str]


def signed_bytes(resources: Sequence[WrittenResource]) -> bytes:
    """What a signature stands for: the bytes of every resource but Provenance, in their order, by line feeds.

    No resource holds a line feed, so that nobody can move a boundary.
    """
    return b"\n".join(one.body for one in resources if one.resource_type != "Provenance")


def content_hash(resources: Sequence[WrittenResource]) -> str:
    """SHA-256 of `signed_bytes`, in hexadecimal: what a printed note shows."""
    return sha256(signed_bytes(resources)).hexdigest()


def provenance_value(session: KetamineSession, instance: Instance) -> str:
    """The code of the tag that a version's Provenance is found by: derived, so a retry carries the same."""
    version = f"/{session.version}" if session.version > 1 else ""
    return str(uuid5(NAMESPACE_URL, f"{instance.system('provenance')}|{session.id}{version}"))


def provenance(
    session: KetamineSession,
    targets: Sequence[Json],
    screening: str | None,
    instance: Instance,
    *,
    sealed: bytes = b"",
    seal: Seal | None = None,
) -> Json:
    """`targets` are References to all that was written; `screening` the one the course was begun on.

    `sealed` are their bytes; `seal` None: the signature says who, when and why, and proves nothing.
    """
    agents = _agents(session, instance)
    amended = plain(session.amended)
    return {
        "resourceType": "Provenance",
        "meta": _meta(agents, provenance_value(session, instance), instance),
        "target": list(targets),
        **_occurred(session),
        "recorded": instant("session.signature.at", session.signature.at),
        "reason": [TREATMENT, *([concept(text=amended)] if amended else [])],
        "activity": CREATED if session.version == 1 else UPDATED,
        "agent": agents,
        **_entity(session, screening, instance),
        "signature": [_signature(_signature_type(session), session.signature, sealed, seal)],
    }


def countersignature_value(session: KetamineSession, by: Clinician, instance: Instance) -> str:
    """The code of the tag of one person's countersignature of one version."""
    name = f"{instance.system('provenance')}|{session.id}/{session.version}|{by.reference}"
    return str(uuid5(NAMESPACE_URL, name))


def countersignature(
    session: KetamineSession,
    signature: Signature,
    targets: Sequence[Json],
    instance: Instance,
    *,
    sealed: bytes,
    seal: Seal | None,
) -> Json:
    """A second person's signature of the version that `session` is, over the same bytes."""
    agents = [_agent("verifier", signature.by), _assembler(signature.by, instance)]
    return {
        "resourceType": "Provenance",
        "meta": _meta(agents, countersignature_value(session, signature.by, instance), instance),
        "target": list(targets),
        "recorded": instant("signature.at", signature.at),
        "reason": [TREATMENT],
        "agent": agents,
        "signature": [_signature(VERIFICATION_SIGNATURE, signature, sealed, seal)],
    }


def entry_value(kind: str, value: str, instance: Instance) -> str:
    """The code of the tag of the Provenance of one thing that was entered and is not signed."""
    return str(uuid5(NAMESPACE_URL, f"{instance.system('provenance')}|{kind}|{value}"))


def entry_provenance(
    kind: str,
    value: str,
    by: Clinician,
    occurred: str,
    entered: datetime,
    targets: Sequence[Json],
    instance: Instance,
) -> Json:
    """Who entered something outside a session's signature. `occurred` is a FHIR dateTime."""
    agents = [_agent("author", by), _assembler(by, instance)]
    return {
        "resourceType": "Provenance",
        "meta": _meta(agents, entry_value(kind, value, instance), instance),
        "target": list(targets),
        "occurredDateTime": occurred,
        "recorded": instant(f"{kind}.entered", entered),
        "reason": [TREATMENT],
        "activity": CREATED,
        "agent": agents,
    }


def _meta(agents: Sequence[Json], value: str, instance: Instance) -> Json:
    profile = {"profile": [US_CORE_PROVENANCE]} if all(map(_meets_provenance_1, agents)) else {}
    return {**profile, "tag": [{"system": instance.system("provenance"), "code": value}]}


def _signature_type(session: KetamineSession) -> Json:
    if session.version == 1:
        return AUTHOR_SIGNATURE
    return ADDENDUM_SIGNATURE if session.only_added else MODIFICATION_SIGNATURE


def _signature(kind: Json, signature: Signature, sealed: bytes, seal: Seal | None) -> Json:
    """Name, time and meaning are sealed with the bytes, so that a signature cannot be moved (21 CFR 11.70)."""
    said: Json = {
        "type": [kind],
        "when": instant("session.signature.at", signature.at),
        "who": person("session.signature.by", signature.by),
    }
    if seal is None:
        return said
    spoken: dict[str, str | int] = {
        "iat": int(signature.at.timestamp()),
        "sub": signature.by.reference,
        "name": signature.by.name,
        "meaning": signature.meaning,
    }
    if signature.signed_in is not None:
        spoken["auth_time"] = int(signature.signed_in.timestamp())
    data = b64encode(seal(sealed, spoken).encode()).decode()
    return said | {"targetFormat": "application/fhir+json", "sigFormat": "application/jose", "data": data}


def _agents(session: KetamineSession, instance: Instance) -> list[Json]:
    signer = session.signature.by
    return [
        _agent("author", signer),
        *(_agent("enterer", other) for other in _others(session)),
        _agent("attester", signer),
        _assembler(signer, instance),
    ]


def _assembler(signer: Clinician, instance: Instance) -> Json:
    """This app, which acts for whom its user acts for."""
    acting_for = organization("session.signature.by", signer)
    device: Json = {"type": provenance_role("assembler"), "who": instance.device()}
    return device | ({"onBehalfOf": acting_for} if acting_for else {})


def _others(session: KetamineSession) -> list[Clinician]:
    """Everyone but the signer who entered something, once."""
    others = {one.reference: one for one in session.recorders if one.reference != session.signature.by.reference}
    return list(others.values())


def _agent(role: str, clinician: Clinician) -> Json:
    acting_for = organization(f"session.{role}", clinician)
    agent: Json = {"type": provenance_role(role), "who": person(f"session.{role}", clinician)}
    return agent | ({"onBehalfOf": acting_for} if acting_for else {})


def _meets_provenance_1(agent: Json) -> bool:
    """US Core provenance-1; without a named organisation a Provenance is plain R4 and claims no profile."""
    return "onBehalfOf" in agent or "/PractitionerRole/" in agent["who"].get("reference", "")


def _occurred(session: KetamineSession) -> Json:
    if session.status is SessionStatus.NOT_DONE:
        return {}
    return {"occurredPeriod": period("session", session.started, session.ended)}


def _entity(session: KetamineSession, screening: str | None, instance: Instance) -> Json:
    """What it rests on: the screening, and for an amendment the version that it follows."""
    entities: list[Json] = []
    if screening is not None:
        entities.append({"role": "source", "what": instance.logical("ClinicalImpression", "screening", screening)})
    if session.version > 1:
        before = instance.logical("Procedure", "session", session.id)
        entities.append({"role": "revision", "what": before | {"display": f"Version {session.version - 1}"}})
    return {"entity": entities} if entities else {}
