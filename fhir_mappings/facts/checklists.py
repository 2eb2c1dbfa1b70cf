"""The lines of the checklists before the dose, at discharge and for psychotherapy: the one place to change them.

What is asked follows the clinical content on sessions; the bounds of typed values are working proposals.
"""

from __future__ import annotations

from fhir_mappings.facts.programme import CheckItem, Detail, DetailKind
from fhir_mappings.facts.treatment import Answer, Place

_WHO, _SINCE, _TODAY, _READY = "The patient", "History", "Today", "Ready"

_IDENTITY = CheckItem(
    key="identity",
    heading=_WHO,
    text="Identity confirmed by two identifiers, read aloud",
    not_applicable=False,
    stops=True,
    effect="Do not go on before it is sure who this is.",
    details=(
        Detail(
            key="which",
            label="Which two",
            kind=DetailKind.CHOICE,
            choices=(
                ("name-birth", "Name and birth date"),
                ("name-mrn", "Name and MRN"),
                ("birth-mrn", "Birth date and MRN"),
                ("name-photo", "Name and a photo document"),
            ),
        ),
    ),
)
_CONSENT = CheckItem(
    key="consent",
    heading=_WHO,
    text="Consent is current, off-label use explained",
    not_applicable=False,
    stops=True,
    effect="Take consent first.",
)
_ALLERGIES = CheckItem(
    key="allergies",
    heading=_WHO,
    text="Allergies checked again",
    not_applicable=False,
    effect="Check them before the dose.",
)
_PREGNANCY = CheckItem(
    key="pregnancy",
    heading=_WHO,
    text="Pregnancy excluded",
    stops=True,
    effect="Test first. A positive test is for a prescriber.",
    details=(
        Detail(
            key="how",
            label="By",
            kind=DetailKind.CHOICE,
            choices=(("test", "Negative test"), ("asked", "The patient's word"), ("cannot", "Cannot be pregnant")),
        ),
        Detail(
            key="day",
            label="Date of the test",
            kind=DetailKind.DAY,
            required=False,
            possible=(-60, 0),
            usual=(-7, 0),
        ),
    ),
)
_HISTORY = (
    CheckItem(
        key="psychosis",
        heading=_SINCE,
        text="Free of psychosis since the last visit",
        not_applicable=False,
        stops=True,
        effect="Screen again: psychosis puts the programme on hold.",
    ),
    CheckItem(
        key="mania",
        heading=_SINCE,
        text="Free of mania and hypomania since the last visit",
        not_applicable=False,
        stops=True,
        effect="Screen again: mania puts the programme on hold.",
    ),
    CheckItem(
        key="suicidality",
        heading=_SINCE,
        text="Suicidality asked about today",
        not_applicable=False,
        stops=True,
        effect="Ask before the dose.",
        details=(
            Detail(
                key="finding",
                label="The patient reports",
                kind=DetailKind.CHOICE,
                choices=(
                    ("none", "No suicidal thoughts"),
                    ("passive", "Wish to be dead, no thoughts of suicide"),
                    ("thoughts", "Thoughts of suicide, no plan"),
                    ("plan", "A plan, an intent or an attempt"),
                ),
                against=("plan",),
            ),
        ),
    ),
    CheckItem(
        key="urinary",
        heading=_SINCE,
        text="Free of bladder pain and other urinary symptoms since the last visit",
        not_applicable=False,
        stops=True,
        effect="Ketamine can harm the bladder: a prescriber decides.",
    ),
    CheckItem(
        key="same_medicines",
        heading=_SINCE,
        text="Medicines are the same as at the last visit",
        not_applicable=False,
        effect="Complete the list in the chart.",
        details=(Detail(key="which", label="What is new or stopped", kind=DetailKind.WORDS, beside=(Answer.NO,)),),
    ),
)
_SOBER = CheckItem(
    key="sober",
    heading=_TODAY,
    text="Free of alcohol and drugs for 24 hours",
    not_applicable=False,
    stops=True,
    effect="Risk of sedation and of high blood pressure: a prescriber decides.",
)
_FASTING = CheckItem(
    key="fasting",
    heading=_TODAY,
    text="Fasted as the programme asks",
    not_applicable=False,
    stops=True,
    effect="Risk of vomiting: wait, or a prescriber decides.",
    details=tuple(
        Detail(
            key=key,
            label=label,
            kind=DetailKind.NUMBER,
            beside=(Answer.YES, Answer.NO),
            unit="h",
            possible=(0, 72),
            usual=(0, 24),
        )
        for key, label in (("solids", "Last solids"), ("fluids", "Last clear fluids"))
    ),
)
_WEIGHT = CheckItem(
    key="weight",
    heading=_TODAY,
    text="Weight is recent enough for the dose",
    effect="Weigh, and enter it in the dose step.",
)
_ESCORT = CheckItem(
    key="escort",
    heading=_TODAY,
    text="A responsible adult stays during and after",
    not_applicable=False,
    stops=True,
    effect="Nobody to go home with: a prescriber decides.",
    details=(
        Detail(key="name", label="Name", kind=DetailKind.NAME),
        Detail(key="phone", label="Telephone", kind=DetailKind.PHONE),
    ),
)
_DRIVING = CheckItem(
    key="driving",
    heading=_TODAY,
    text="Told: no driving until the day after a night's sleep",
    not_applicable=False,
    effect="Tell the patient before the dose.",
)
_STAFF = CheckItem(
    key="staff",
    heading=_READY,
    text="Somebody is named who watches the patient throughout",
    not_applicable=False,
    stops=True,
    effect="Nobody watches: do not start.",
    details=(Detail(key="name", label="Name", kind=DetailKind.NAME),),
)
_KIT = (
    CheckItem(
        key="equipment",
        heading=_READY,
        text="Monitor, oxygen, suction, airway kit and rescue medicines at hand",
        not_applicable=False,
        stops=True,
        effect="Bring what is missing first.",
        place=Place.CLINIC,
    ),
    *(
        CheckItem(
            key=key,
            heading=_READY,
            text=f"{name} at hand",
            not_applicable=False,
            stops=True,
            effect="Bring it first.",
            place=Place.HOME,
        )
        for key, name in (
            ("monitor", "Monitor, charged"),
            ("oxygen", "Oxygen"),
            ("suction", "Suction"),
            ("airway", "Airway kit"),
            ("rescue", "Rescue medicines"),
        )
    ),
)
_ACCESS = CheckItem(
    key="access",
    heading=_READY,
    text="Intravenous line is patent",
    not_applicable=False,
    stops=True,
    effect="Place a new line first.",
)

