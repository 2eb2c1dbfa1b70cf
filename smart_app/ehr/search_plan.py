"""What screening fetches from a chart, all of it at once, and how a part that fails is told (FHIR R4 search)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from fhir_mappings.facts.clinical import Area
from launch.addresses import AddressRefused, parse_address
from launch.bearer import under_base
from launch.scopes import Scopes
from smart_app.ehr.paging import Haul
from smart_app.ehr.permission import barrier
from smart_app.use_cases.errors import EhrError, Rejected, Unauthorized
from smart_app.use_cases.records import Chart, FailedFetch, Json, Offer, Received

PAGE_SIZE: Final = "500"  # one large page is far quicker than several; the EHR may give fewer
MOST_MEDICATIONS: Final = 200
_AT_ONCE: Final = 8  # Medications read side by side

_FOREIGN: Final = "an entry of another patient was in the answer"
_REPLACED: Final = "the EHR says that another record has replaced this one"
_NO_MEDICATION_LIST: Final = "this EHR offers no list of medications"
_TOO_MANY: Final = f"more than {MOST_MEDICATIONS} Medications are named"
# FHIR R4 medicationrequest-status and -intent, all of them: some EHRs give only what is active unless told otherwise.
_EVERY_REQUEST: Final = {
    "status": "active,on-hold,cancelled,completed,entered-in-error,stopped,draft,unknown",
    "intent": "proposal,plan,order,original-order,reflex-order,filler-order,instance-order,option",
}
# A list of dispenses alone would say nothing of what was prescribed elsewhere, or is taken without a prescription.
_SUFFICIENT: Final = frozenset({"MedicationStatement", "MedicationRequest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One search. `subject` is the element that names the patient.

    `also` are parameters that an EHR may not know; one that does not accept them is asked without.
    """

    area: Area
    resource_type: str
    subject: str = "subject"
    only_if_offered: bool = False
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def category(self) -> str | None:
        return self.also.get("category")

    def parameters(self, patient_id: str) -> Mapping[str, str]:
        return {**self.plain(patient_id), **self.also}

    def plain(self, patient_id: str) -> dict[str, str]:
        return {"patient": patient_id, "_count": PAGE_SIZE}


PLAN: Final[Sequence[Fetch]] = (
    Fetch(area=Area.CONDITION, resource_type="Condition"),
    Fetch(area=Area.BLOOD_PRESSURE, resource_type="Observation", also={"category": "vital-signs"}),
    Fetch(area=Area.SURVEY, resource_type="Observation", also={"category": "survey"}),
    Fetch(area=Area.SOCIAL_HISTORY, resource_type="Observation", also={"category": "social-history"}),
    Fetch(area=Area.LABORATORY, resource_type="Observation", also={"category": "laboratory"}),
    Fetch(area=Area.MEDICATION, resource_type="MedicationStatement", only_if_offered=True),
    Fetch(area=Area.MEDICATION, resource_type="MedicationRequest", only_if_offered=True, also=_EVERY_REQUEST),
    Fetch(area=Area.MEDICATION, resource_type="MedicationDispense", only_if_offered=True),
    Fetch(area=Area.ALLERGY, resource_type="AllergyIntolerance", subject="patient"),
)


class ChartSource(Protocol):
    """What of the FHIR client is needed here."""

    fhir_base: str
    granted: Scopes

    async def offer(self) -> Offer: ...

    async def read(self, reference: str) -> Received: ...

    async def haul(self, resource_type: str, parameters: Mapping[str, str]) -> Haul: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    area: Area
    resources: tuple[Json, ...] = ()
    reasons: tuple[str, ...] = ()
    foreign: bool = False
    signed_out: bool = False  # not even the patient may be read: nothing but a new launch can help


async def read_chart(source: ChartSource, patient_id: str) -> Chart:
    """Everything that screening looks at. What failed is told, the rest is used.

    Unauthorized where the sign-in has ended, so that the page sends its user back to the chart; no other EhrError.

    One entry of another patient spoils its whole area: an EHR that mixes patients is not believed there.
    """
    asked, not_offered = await _asked(source)
    searches = (_search(source, fetch, patient_id) for fetch in asked)
    parts = list(await asyncio.gather(_person(source, patient_id), *searches))
    if any(part.signed_out for part in parts):
        raise Unauthorized("the sign-in to the EHR has ended")
    if _SUFFICIENT.isdisjoint(fetch.resource_type for fetch in asked):
        parts.append(_Part(area=Area.MEDICATION, reasons=(_NO_MEDICATION_LIST,)))
    spoilt = {part.area for part in parts if part.foreign}
    kept = [part for part in parts if part.area not in spoilt]
    kept.extend(_Part(area=area, reasons=(_FOREIGN,)) for area in sorted(spoilt))
    kept.append(await _medications(source, kept))
    return Chart(
        resources=tuple(resource for part in kept for resource in part.resources),
        failures=_failures(kept),
        not_offered=not_offered,
        foreign=tuple(sorted(spoilt)),
    )


