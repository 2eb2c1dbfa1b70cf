"""Blood pressure: HOLD-BP, REV-BP-LABILE, CAU-BP-LABEL, URG-BP, HOLD-HTNCRISIS, REV-HTN, REV-RESHTN and MISS-BP."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import LISTED, PAGE, STATE_DAYS, US_LABEL
from smart_app.clinical.rules import blood_pressure, conditions, contraindications

_PRESSURE = frozenset({Area.BLOOD_PRESSURE})
_CONDITION = frozenset({Area.CONDITION})
_READINGS = "Readings inside a ketamine session and standing ones are left out; how a reading was taken is not known."

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="HOLD-BP",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is the latest blood pressure not below {limits.systolic}/{limits.diastolic}?",
        logic="Mean of the latest day with usable readings within 90 days, not rounded: systolic 140 or more, or "
        "diastolic 100 or more. One component at or over its limit is enough, also alone.",
        source=f"{PAGE}: ideally below 140/100, so neither 140 nor 100 passes; uncontrolled hypertension. Other "
        "guidance differs: see CAU-BP-LABEL",
        origin=Origin.CLINIC,
        reads=_PRESSURE,
        decide=blood_pressure.hold_bp,
        known_limits=_READINGS,
    ),
    Criterion(
        id="REV-BP-LABILE",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Does blood pressure pass today, but not on most of the latest days?",
        logic="The latest day is below the limits, and at least 2 of the last 3 days of readings within 90 days are "
        "not. A single older failure passes with a note.",
        source="Measurement practice; a modelling choice",
        origin=Origin.CONFIG,
        reads=_PRESSURE,
        decide=blood_pressure.rev_bp_labile,
        known_limits=f"An average over a period counts as one day. {_READINGS}",
    ),
    Criterion(
        id="CAU-BP-LABEL",
        kind=Kind.CAUTION,
        effect=None,
        title="Does blood pressure pass the clinic's limits, but not those of the esketamine label?",
        logic="Below 140/100, and the day's mean over 140 systolic or over 90 diastolic: 140 and 90 themselves pass.",
        source=f"{US_LABEL}: over 140/90 before dosing, weigh a delay",
        origin=Origin.CONFIG,
        reads=_PRESSURE,
        decide=blood_pressure.cau_bp_label,
        known_limits="Where the clinic's systolic limit is 140, only the diastolic side can still matter here.",
    ),
    Criterion(
        id="URG-BP",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is there a reading of a hypertensive crisis in the last {limits.urgent_days} days?",
        logic="A single reading of systolic 180 or more, or diastolic 120 or more, within 7 days or without a date. "
        "Raises an alert.",
        source="Usual definition of a hypertensive crisis",
        origin=Origin.SAFETY,
        reads=_PRESSURE,
        decide=blood_pressure.urg_bp,
        known_limits=_READINGS,
    ),
    Criterion(
        id="HOLD-HTNCRISIS",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is a hypertensive crisis or malignant hypertension current or recent?",
        logic="Active on the problem list, or the latest of its dates within 90 days, or no date at all.",
        source=f"{PAGE}: uncontrolled hypertension",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.hold_htncrisis,
        known_limits="Hypertension alone (I10) says nothing about control: the readings do.",
        ask=Ask(
            words="In the last {limits.crisis_days} days, were you treated in an emergency for very high blood "
            "pressure?",
            days=STATE_DAYS,
            window="crisis_days",
        ),
    ),
    Criterion(
        id="REV-HTN",
        kind=Kind.CAUTION,
        effect=None,
        title="Is hypertension on record with a passing blood pressure?",
        logic="Active hypertension and a latest blood pressure below the limits: allowed; keep the usual medicines "
        "and monitor closely.",
        source=f"{PAGE}: a history of hypertension is screened and closely monitored",
        origin=Origin.CLINIC,
        reads=_CONDITION | _PRESSURE,
        decide=blood_pressure.rev_htn,
        known_limits="It does not know whether the medicines for it are taken.",
    ),
    Criterion(
        id="REV-RESHTN",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is resistant hypertension on record?",
        logic="Confirmed and not resolved, whatever today's reading.",
        source="Modelling choice: controlled hypertension is allowed, resistance deserves a look",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_reshtn,
        known_limits=f"Resistance is not worked out from readings and medicines. {LISTED}",
    ),
    Criterion(
        id="MISS-BP",
        kind=Kind.MISSING,
        effect=Status.INSUFFICIENT_DATA,
        title="Is a current, usable blood pressure missing?",
        logic="No usable reading in 90 days, a passing one older than 30 days, or a newer one that cannot be used "
        "(no unit or a foreign one, one component alone, implausible, not final).",
        source=f"{PAGE}: requires controlled blood pressure",
        origin=Origin.CLINIC,
        reads=_PRESSURE,
        decide=blood_pressure.miss_bp,
        known_limits="Readings that patients take at home count only where the EHR holds them as Observations.",
    ),
)
