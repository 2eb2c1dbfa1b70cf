"""Screen the launch patient: fetch at once, read, ask every rule, keep what was shown with its audit record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from anyio.to_thread import run_sync

from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.clinical import Gap, PatientFacts
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings
from smart_app.clinical.screening import ScreeningResult, screen
from smart_app.use_cases.access import audited, retried
from smart_app.use_cases.course.course_events import hold_by_screening
from smart_app.use_cases.ports import Clock, Ehr, Work
from smart_app.use_cases.records import Caller, Chart, ScreeningInputs, StoredScreening
from smart_app.use_cases.screening.judge_screening import judged
from smart_app.use_cases.site import Site

FOREIGN = "app:chart:refuse"
MOST_REFERENCES = 500  # in one audit record; the screening itself keeps them all


async def screen_patient(
    work: Work,
    clock: Clock,
    caller: Caller,
    ehr: Ehr,
    site: Site,
    *,
    medicines: MedicineTable | None = None,
) -> StoredScreening:
    """The screening as it is shown. A part of the chart that failed is in it as a gap; nothing is raised for it.

    Unauthorized where the sign-in to the EHR has ended: then there is no screening, and an earlier one stays.

    `medicines` None: the table that is shipped.
    """
    chart = await ehr.chart(caller.patient_id)
    at = clock()
    inputs = await run_sync(partial(_read, chart, caller, at, medicines))
    foreign = chart.foreign
    del chart  # it may hold thousands of entries, and is not needed any more
    return await run_sync(partial(_keep, work, caller, inputs, site, foreign))


def screen_chart(
    chart: Chart,
    *,
    patients: Iterable[str],
    as_of: date,
    now: datetime | None = None,
    settings: RuleSettings = DEFAULTS,
    medicines: MedicineTable | None = None,
) -> tuple[PatientFacts, ScreeningResult]:
    """Read a chart and ask every rule; the same road for the EHR and for files, which have no `now`."""
    facts = read_facts(chart, patients=patients, as_of=as_of, now=now, medicines=medicines)
    return facts, screen(facts, as_of=as_of, settings=settings)


def read_facts(
    chart: Chart,
    *,
    patients: Iterable[str],
    as_of: date,
    now: datetime | None = None,
    medicines: MedicineTable | None = None,
) -> PatientFacts:
    """The facts of a chart, with what could not be fetched among its gaps."""
    failures = tuple(
        Gap(area=failure.area, reference="", reason=failure.reason, fetch_failed=True) for failure in chart.failures
    )
    return patient_facts(
        chart.resources,
        as_of=as_of,
        now=now,
        patients=frozenset(patients),
        failures=failures,
        medicines=medicines,
    )


def _read(chart: Chart, caller: Caller, at: datetime, medicines: MedicineTable | None) -> ScreeningInputs:
    names = (f"Patient/{caller.patient_id}", caller.patient)
    return ScreeningInputs(
        id=str(uuid5(NAMESPACE_URL, f"inputs:{caller.launch}:{at.isoformat()}")),
        ehr=caller.ehr,
        patient=caller.patient,
        at=at,
        facts=read_facts(chart, patients=names, as_of=at.date(), now=at, medicines=medicines),
        not_offered=chart.not_offered,
    )


@retried
def _keep(
    work: Work, caller: Caller, inputs: ScreeningInputs, site: Site, foreign: tuple[str, ...]
) -> StoredScreening:
    with work() as uow:
        earlier = uow.screenings.latest(caller.patient)
        screening = judged(
            uow, inputs, caller, at=inputs.at, settings=site.rules, compared_with=earlier.id if earlier else None
        )
        uow.screenings.keep_inputs(inputs)
        uow.screenings.add(screening)
        hold_by_screening(uow, screening, caller, inputs.at, site)
        detail = f"Read {len(screening.read)} entries; {screening.status} by rules {screening.rules_version}."
        read = screening.read[:MOST_REFERENCES]
        uow.audit.add(audited(caller, inputs.at, "clinician:chart:screen", *read, detail=detail))
        if foreign:
            told = f"The EHR answered with another patient's record; nothing of it was used: {', '.join(foreign)}."
            uow.audit.add(audited(caller, inputs.at, FOREIGN, outcome=AuditOutcome.FAILED, detail=told))
        uow.commit()
    return screening
