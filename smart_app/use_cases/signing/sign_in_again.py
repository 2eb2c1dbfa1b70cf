"""Who signs signs in at the EHR again first, where the site asks for it (21 CFR 11.200): found and used up."""

from __future__ import annotations

from datetime import datetime, timedelta

from fhir_mappings.facts.treatment import Signature
from smart_app.use_cases.access import audited, refuse
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller
from smart_app.use_cases.references import refused
from smart_app.use_cases.site import Site

BEGIN = "clinician:sign-in-again:begin"


class SignInNeeded(Refused):
    """Nothing was signed: the caller has not signed in again, or too long ago."""


def must_sign_in(uow: UnitOfWork, caller: Caller, now: datetime, site: Site) -> bool:
    """Whether a signature of this caller would be refused now."""
    return site.sign_in_again is not None and sign_by(uow, caller, now, site) is None


def sign_by(uow: UnitOfWork, caller: Caller, now: datetime, site: Site) -> datetime | None:
    """Until when a signature of this caller is taken; None: the site does not ask for a new sign-in, or there is none
    that is good."""
    if site.sign_in_again is None:
        return None
    at = _signed_in(uow, caller, now, site.sign_in_again)
    return None if at is None else at + site.sign_in_again


def use_sign_in(uow: UnitOfWork, caller: Caller, now: datetime, action: str, site: Site) -> datetime | None:
    """When the signer signed in again, which is good for this one signature; None: the site does not ask for it.

    Call it last before a signature is made: what is refused for another reason must not use it up. Without it
    SignInNeeded, which is kept.
    """
    if site.sign_in_again is None:
        return None
    at = _signed_in(uow, caller, now, site.sign_in_again)
    if at is None:
        refuse(uow, caller, now, action, _needed(site.sign_in_minutes))
    uow.launches.use_sign_in(caller.launch)
    return at.astimezone(now.tzinfo)


def again_words(signature: Signature) -> str:
    """For the detail of an audit record; empty where the site does not ask for it."""
    return f", signed in again {signature.signed_in:%H:%M:%S}" if signature.signed_in else ""


def refuse_sign_in(work: Work, clock: Clock, caller: Caller, reason: str) -> str:
    """The EHR could not be asked: the reference of the audit record. `reason` is a word of launch.errors."""
    record, reference = refused(audited(caller, clock(), BEGIN, detail=reason))
    with work() as uow:
        uow.audit.add(record)
        uow.commit()
    return reference


def _signed_in(uow: UnitOfWork, caller: Caller, now: datetime, holds: timedelta) -> datetime | None:
    at = uow.launches.signed_in(caller.launch)
    return at if at is not None and timedelta(0) <= now - at < holds else None


def _needed(minutes: int) -> SignInNeeded:
    words = f"Nothing was signed. At this site you sign in at the EHR again, not more than {minutes} minutes before."
    return SignInNeeded(words, advice="Sign in again, then sign.")
