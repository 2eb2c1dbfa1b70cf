"""CAU-*: medicines that change what ketamine does, or that it makes dangerous."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.rows.sources import KETAMINE_LABEL, REMS, STATE_DAYS, US_LABEL
from smart_app.clinical.rules import medicines

_MEDICATION = frozenset({Area.MEDICATION})
_REVIEW = Status.NEEDS_REVIEW
_UNKNOWN = "A current entry that could not be resolved to ingredients needs review, until the patient says no."
_LISTS = (
    "What is on the list need not be taken, and what is taken need not be on it. An entry that could not be "
    "resolved to ingredients may be any medicine: while it is current the answer is not known."
)

ROWS: tuple[Criterion, ...] = (
    Criterion(
        id="CAU-BZD",
        kind=Kind.CAUTION,
        effect=None,
        title="Is a benzodiazepine, a Z-drug or another sedative taken?",
        logic="Current, also as needed. Barbiturates and gabapentinoids count as sedatives.",
        source=f"{REMS}: list of sedatives. Weaker effect of ketamine: Andrashko 2020 (over 8 mg of diazepam a day), "
        "Veraart 2021",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_bzd,
        known_limits=f"The dose is not converted to diazepam. {_LISTS}",
        ask=Ask(
            words="Do you take anything to calm you or to help you sleep, also only now and then?", days=STATE_DAYS
        ),
    ),
    Criterion(
        id="CAU-LAM",
        kind=Kind.CAUTION,
        effect=None,
        title="Is lamotrigine taken?",
        logic="Current.",
        source="Veraart 2021: a weaker effect of ketamine in 2 of 5 studies",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_lam,
        known_limits=_LISTS,
        ask=Ask(words="Do you take lamotrigine?", days=STATE_DAYS),
    ),
    Criterion(
        id="CAU-STIM",
        kind=Kind.CAUTION,
        effect=None,
        title="Is a psychostimulant taken?",
        logic="Current; medicines that promote wakefulness count.",
        source=f"{US_LABEL}: psychostimulants may raise blood pressure further",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_stim,
        known_limits=_LISTS,
        ask=Ask(words="Do you take a stimulant, for example for ADHD or to stay awake?", days=STATE_DAYS),
    ),
    Criterion(
        id="CAU-MAOI",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is an MAO inhibitor taken, or was one stopped within {limits.maoi_days} days?",
        logic=f"Current, or ended within 14 days, or ended on no known day. {_UNKNOWN}",
        source=f"{US_LABEL}: MAO inhibitors may raise blood pressure further. The 14 days are the usual wash-out",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_maoi,
        known_limits=_LISTS,
        ask=Ask(
            words="Do you take an MAO inhibitor, such as phenelzine, tranylcypromine or selegiline, or did you in "
            "the last two weeks?",
            days=STATE_DAYS,
        ),
    ),
    Criterion(
        id="CAU-OPIOID",
        kind=Kind.CAUTION,
        effect=None,
        title="Is an opioid taken?",
        logic="Current, also as needed.",
        source=f"{REMS}: respiratory depression",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_opioid,
        known_limits=f"The dose is not converted to morphine. {_LISTS}",
        ask=Ask(words="Do you take strong painkillers, methadone or buprenorphine?", days=STATE_DAYS),
    ),
    Criterion(
        id="CAU-THEO",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is theophylline or aminophylline taken?",
        logic=f"Current. {_UNKNOWN}",
        source=f"{KETAMINE_LABEL}: may lower the seizure threshold together",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_theo,
        known_limits=_LISTS,
        ask=Ask(words="Do you take theophylline or aminophylline?", days=STATE_DAYS),
    ),
    Criterion(
        id="CAU-KETOVERLAP",
        kind=Kind.REVIEW,
        effect=_REVIEW,
        title="Is ketamine or esketamine given elsewhere at the same time?",
        logic=f"A current entry of either on the list of medicines. {_UNKNOWN}",
        source="Safety: two programmes at once",
        origin=Origin.CONFIG,
        reads=_MEDICATION,
        decide=medicines.cau_ketoverlap,
        known_limits=f"It cannot tell this clinic's own prescription from another's. {_LISTS}",
        ask=Ask(words="Are you being treated with ketamine or esketamine anywhere else?", days=STATE_DAYS),
    ),
)
