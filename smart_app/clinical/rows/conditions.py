"""REV-SUD to REV-URO: conditions of other guidance that need review, or a hold while they are acute."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import (
    APA,
    CODED,
    EU_LABEL,
    FDA_ALERTS,
    HISTORY_DAYS,
    LISTED,
    REMS,
    STATE_DAYS,
    US_LABEL,
    VA,
)
from smart_app.clinical.rules import conditions

_CONDITION = frozenset({Area.CONDITION})
_REVIEW = Status.NEEDS_REVIEW
_VISIT = "known only from a visit over 365 days ago"

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="REV-SUD",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is a substance use disorder on record?",
        logic=f"Active: review. In remission, in the history or {_VISIT}: a caution. Nicotine and caffeine do not "
        "count.",
        source=f"{US_LABEL}: abuse and misuse; {APA}",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_sud,
        known_limits=f"Drug screens are not read. {CODED}",
        ask=Ask(
            words="Do you now have, or did you ever have, a problem with alcohol, medicines or drugs?",
            days=HISTORY_DAYS,
        ),
    ),
    Criterion(
        id="HOLD-KETUSE",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is a ketamine or phencyclidine use disorder on record as active?",
        logic=f"Active holds; in remission, in the history or {_VISIT} needs review.",
        source=f"{VA}: history of ketamine use is an exclusion",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.hold_ketuse,
        known_limits="ICD-10-CM has no code for ketamine: there it is REV-SUD, among the hallucinogens and others.",
        ask=Ask(
            words="Do you use ketamine or PCP outside of treatment, or did you in the last months?", days=STATE_DAYS
        ),
    ),
    Criterion(
        id="REV-HEP",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is liver disease on record, or a liver value far too high?",
        logic="Cirrhosis and other impairment: review. Hepatic failure or decompensation that is active, or ALT or "
        "AST over 5 times its own upper limit within 365 days: hold. Where no upper limit is given, 40 U/L is "
        "assumed. Hepatic failure in the history: review.",
        source=f"{US_LABEL}: moderate impairment, monitor longer; severe, not recommended",
        origin=Origin.CONFIG,
        reads=frozenset({Area.CONDITION, Area.LABORATORY}),
        decide=conditions.rev_hep,
        known_limits="The Child-Pugh class is not worked out; bilirubin and clotting are not read.",
        ask=Ask(words="Do you have a liver disease such as hepatitis or cirrhosis?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="REV-THYROID",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is an overactive thyroid on record?",
        logic=f"Active hyperthyroidism: review; {_VISIT}: a caution. An active thyrotoxic crisis: hold; from such a "
        "visit: review.",
        source=f"{EU_LABEL}: hyperthyroidism that is not treated sufficiently",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_thyroid,
        known_limits="TSH is not read, so it cannot tell a treated thyroid from one that is not.",
        ask=Ask(words="Do you have an overactive thyroid?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="REV-GLAUC",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is angle-closure glaucoma on record?",
        logic="Angle closure or a narrow angle, confirmed, whatever its clinical status. Open-angle glaucoma does "
        "not count.",
        source="Clinical practice: ketamine may raise the pressure in the eye",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_glauc,
        known_limits="It does not know of a laser treatment that has settled it.",
        ask=Ask(words="Have you ever been told that you have angle-closure glaucoma?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="REV-SEIZURE",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is epilepsy or are seizures on record?",
        logic=f"Confirmed and not resolved. A convulsion {_VISIT}: a caution.",
        source="Clinical practice",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_seizure,
        known_limits=LISTED,
        ask=Ask(words="Do you have epilepsy, or have you ever had a seizure?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="REV-RESP",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is a disease that endangers breathing on record?",
        logic="COPD, emphysema, sleep apnoea, hypoxaemia or respiratory failure, confirmed and not resolved. "
        f"Hypoxaemia or acute failure {_VISIT}: a caution.",
        source=f"{EU_LABEL}: COPD, respiratory insufficiency, sleep apnoea with obesity. {REMS}: respiratory "
        "depression",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_resp,
        known_limits="Oxygen saturation and body mass index are not read.",
        ask=Ask(
            words="Do you have a lung disease such as COPD, or pauses in breathing while asleep?", days=HISTORY_DAYS
        ),
    ),
    Criterion(
        id="REV-NEUROCOG",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is dementia or delirium on record?",
        logic="Dementia, delirium or normal pressure hydrocephalus, confirmed and not resolved: capacity to consent. "
        f"Delirium {_VISIT}: a caution.",
        source=f"{VA}: dementia and delirium are exclusions",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_neurocog,
        known_limits="Mild cognitive impairment does not count. The patient is not asked: relatives and tests "
        "tell more.",
    ),
    Criterion(
        id="REV-URO",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Are urinary symptoms on record?",
        logic="Active pain, blood, urgency, frequency, incontinence or difficulty in passing urine; above all in "
        "maintenance. "
        f"Those {_VISIT}: a caution.",
        source=f"{FDA_ALERTS}: bladder symptoms",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=conditions.rev_uro,
        known_limits="Symptoms are seldom coded: the answer is worth more than the record. Urine tests are not read.",
        ask=Ask(
            words="Do you have pain when passing urine, blood in it, or have to go much more often than before?",
            days=STATE_DAYS,
        ),
    ),
)
