"""From the readings of a session to its chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from markupsafe import Markup

from fhir_mappings.facts.treatment import InfusionChange, KetamineSession, Reading
from fhir_mappings.writing.session_note import clock_time
from smart_app.clinical.infusion import InfusionStep, stretches
from smart_app.clinical.session_rules import Pressure, SessionLimits
from smart_app.pages.charts import Limit, VitalsPoint, vitals_chart
from smart_app.use_cases.session.session_lines import ReadingLine, SessionView


def readings_chart(view: SessionView, limits: SessionLimits) -> Markup:
    """The chart of the readings that stand. Before the dose minutes count from the first reading."""
    standing = [line for line in view.readings if line.struck is None]
    from_dose = view.dose.started is not None
    origin = view.dose.started or (standing[0].at if standing else view.now)
    return vitals_chart(
        _points(standing, origin, limits),
        limits=_limits(limits),
        infusion=_infusion(view, origin),
        from_dose=from_dose,
    )


def record_chart(record: KetamineSession, limits: SessionLimits) -> Markup:
    """The same chart of a record that is signed, or about to be: the one that stands in its note."""
    standing = [reading for reading in record.readings if reading.struck is None]
    dose = record.dose
    origin = dose.started.at if dose is not None else record.started
    return vitals_chart(
        [
            VitalsPoint(
                minute=_minutes(origin, reading.measured.at),
                time=clock_time(record, reading.measured.at),
                systolic=_whole(reading.systolic),
                diastolic=_whole(reading.diastolic),
                heart_rate=_whole(reading.heart_rate),
                saturation=_whole(reading.oxygen_saturation),
                stops=_reaches(reading, limits.stop),
            )
            for reading in standing
        ],
        limits=_limits(limits),
        infusion=_recorded_infusion(record),
        from_dose=dose is not None,
    )


def _limits(limits: SessionLimits) -> tuple[Limit, ...]:
    return (
        Limit(systolic=int(limits.start.systolic), name="Start", kind="gate"),
        Limit(systolic=int(limits.warn.systolic), name="Pause", kind="warn"),
        Limit(systolic=int(limits.stop.systolic), name="Stop", kind="stop"),
    )


def _points(lines: Sequence[ReadingLine], origin: datetime, limits: SessionLimits) -> list[VitalsPoint]:
    return [
        VitalsPoint(
            minute=_minutes(origin, line.at),
            time=f"{line.at:%H:%M}",
            systolic=_whole(line.systolic),
            diastolic=_whole(line.diastolic),
            heart_rate=_whole(line.heart_rate),
            saturation=_whole(line.oxygen_saturation),
            stops=_reaches(line, limits.stop),
        )
        for line in lines
    ]


def _infusion(view: SessionView, origin: datetime) -> list[tuple[int, int]]:
    if view.infusion is None:
        return []
    return [(_minutes(origin, since), _minutes(origin, until)) for since, until in view.infusion.ran]


def _recorded_infusion(record: KetamineSession) -> list[tuple[int, int]]:
    dose = record.dose
    if dose is None or dose.ended is None:
        return []
    between = [
        each for each in record.infusion if each.change not in {InfusionChange.STARTED, InfusionChange.STOPPED}
    ]
    steps = [
        InfusionStep(change=InfusionChange.STARTED, at=dose.started.at),
        *(InfusionStep(change=each.change, at=each.at.at) for each in between),
        InfusionStep(change=InfusionChange.STOPPED, at=dose.ended.at),
    ]
    origin, ended = dose.started.at, dose.ended.at
    return [(_minutes(origin, since), _minutes(origin, until)) for since, until in stretches(steps, ended)]


def _reaches(measured: Reading | ReadingLine, limit: Pressure) -> bool:
    systolic, diastolic = measured.systolic, measured.diastolic
    return (systolic is not None and systolic >= limit.systolic) or (
        diastolic is not None and diastolic >= limit.diastolic
    )


def _minutes(start: datetime, end: datetime) -> int:
    return round((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() / 60)


def _whole(value: Decimal | None) -> int | None:
    return None if value is None else int(value)
