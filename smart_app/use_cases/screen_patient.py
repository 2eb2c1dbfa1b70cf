"""Screen the launch patient: fetch at once, read, ask every rule, keep what was shown with its audit record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from anyio.to_thread import run_sync

from fhir_mappings.facts.clinical import Allergy, Gap, PartialDate, PatientFacts, Score, Weight
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import Kind, State
from smart_app.clinical.screening import ScreeningResult, as_json, looked_for, screen
from smart_app.use_cases.access import audited
from smart_app.use_cases.ports import Clock, Ehr, Work
from smart_app.use_cases.records import Caller, Chart, Json, StoredScreening
from smart_app.use_cases.relied_on import relied_on

MOST_REFERENCES = 500  # in one audit record; the screening itself keeps them all


async def screen_patient(work: Work, clock: Clock, caller: Caller, ehr: Ehr) -> StoredScreening:
    """The screening as it is shown. A part of the chart that failed is in it as a gap; nothing is raised for it."""
    chart = await ehr.chart(caller.patient_id)
    at = clock()
    screening = await run_sync(partial(_judge, chart, caller, at))
    await run_sync(_keep, work, screening, caller, at)
    return screening


def screen_chart(
    chart: Chart, *, patients: Iterable[str], as_of: date, now: datetime | None = None
) -> tuple[PatientFacts, ScreeningResult]:
    """Read a chart and ask every rule; the same road for the EHR and for files, which have no `now`."""
    failures = tuple(
        Gap(area=failure.area, reference="", reason=failure.reason, fetch_failed=True) for failure in chart.failures
    )
    facts = patient_facts(chart.resources, as_of=as_of, now=now, patients=frozenset(patients), failures=failures)
    return facts, screen(facts, as_of=as_of)


def _judge(chart: Chart, caller: Caller, at: datetime) -> StoredScreening:
    names = (f"Patient/{caller.patient_id}", caller.patient)
    facts, result = screen_chart(chart, patients=names, as_of=at.date(), now=at)
    return StoredScreening(
        id=str(uuid5(NAMESPACE_URL, f"screening:{caller.launch}:{at.isoformat()}")),
        launch=caller.launch,
        ehr=caller.ehr,
        patient=caller.patient,
        at=at,
        by=caller.clinician,
        status=result.status.value,
        rules_version=result.rules_version,
        result=as_json(result)
        | {
            "looked_at": looked_for(result),
            "not_offered": list(chart.not_offered),
            "relied_on": relied_on(facts, at.date()),
        },
        read=facts.read,
        conditions=_indicating(result),
        person=_banner(facts),
        weight=_latest_weight(facts.weights),
        baseline_scores=_phq9(facts.scores),
    )


def _keep(work: Work, screening: StoredScreening, caller: Caller, at: datetime) -> None:
    with work() as uow:
        uow.screenings.add(screening)
        detail = f"Read {len(screening.read)} entries; {screening.status} by rules {screening.rules_version}."
        read = screening.read[:MOST_REFERENCES]
        uow.audit.add(audited(caller, at, "clinician:chart:screen", *read, detail=detail))
        uow.commit()


def _indicating(result: ScreeningResult) -> tuple[str, ...]:
    """The Conditions that are an indication, for Procedure.reasonReference and CarePlan.addresses."""
    wanted = [
        f for f in result.findings if f.state is State.MET and (f.kind is Kind.INDICATION or f.rule == "IND-UNSPEC")
    ]
    found = [evidence.reference for finding in wanted for evidence in finding.evidence]
    return tuple(dict.fromkeys(reference for reference in found if reference.startswith("Condition/")))


def _banner(facts: PatientFacts) -> Json:
    person = facts.person
    if person is None:
        return {"allergies": _allergy_words(facts)}
    return {
        "family": person.family,
        "given": person.given,
        "birthDate": person.birth_date.text if person.birth_date else "",
        "gender": person.gender or "",
        "mrn": person.mrn or "",
        "allergies": _allergy_words(facts),
    }


def _allergy_words(facts: PatientFacts) -> str:
    """Never blank: what is recorded, that none is, or that it could not be read."""
    failed = [gap for gap in facts.gaps if gap.area.value == "allergies" and not gap.listed_only]
    named = [allergy.label for allergy in facts.allergies if not allergy.none_known]
    if named:
        return ", ".join(dict.fromkeys(named)) + (" (not all could be read)" if failed else "")
    if failed:
        return "Could not load allergies"
    return _none_known(facts.allergies)


def _none_known(allergies: tuple[Allergy, ...]) -> str:
    return allergies[0].label if allergies else "No allergies recorded"


def _latest_weight(weights: tuple[Weight, ...]) -> Json | None:
    dated = [weight for weight in weights if weight.when is not None and weight.when.exact]
    if not dated:
        return None
    latest = max(dated, key=lambda weight: (_order(weight.when), weight.reference))
    day = latest.when.last.isoformat() if latest.when else ""
    return {"kg": f"{latest.kilograms:f}", "date": day, "reference": latest.reference}


def _phq9(scores: tuple[Score, ...]) -> tuple[Json, ...]:
    """PHQ-9 totals of the chart, oldest first, with item 9 of the same day where it is recorded."""
    items = {score.when.last: score for score in scores if score.name == "phq9-item9" and score.when is not None}
    totals = [
        s for s in scores if s.name == "phq9-total" and s.when is not None and s.when.exact and s.value is not None
    ]
    return tuple(
        {
            "total": int(total.value or 0),
            "date": total.when.last.isoformat(),
            "reference": total.reference,
            "item9": int(items[total.when.last].value or 0) if total.when.last in items else None,
        }
        for total in sorted(totals, key=lambda score: (_order(score.when), score.reference))
        if total.when is not None
    )


def _order(when: PartialDate | None) -> datetime:
    return when.sort_key if when is not None else datetime.min  # noqa: DTZ901 compared with other naive local times
