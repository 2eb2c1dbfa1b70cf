"""HOLD-PREG, HOLD-LACT, MISS-PREG, AGE-CHILD and AGE-65: who the patient is."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import PAGE, STATE_DAYS, US_LABEL
from smart_app.clinical.rules import person

_PERSON = frozenset({Area.PATIENT})
_BORN = frozenset({"date of birth"})

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="HOLD-PREG",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is the patient pregnant, as far as recorded?",
        logic="Pregnancy status or hCG positive within 42 weeks, or an active pregnancy on the list within 42 weeks, "
        "or without a date. A positive result followed by a negative one needs review.",
        source=f"{US_LABEL}: not recommended in pregnancy",
        origin=Origin.SAFETY,
        reads=frozenset({Area.CONDITION, Area.LABORATORY, Area.SOCIAL_HISTORY}),
        decide=person.hold_preg,
        known_limits="Tests done at home are not seen, and neither is a pregnancy too early for a test.",
        ask=Ask(words="Are you pregnant, or could you be?", days=STATE_DAYS),
    ),
    Criterion(
        id="HOLD-LACT",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Is the patient breast-feeding, as far as recorded?",
        logic="An active entry within 12 months, or without a date, or the patient says so. A site may ask for "
        "review instead of a hold.",
        source=f"{US_LABEL}: not recommended while breast-feeding",
        origin=Origin.CONFIG,
        reads=frozenset({Area.CONDITION}),
        decide=person.hold_lact,
        known_limits="It is seldom recorded: the answer is worth more than the record.",
        ask=Ask(words="Are you breast-feeding?", days=STATE_DAYS, settles=True),
    ),
    Criterion(
        id="MISS-PREG",
        kind=Kind.MISSING,
        effect=Status.NEEDS_REVIEW,
        title="Is it unknown whether the patient is pregnant?",
        logic="Female or sex not known, 12 to 50 years old, and no pregnancy status or test within 30 days. The "
        "patient's own answer to HOLD-PREG within 30 days settles it.",
        source=f"{US_LABEL}: not recommended in pregnancy; women who may become pregnant are counselled",
        origin=Origin.CONFIG,
        reads=frozenset({Area.PATIENT, Area.LABORATORY, Area.SOCIAL_HISTORY}),
        decide=person.miss_preg,
        known_limits="It goes by the recorded administrative sex, and does not know of a hysterectomy, "
        "sterilisation, the menopause or contraception.",
        uses=frozenset({"sex", "date of birth"}),
    ),
    Criterion(
        id="AGE-CHILD",
        kind=Kind.REVIEW,
        effect=Status.NEEDS_REVIEW,
        title="Is the patient younger than {limits.adult_years}?",
        logic="Below 13 contraindicated; 13 to 17 needs a specialist and the guardian.",
        source=f"{PAGE}: healthy teens tolerate it. Other guidance differs: {US_LABEL}, not approved below 18",
        origin=Origin.SAFETY,
        reads=_PERSON,
        decide=person.age_child,
        known_limits="Where only the year or month of birth is known, the younger age counts.",
        uses=_BORN,
    ),
    Criterion(
        id="AGE-65",
        kind=Kind.CAUTION,
        effect=None,
        title="Is the patient {limits.elder_years} or older?",
        logic="A caution: lower start, blood pressure, cognition.",
        source=f"{US_LABEL}: from 65 years it starts at 28 mg",
        origin=Origin.CONFIG,
        reads=_PERSON,
        decide=person.age_65,
        known_limits="Age stands in for frailty, which it does not measure.",
        uses=_BORN,
    ),
)
