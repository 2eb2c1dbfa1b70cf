"""A desk before an EHR that serves one chart: real reading and real rules behind the pages."""

from __future__ import annotations

from dataclasses import replace

from smart_app.use_cases.records import FailedFetch
from smart_app.use_cases.screen_patient import screen_patient
from tests.builders import Json, a_chart
from tests.smart_app.pages.desk import Desk
from tests.smart_app.use_cases.a_screened_patient import OneChart


def with_chart(desk: Desk, *more: Json, failures: tuple[FailedFetch, ...] = ()) -> Desk:
    """The same desk; `more` stands in the chart beside a plain candidate's."""
    chart = OneChart(*a_chart(*more), failures=failures)
    desk.deps = replace(desk.deps, ehr_of=lambda _launch: chart, screen=screen_patient)  # type: ignore[arg-type, return-value]
    return desk