_OBSERVED = (_IDENTITY, _CONSENT, _ALLERGIES, _PREGNANCY, *_HISTORY, _SOBER)

BEFORE_SPRAY = (*_OBSERVED, _FASTING, _ESCORT, _DRIVING, _STAFF, *_KIT)
BEFORE_INJECTION = (*_OBSERVED, _FASTING, _WEIGHT, _ESCORT, _DRIVING, _STAFF, *_KIT)
BEFORE_INFUSION = (*BEFORE_INJECTION, _ACCESS)
BEFORE_TABLET = (*_OBSERVED, _DRIVING)  # no fasting, nobody has to stay: no dissociation is intended

DISCHARGE = (
    CheckItem(key="time", text="Observed for the planned time since the dose", not_applicable=False),
    CheckItem(key="pressure", text="Blood pressure back near baseline or below 140/100", not_applicable=False),
    CheckItem(key="saturation", text="Oxygen saturation at baseline", not_applicable=False),
    CheckItem(key="alert", text="Alert (MOAA/S 5)", not_applicable=False),
    CheckItem(key="orientation", text="Orientated to person, place and time", not_applicable=False),
    CheckItem(key="dissociation", text="Free of dissociation", not_applicable=False),
    CheckItem(key="gait", text="Walks unaided", not_applicable=False),
    CheckItem(key="fluids", text="Tolerates fluids", not_applicable=True),
    CheckItem(key="safety", text="Free of new suicidal thoughts", not_applicable=False),
    CheckItem(key="escorted", text="Leaves with, or stays with, a responsible adult", not_applicable=False),
    CheckItem(key="advice", text="Written advice given: no driving until the day after sleep", not_applicable=False),
    CheckItem(
        key="next",
        text="Next visit booked",
        details=(
            Detail(key="day", label="Date of the visit", kind=DetailKind.DAY, possible=(0, 365), usual=(1, 60)),
        ),
    ),
)


def _support(key: str, text: str) -> CheckItem:
    return CheckItem(
        key=key,
        text=text,
        required=False,
        details=(
            Detail(
                key="minutes",
                label="Time",
                kind=DetailKind.NUMBER,
                unit="min",
                possible=(1, 480),
                usual=(5, 180),
            ),
            Detail(key="therapist", label="Therapist", kind=DetailKind.NAME),
        ),
    )


THERAPY = (
    _support("preparation", "Preparation before the session"),
    _support("support", "Support during the session"),
    _support("integration", "Integration held or booked within 72 hours"),
)