async def _asked(source: ChartSource) -> tuple[list[Fetch], tuple[str, ...]]:
    """The searches to make. An EHR whose /metadata cannot be read is asked everything."""
    try:
        readable = (await source.offer()).readable
    except EhrError:
        return list(PLAN), ()
    left_out = [fetch for fetch in PLAN if fetch.only_if_offered and fetch.resource_type not in readable]
    return [fetch for fetch in PLAN if fetch not in left_out], tuple(fetch.resource_type for fetch in left_out)


async def _person(source: ChartSource, patient_id: str) -> _Part:
    barred = barrier(source.granted, Area.PATIENT, "Patient", letter="r")
    if barred:
        return _Part(area=Area.PATIENT, reasons=(barred.reason,))
    try:
        patient = (await source.read(f"Patient/{patient_id}")).resource or {}
    except Unauthorized:
        return _Part(area=Area.PATIENT, signed_out=True)
    except EhrError as error:
        return _Part(area=Area.PATIENT, reasons=(error.words,))
    replaced = any(link.get("type") == "replaced-by" for link in _dicts(patient.get("link")))
    return _Part(area=Area.PATIENT, resources=(patient,), reasons=(_REPLACED,) if replaced else ())


async def _search(source: ChartSource, fetch: Fetch, patient_id: str) -> _Part:
    barred = barrier(source.granted, fetch.area, fetch.resource_type, category=fetch.category)
    if barred and barred.total:
        return _Part(area=fetch.area, reasons=(barred.reason,))
    haul = await source.haul(fetch.resource_type, fetch.parameters(patient_id))
    if fetch.also and isinstance(haul.failure, Rejected):
        haul = await source.haul(fetch.resource_type, fetch.plain(patient_id))
    reasons: tuple[str, ...] = (barred.reason,) if barred else ()
    reasons += (haul.failure.words,) if haul.failure else ()
    named = {_reference(entry.get(fetch.subject)) for entry in haul.resources}  # hundreds of entries name one patient
    return _Part(
        area=fetch.area,
        resources=haul.resources,
        reasons=reasons + haul.warnings,
        foreign=any(_relative(subject, source.fhir_base) != f"Patient/{patient_id}" for subject in named),
    )


async def _medications(source: ChartSource, parts: Iterable[_Part]) -> _Part:
    """The Medication resources that entries point to: few EHRs send them along (_include)."""
    uses = [entry for part in parts if part.area is Area.MEDICATION for entry in part.resources]
    named = sorted({reference for entry in uses if (reference := _medication(entry, source.fhir_base))})
    barred = barrier(source.granted, Area.MEDICATION, "Medication", letter="r") if named else None
    if barred:
        return _Part(area=Area.MEDICATION, reasons=(barred.reason,))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetched(reference: str) -> Json | str:
        async with gate:
            try:
                return (await source.read(reference)).resource or {}
            except EhrError as error:
                return f"a Medication could not be read: {error.words}"

    answers = await asyncio.gather(*(fetched(reference) for reference in named[:MOST_MEDICATIONS]))
    failed = sorted({answer for answer in answers if isinstance(answer, str)})
    return _Part(
        area=Area.MEDICATION,
        resources=tuple(answer for answer in answers if isinstance(answer, dict)),
        reasons=(*failed, _TOO_MANY) if len(named) > MOST_MEDICATIONS else tuple(failed),
    )


def _medication(entry: Json, fhir_base: str) -> str | None:
    relative = _relative(_reference(entry.get("medicationReference")), fhir_base)
    return relative if relative and relative.startswith("Medication/") else None


def _reference(element: object) -> str | None:
    """The text of a Reference; None where there is but an identifier or a display, which name nobody surely."""
    text = element.get("reference") if isinstance(element, dict) else None
    return text if isinstance(text, str) else None


def _relative(reference: str | None, fhir_base: str) -> str | None:
    """ "Type/id" of a reference into this EHR; None for anything else (contained, urn, another server)."""
    if reference is None:
        return None
    path = reference
    if "://" in reference:
        if not under_base(fhir_base, reference):
            return None
        try:
            path = parse_address(reference).path.removeprefix(parse_address(fhir_base).path).removeprefix("/")
        except AddressRefused:
            return None
    parts = path.split("/_history/")[0].split("/")
    return path.split("/_history/")[0] if len(parts) == 2 and all(parts) else None


def _failures(parts: Iterable[_Part]) -> tuple[FailedFetch, ...]:
    told = dict.fromkeys((part.area, reason) for part in parts for reason in part.reasons)
    return tuple(FailedFetch(area=area, reason=reason) for area, reason in told)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
