"""A patient who was just screened from a chart of real resources, with the people who may add to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import anyio

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.treatment import Clinician, Role
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings
from smart_app.use_cases.records import Caller, Chart, FailedFetch, Json, StoredScreening
from smart_app.use_cases.screening.answer_questions import PREFIX, answer_questions
from smart_app.use_cases.screening.override_finding import override_finding, override_view
from smart_app.use_cases.screening.screen_patient import screen_patient
from smart_app.use_cases.site import Site
from tests.builders import TODAY, a_chart
from tests.fakes import FakeWork

BASE = "https://ehr.example/fhir"
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/holm", name="Dr Holm", role=Role.PRESCRIBER)
NURSE = Clinician(reference=f"{BASE}/Practitioner/nan", name="Nan Nurse", role=Role.NURSE)
AUDITOR = Clinician(reference=f"{BASE}/Practitioner/al", name="Al Auditor", role=Role.AUDITOR)
HOLM = Caller(launch="l1", ehr="riverside", fhir_base=BASE, patient_id="ada", clinician=DOCTOR, may_write=True)
NAN = replace(HOLM, clinician=NURSE)
AL = replace(HOLM, clinician=AUDITOR)


class OneChart:
    """An EHR that serves one chart."""

    fhir_base = BASE

    def __init__(self, *resources: Any, **told: Any):
        """`told` goes into the chart beside its resources: failures, not_offered, foreign."""
        self._chart = Chart(resources=resources, **told)

    async def chart(self, patient_id: str) -> Chart:
        assert patient_id == "ada"
        return self._chart


@dataclass
class Screened:
    """`now` is moved by hand; everything is kept in memory."""

    work: FakeWork = field(default_factory=FakeWork)
    now: datetime = datetime(TODAY.year, TODAY.month, TODAY.day, 14, 30, tzinfo=UTC)
    settings: RuleSettings = DEFAULTS

    def __post_init__(self) -> None:
        numbers = count(1)
        self.ids = lambda: f"id-{next(numbers)}"

    def clock(self) -> datetime:
        return self.now

    @property
    def site(self) -> Site:
        return Site(base_url="https://clinic.example", version="0.1.0", rules=self.settings)

    def later(self, **by: int) -> None:
        self.now += timedelta(**by)

    def screen(
        self,
        *more: Json,
        without: tuple[str, ...] = (),
        caller: Caller = HOLM,
        failures: tuple[FailedFetch, ...] = (),
    ) -> StoredScreening:
        ehr = OneChart(*a_chart(*more, without=without), failures=failures)

        async def run() -> StoredScreening:
            return await screen_patient(self.work, self.clock, caller, ehr, self.site)  # type: ignore[arg-type]

        return anyio.run(run)

    def answer(self, caller: Caller = NAN, **answers: str) -> StoredScreening:
        typed = {PREFIX + rule.replace("_", "-"): said for rule, said in answers.items()}
        return answer_questions(self.work, self.clock, caller, typed, self.ids, self.site)

    def override(
        self,
        rule: str,
        *,
        caller: Caller = HOLM,
        reason: str = "seen by two psychiatrists",
        seen: str | None = None,
        second_look: bool = True,
    ) -> StoredScreening:
        view = override_view(self.work, self.clock, HOLM, rule)
        shown = view.seen_again if second_look else view.seen
        return override_finding(
            self.work,
            self.clock,
            caller,
            rule,
            reason=reason,
            seen=shown if seen is None else seen,
            ids=self.ids,
            site=self.site,
        )

    @property
    def latest(self) -> StoredScreening:
        with self.work() as uow:
            screening = uow.screenings.latest(HOLM.patient)
        assert screening is not None
        return screening

    @property
    def audit(self) -> list[AuditRecord]:
        """Newest first."""
        with self.work() as uow:
            return list(uow.audit.of_patient(HOLM.patient))


def row(screening: StoredScreening, rule: str) -> Json:
    """The finding of a rule, met or not."""
    every = [*screening.result["findings"], *screening.result["looked_at"]]
    found: Json = next(finding for finding in every if finding["rule"] == rule)
    return found


def asked(screening: StoredScreening, rule: str) -> Json | None:
    return next((question for question in screening.result["questions"] if question["rule"] == rule), None)
