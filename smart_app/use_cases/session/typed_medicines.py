"""What happened to the infusion, and the rescue medicines of a session, as far as what was typed can be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fhir_mappings.facts.treatment import InfusionChange
from smart_app.clinical.entry import amount
from smart_app.clinical.infusion import out_of_order
from smart_app.clinical.rescue_medicines import RESCUE
from smart_app.clinical.session_rules import clock_time, elapsed
from smart_app.use_cases.records import Entry, StoredSession
from smart_app.use_cases.session.typed_session import ended, entries, infusion_steps, time_since


def infusion_problem(session: StoredSession, now: datetime) -> str:
    """What does not fit together among the infusion's events and the times of the dose step; empty: nothing."""
    if not any(each.struck is None for each in entries(session, "infusion")):
        return ""
    stops = [each for each in entries(session, "infusion") if each.struck is None and _stops(each)]
    finished = ended(session, "dose.ended", now)
    if stops and finished is not None and elapsed(stops[-1].at, finished):
        return (
            f"The infusion was stopped at {clock_time(stops[-1].at)}, but the dose step says it ended at "
            f"{clock_time(finished)}. Set one of them right."
        )
    return out_of_order(infusion_steps(session, now))


def _stops(entry: Entry) -> bool:
    return entry.fields["change"] == InfusionChange.STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedRescue:
    """A rescue medicine as typed. The two fields are where its effect is typed later."""

    entry: Entry
    key: str  # of RESCUE
    words: str
    amount: Decimal
    unit: str
    route: str
    reason: str
    effect_field: str
    effect: str
    effect_time_field: str
    effect_time: str


def rescues(session: StoredSession) -> tuple[TypedRescue, ...]:
    return tuple(_rescue(session, entry) for entry in entries(session, "rescue"))


def _rescue(session: StoredSession, entry: Entry) -> TypedRescue:
    key, said = entry.fields["drug"], entry.fields.get("text", "").strip()
    effect, effect_time = f"rescue.{entry.id}.effect", f"rescue.{entry.id}.effect_time"
    return TypedRescue(
        entry=entry,
        key=key,
        words=said if key == "other" else f"{RESCUE[key].words} ({said})" if said else RESCUE[key].words,
        amount=amount(entry.fields["dose"]),
        unit=entry.fields["unit"],
        route=entry.fields["route"],
        reason=entry.fields.get("reason", ""),
        effect_field=effect,
        effect=session.fields.get(effect, entry.fields.get("effect", "")).strip(),
        effect_time_field=effect_time,
        effect_time=session.fields.get(effect_time, entry.fields.get("effect_time", "")).strip(),
    )


def effect_at(rescue: TypedRescue, now: datetime) -> datetime | None:
    """When the effect was seen; None: no time that can be read."""
    return time_since(rescue.entry.at, rescue.effect_time, now)
