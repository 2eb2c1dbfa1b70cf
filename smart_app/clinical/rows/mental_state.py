"""HOLD-PSY, REV-PSYHX and HOLD-MANIA: psychosis and mania, current, recent and past."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import HISTORY_DAYS, PAGE, STATE_DAYS
from smart_app.clinical.rules import contraindications

_CONDITION = frozenset({Area.CONDITION})
_ENCOUNTERS = "Diagnoses of encounters often stay active for ever and count by their dates alone."

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="HOLD-PSY",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is psychosis current or recent?",
        logic="Active on the problem list, or the latest of onset, abatement and recording within 180 days, or no "
        "date at all. Psychotic features of a mood disorder count; an encounter diagnosis counts by its dates.",
        source=f"{PAGE}: not while currently or recently psychotic. It does not say what recent is: the window "
        "is ours",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.hold_psy,
        known_limits=_ENCOUNTERS,
        ask=Ask(
            words="In the last {limits.psychosis_days} days, have you heard or seen things that others did not, or "
            "been sure that others meant you harm?",
            days=STATE_DAYS,
            window="psychosis_days",
        ),
    ),
    Criterion(
        id="REV-PSYHX",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is earlier psychosis on record?",
        logic="Evidence older than the window of HOLD-PSY, or a code of psychosis in remission.",
        source=f"{PAGE}: re-assessed once stabilised and at baseline",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.rev_psyhx,
        known_limits="Psychosis caused by a substance stands under the substances in ICD-10-CM: it is DATA-TEXT.",
        ask=Ask(words="Have you ever had a psychosis in your life?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="HOLD-MANIA",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is mania or hypomania current or recent?",
        logic="Active on the problem list, or the latest of onset, abatement and recording within 90 days, or no "
        "date at all. An encounter diagnosis counts by its dates.",
        source=f"{PAGE}: not in manic phases. It does not say what recent is: the window is ours",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.hold_mania,
        known_limits=_ENCOUNTERS,
        ask=Ask(
            words="In the last {limits.mania_days} days, have you had days of unusually high or irritable mood, with "
            "far more energy and less need for sleep?",
            days=STATE_DAYS,
            window="mania_days",
        ),
    ),
)
