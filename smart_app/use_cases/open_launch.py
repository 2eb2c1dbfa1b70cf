"""What happens once a launch was granted: who is it, what may they do, and what waits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from anyio.to_thread import run_sync

from fhir_mappings.facts.treatment import Clinician, Role
from smart_app.use_cases.access import audited
from smart_app.use_cases.errors import EhrError
from smart_app.use_cases.ports import Clock, Ehr, Work
from smart_app.use_cases.records import Caller, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the launch says, in the words of the use cases."""

    launch: str
    ehr: str
    fhir_base: str
    patient_id: str
    encounter: str | None
    fhir_user: str | None  # absolute URL; None: nobody was named, so nothing may be written
    user_name: str | None
    account: str | None  # "issuer|subject" of the id_token; None: the EHR sent none
    show_banner: bool
    tenant: str | None
    write_granted: bool  # the scopes let Procedure and MedicationAdministration be created
    not_granted: frozenset[str] = frozenset()  # types of left_out.PARTS that the scopes do not let be written
    organization: str | None  # absolute URL, from the registration
    roles: Mapping[str, str]  # "system|code" of a PractitionerRole -> role word
    users: Mapping[str, str] = field(default_factory=dict)  # "Practitioner/12" -> role word; goes before `roles`


async def open_launch(
    work: Work, clock: Clock, granted: Granted, ehr: Ehr, *, wake: Callable[[], None] = lambda: None
) -> Caller:
    """Find the clinician's role, keep the caller, and give waiting messages of this patient this launch.

    Somebody whom the registration names has that role and no other; for everybody else the EHR is asked. A role that
    cannot be found gives Role.NONE: the pages then only read. `wake` is called where messages can be sent now.
    """
    role = await _role(ehr, granted)
    clinician = Clinician(
        reference=granted.fhir_user or "",
        name=granted.user_name or "Name not given by the EHR",
        role=role,
        organization=granted.organization,
    )
    caller = Caller(
        launch=granted.launch,
        ehr=granted.ehr,
        fhir_base=granted.fhir_base,
        patient_id=granted.patient_id,
        clinician=clinician,
        may_write=granted.write_granted and granted.fhir_user is not None and _is_practitioner(granted.fhir_user),
        encounter=granted.encounter,
        show_banner=granted.show_banner,
        tenant=granted.tenant,
        not_granted=granted.not_granted,
    )
    if await run_sync(_keep, work, clock, caller, granted.account):
        wake()
    return caller


def _keep(work: Work, clock: Clock, caller: Caller, account: str | None) -> bool:
    """Whether messages that waited can be sent with this launch."""
    now, released = clock(), 0
    opened = audited(caller, now, "clinician:launch:open", f"Patient/{caller.patient_id}")
    with work() as uow:
        uow.launches.keep_caller(caller)
        uow.audit.add(replace(opened, account=account))  # every later record of the launch names the launch
        if caller.may_write and caller.role in (Role.PRESCRIBER, Role.NURSE):
            released = uow.messages.release(caller.patient, launch=caller.launch, now=now)
            if released:
                detail = f"{released} waiting messages are sent with this launch."
                uow.audit.add(audited(caller, now, "app:outbox:release", detail=detail))
        uow.commit()
    return released > 0


def _is_practitioner(reference: str) -> bool:
    return reference.rsplit("/", 2)[-2:-1] in (["Practitioner"], ["PractitionerRole"])


async def _role(ehr: Ehr, granted: Granted) -> Role:
    if granted.fhir_user is None or not _is_practitioner(granted.fhir_user):
        return Role.NONE
    kind, identifier = granted.fhir_user.rsplit("/", 2)[-2:]
    named = granted.users.get(granted.fhir_user.removeprefix(f"{granted.fhir_base}/"))
    if named is not None:
        return _strongest_of({named})
    try:
        if kind == "PractitionerRole":
            roles: tuple[Json, ...] = ((await ehr.read(f"PractitionerRole/{identifier}")).resource or {},)
        else:
            roles = await ehr.search("PractitionerRole", {"practitioner": f"Practitioner/{identifier}"})
    except EhrError:
        return Role.NONE
    return strongest(_codes(roles), granted.roles)


def strongest(codes: frozenset[str], mapping: Mapping[str, str]) -> Role:
    """The role with the most rights among those that the registration maps; Role.NONE where it maps none."""
    return _strongest_of({mapping[code] for code in codes if code in mapping})


def _strongest_of(words: set[str]) -> Role:
    return next((role for role in (Role.PRESCRIBER, Role.NURSE, Role.AUDITOR) if role.value in words), Role.NONE)


def _codes(roles: tuple[Json, ...]) -> frozenset[str]:
    """ "system|code" of every code of roles that are not marked inactive."""
    found: set[str] = set()
    for role in roles:
        concepts = role.get("code") if role.get("active") is not False else None
        for concept in concepts if isinstance(concepts, list) else ():
            for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
                if isinstance(coding, dict):
                    found.add(f"{coding.get('system', '')}|{coding.get('code', '')}")
    return frozenset(found)
