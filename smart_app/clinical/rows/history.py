"""REV-BIPOLAR, REV-CV and REV-STROKE: what the history asks a specialist to look at."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import APA, EU_LABEL, HISTORY_DAYS, PAGE, US_LABEL
from smart_app.clinical.rules import conditions, contraindications

_CONDITION = frozenset({Area.CONDITION})

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="REV-BIPOLAR",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is bipolar disorder on record with its polarity unclear?",
        logic="Polarity not stated, in remission, or an old manic episode in a patient coded only unipolar.",
        source=f"{PAGE}: not in manic phases",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.rev_bipolar,
        known_limits="A bipolar disorder that was never diagnosed shows itself only to who asks.",
        ask=Ask(
            words="Have you ever had a time of unusually high mood and energy, or been told that you have bipolar "
            "disorder?",
            days=HISTORY_DAYS,
        ),
    ),
    Criterion(
        id="REV-CV",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is a chronic heart condition or an old infarction on record?",
        logic="Chronic heart failure, coronary disease, old infarction, atrial fibrillation, cardiomyopathy, aortic "
        "stenosis, pulmonary hypertension, complete heart block, long QT: confirmed, whatever the clinical status.",
        source=f"{US_LABEL}; {EU_LABEL}; {APA}",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=contraindications.rev_cv,
        known_limits="It does not grade: aortic stenosis counts whether mild or severe. No echo, no ECG is read.",
        ask=Ask(words="Do you have any heart disease, or have you ever had a heart attack?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="REV-STROKE",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is an ischaemic stroke or a TIA on record?",
        logic="Within 90 days by the latest of its dates, or without a date, it is a hold; earlier it needs review. "
        "Late effects, a history and unspecified cerebrovascular disease always need review.",
        source=f"{US_LABEL}: cerebrovascular conditions",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_stroke,
        known_limits="A code for an old stroke that was entered only now counts as recent until its onset is "
        "recorded.",
        ask=Ask(words="Have you ever had a stroke, or a mini-stroke that passed by itself?", days=HISTORY_DAYS),
    ),
)
