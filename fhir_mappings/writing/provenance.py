"""Who made a session's record (R4 6.3, US Core 7.0.0 Provenance): author, enterers, signer and this app."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.facts.treatment import Clinician, KetamineSession, SessionStatus
from fhir_mappings.writing.canonical import US_CORE_PROVENANCE
from fhir_mappings.writing.datatypes import instant, organization, period, person
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import AUTHOR_SIGNATURE, CREATED, TREATMENT, provenance_role
from fhir_mappings.writing.written import Json


def provenance_value(session: KetamineSession, instance: Instance) -> str:
    """The code of the tag that a session's Provenance is found by: derived, so a retry carries the same."""
    return str(uuid5(NAMESPACE_URL, f"{instance.system('provenance')}|{session.id}"))


def provenance(session: KetamineSession, targets: Sequence[Json], screening: str | None, instance: Instance) -> Json:
    """`targets` are References to all that was written; `screening` the one the course was begun on."""
    agents = _agents(session, instance)
    tag = {"system": instance.system("provenance"), "code": provenance_value(session, instance)}
    profile = {"profile": [US_CORE_PROVENANCE]} if all(map(_meets_provenance_1, agents)) else {}
    signature = session.signature
    signed_at = instant("session.signature.at", signature.at)
    return {
        "resourceType": "Provenance",
        "meta": {**profile, "tag": [tag]},
        "target": list(targets),
        **_occurred(session),
        "recorded": signed_at,
        "reason": [TREATMENT],
        "activity": CREATED,
        "agent": agents,
        **_entity(screening, instance),
        "signature": [
            {"type": [AUTHOR_SIGNATURE], "when": signed_at, "who": person("session.signature.by", signature.by)}
        ],
    }


def _agents(session: KetamineSession, instance: Instance) -> list[Json]:
    signer = session.signature.by
    acting_for = organization("session.signature.by", signer)
    device: Json = {"type": provenance_role("assembler"), "who": instance.device()}
    return [
        _agent("author", signer),
        *(_agent("enterer", other) for other in _others(session)),
        _agent("attester", signer),
        device | ({"onBehalfOf": acting_for} if acting_for else {}),
    ]


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


def _entity(screening: str | None, instance: Instance) -> Json:
    if screening is None:
        return {}
    return {"entity": [{"role": "source", "what": instance.logical("ClinicalImpression", "screening", screening)}]}
