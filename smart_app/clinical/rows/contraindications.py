"""ABS-*: what excludes ketamine, for life or for now."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import CODED, EU_LABEL, HISTORY_DAYS, LISTED, PAGE, STATE_DAYS, US_LABEL
from smart_app.clinical.rules import contraindications

_CONDITION = frozenset({Area.CONDITION})
_ABSOLUTE = Status.CONTRAINDICATED

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="ABS-SCZ",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is schizophrenia or schizoaffective disorder on record, ever?",
        logic="Confirmed, whatever its clinical status; schizophreniform disorder counts.",
        source=f"{PAGE}: contraindications. Schizophreniform disorder is an extension of its wording",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_scz,
        known_limits=f"Schizotypal disorder is for review (DATA-TEXT). {CODED}",
        ask=Ask(
            words="Has a doctor ever told you that you have schizophrenia or a schizoaffective disorder?",
            days=HISTORY_DAYS,
        ),
    ),
    Criterion(
        id="ABS-IC",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is interstitial cystitis on record?",
        logic="Active, inactive or in remission; resolved with a past abatement needs review.",
        source=f"{PAGE}: contraindications",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_ic,
        known_limits="Only interstitial cystitis (N30.1) is meant: other cystitis does not count. It is often never "
        "diagnosed.",
        ask=Ask(
            words="Have you ever had interstitial cystitis, also called painful bladder syndrome?", days=HISTORY_DAYS
        ),
    ),
    Criterion(
        id="ABS-ICH",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is intracranial bleeding on record, ever?",
        logic="Confirmed, whatever its clinical status; sequelae count.",
        source=f"{PAGE}: history of intracranial bleeding. {US_LABEL}: intracerebral haemorrhage",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_ich,
        known_limits="No code stands for a bare history of bleeding: such an entry is read by its words (DATA-TEXT).",
        ask=Ask(words="Have you ever had bleeding in or around the brain?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="ABS-ICP",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is raised intracranial pressure on record?",
        logic="Active; a resolved one, or one known only from a visit over 365 days ago, needs review. Normal "
        "pressure hydrocephalus does not count.",
        source=f"{PAGE}: raised intracranial pressure",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_icp,
        known_limits="SNOMED CT has few verified codes for it: finer ones are read by their words (DATA-TEXT).",
        ask=Ask(words="Has anyone told you that the pressure inside your head is too high?", days=HISTORY_DAYS),
    ),
    Criterion(
        id="ABS-CV",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is a severe cardiovascular condition current or recent?",
        logic="Unstable angina, decompensated heart failure, ventricular tachycardia or fibrillation, torsades, "
        "cardiac arrest: active or within 90 days, or without a date; later it needs review.",
        source=f"{PAGE}: certain severe cardiovascular conditions, of which it gives no list; the list is ours",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_cv,
        known_limits="It reads neither the ejection fraction nor the ECG. Valve disease is not graded.",
        ask=Ask(
            words="In the last {limits.cardiovascular_days} days, have you had unstable angina, heart failure that "
            "got worse, a dangerous heart rhythm or a cardiac arrest?",
            days=STATE_DAYS,
            window="cardiovascular_days",
        ),
    ),
    Criterion(
        id="ABS-MI",
        kind=Kind.HOLD,
        effect=Status.HOLD,
        title="Was there a myocardial infarction within {limits.infarction_days} days?",
        logic="By the latest of its dates alone, since an acute infarction stays on lists as active; an older one is "
        "REV-CV; without a date it fires.",
        source=f"{PAGE}: severe cardiovascular conditions. {EU_LABEL}: infarction within 6 weeks",
        origin=Origin.CLINIC,
        reads=_CONDITION,
        decide=contraindications.abs_mi,
        known_limits="An old infarction that was entered only now counts as recent until its onset is recorded.",
        ask=Ask(
            words="Have you had a heart attack in the last {limits.infarction_days} days?",
            days=STATE_DAYS,
            window="infarction_days",
        ),
    ),
    Criterion(
        id="ABS-ANEUR",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is an aneurysm or an arterial dissection on record, ever?",
        logic="Aneurysmal vascular disease of the aorta, the brain, the heart or peripheral arteries, or a "
        "dissection: confirmed, whatever its clinical status. A repaired one counts until a clinician overrides it.",
        source=f"{US_LABEL}: contraindications",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=contraindications.abs_aneur,
        known_limits=f"It cannot tell a repaired aneurysm from one that is not. {LISTED}",
        ask=Ask(
            words="Have you ever been told that you have an aneurysm, or a tear in the wall of an artery?",
            days=HISTORY_DAYS,
        ),
    ),
    Criterion(
        id="ABS-AVM",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is an arteriovenous malformation on record, ever?",
        logic="Confirmed, whatever its clinical status. A fistula made by a surgeon (I77.0) does not count.",
        source=f"{US_LABEL}: contraindications",
        origin=Origin.CONFIG,
        reads=_CONDITION,
        decide=contraindications.abs_avm,
        known_limits=LISTED,
        ask=Ask(
            words="Have you ever been told that you have an arteriovenous malformation, a tangle of blood vessels?",
            days=HISTORY_DAYS,
        ),
    ),
    Criterion(
        id="ABS-ALLERGY",
        kind=Kind.CONTRAINDICATION,
        effect=_ABSOLUTE,
        title="Is an allergy to ketamine or esketamine on record?",
        logic="By code or text, neither refuted nor in error; unconfirmed and of unstated type counts. A plain "
        "intolerance needs review, as do nausea or vomiting alone with low criticality where the type is not stated, "
        "and words that deny the allergy.",
        source=f"{US_LABEL}: hypersensitivity",
        origin=Origin.SAFETY,
        reads=frozenset({Area.ALLERGY}),
        decide=contraindications.abs_allergy,
        known_limits="Reactions that were recorded only as an adverse event or in a note are not seen.",
        ask=Ask(words="Have you ever had an allergic reaction to ketamine or esketamine?", days=HISTORY_DAYS),
    ),
)
