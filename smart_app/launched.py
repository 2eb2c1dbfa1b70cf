"""What the app does with a launch that the EHR granted: who it is, what they may do, which page comes first."""

from __future__ import annotations

import logging

from launch.context import LaunchContext, TokenSet
from smart_app.pages import FIRST
from smart_app.parts import Parts
from smart_app.registration.granted import may_write, not_granted, surplus
from smart_app.use_cases.open_launch import Granted, open_launch

# What an EHR's launch button may ask for: the page of this name.
INTENTS = frozenset({"screening", "enrolment", "session", "progress"})

_log = logging.getLogger("ketamine_pathway")


async def after_launch(parts: Parts, context: LaunchContext, _tokens: TokenSet) -> None:
    parts.styles.of(context)  # fetched while the chart is read, so that the first page has it
    registration = parts.registry.named(context.ehr)
    if beyond := surplus(registration, context.scope):
        _log.info("EHR %s granted more than was asked for, which is not used: %s", registration.name, beyond)
    organization = f"{context.fhir_base}/{registration.organization}" if registration.organization else None
    granted = Granted(
        launch=context.id,
        ehr=context.ehr,
        fhir_base=context.fhir_base,
        patient_id=context.patient,
        encounter=context.encounter,
        fhir_user=context.fhir_user,
        user_name=context.user_name,
        account=f"{context.token_issuer}|{context.subject}" if context.subject else None,
        show_banner=context.need_patient_banner,
        tenant=context.tenant,
        write_granted=may_write(registration, context.scope),
        not_granted=not_granted(registration, context.scope),
        organization=organization,
        roles=registration.roles,
        users=registration.users,
    )
    await open_launch(parts.store.work, parts.clock, granted, parts.ehrs.of_context(context), wake=parts.wake)


def landing(parts: Parts, context: LaunchContext) -> str:
    """Where a launch leads: on with what the same user did with this patient, if time ended that.

    Else to the page that the EHR's `intent` names, where it is one of ours (SMART App Launch 2.2, 2.0.11: an intent
    that an app does not know is passed over), else to the screening.
    """
    place = parts.store.sessions.last_place(context, parts.settings.idle)
    asked = context.intent if context.intent in INTENTS else None
    return f"/l/{context.id}/{place or asked or FIRST}"
