"""The questionnaires of the programme, as data: the one place to change an item, a band, a threshold or a code.

PHQ-9 and GAD-7 are free to use, so their texts are shown. Of the others only what an item is about is said, in
words of ours: they are entered by number from the form at hand, which needs its own permission. Codes are LOINC's
where a public source bears them out (PHQ-9: US Core 7.0.0; GAD-7, C-SSRS: public repositories), else our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from fhir_mappings.facts.questionnaire import Condition, Instrument, Item, Option, Rule

VERSION = "1.0.0"

_FREQUENCY = (
    Option(score=0, words="Not at all", loinc="LA6568-5"),
    Option(score=1, words="Several days", loinc="LA6569-3"),
    Option(score=2, words="More than half the days", loinc="LA6570-1"),
    Option(score=3, words="Nearly every day", loinc="LA6571-9"),
)
# LOINC gives this one item of GAD-7 another third answer.
_WORRY = (*_FREQUENCY[:2], Option(score=2, words="More than half the days", loinc="LA18938-3"), _FREQUENCY[3])
_YES_NO = (Option(score=0, words="No", loinc="LA32-8"), Option(score=1, words="Yes", loinc="LA33-6"))


def _points(highest: int) -> tuple[Option, ...]:
    return tuple(Option(score=score, words=str(score)) for score in range(highest + 1))


def _items(options: tuple[Option, ...], rows: Iterable[tuple[str, str]]) -> tuple[Item, ...]:
    return tuple(
        Item(number=number, words=words, options=options, loinc=loinc)
        for number, (words, loinc) in enumerate(rows, start=1)
    )


_PHQ9 = Instrument(
    key="phq9",
    name="PHQ-9",
    title="Patient Health Questionnaire, 9 items",
    version=VERSION,
    asks="The patient, about the last 2 weeks",
    items=_items(
        _FREQUENCY,
        (
            ("Little interest or pleasure in doing things", "44250-9"),
            ("Feeling down, depressed, or hopeless", "44255-8"),
            ("Trouble falling or staying asleep, or sleeping too much", "44259-0"),
            ("Feeling tired or having little energy", "44254-1"),
            ("Poor appetite or overeating", "44251-7"),
            (
                "Feeling bad about yourself, or that you are a failure or have let yourself or your family down",
                "44258-2",
            ),
            ("Trouble concentrating on things, such as reading the newspaper or watching television", "44252-5"),
            (
                "Moving or speaking so slowly that other people could have noticed. Or the opposite: being so "
                "fidgety or restless that you have been moving around a lot more than usual",
                "44253-3",
            ),
            ("Thoughts that you would be better off dead, or of hurting yourself in some way", "44260-8"),
        ),
    ),
    rule=Rule.SUM,
    highest=27,
    bands=(
        (0, 4, "minimal"),
        (5, 9, "mild"),
        (10, 14, "moderate"),
        (15, 19, "moderately severe"),
        (20, 27, "severe"),
    ),
    remission=4,
    primary=True,
    worded=True,
    terms="Free to use; no permission required.",
    recall="two weeks",
    watched=9,
    panel="44249-1",
    total="44261-6",
    total_display="Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]",
)

_GAD7_ROWS = (
    ("Feeling nervous, anxious, or on edge", "69725-0"),
    ("Not being able to stop or control worrying", "68509-9"),
    ("Worrying too much about different things", "69733-4"),
    ("Trouble relaxing", "69734-2"),
    ("Being so restless that it is hard to sit still", "69735-9"),
    ("Becoming easily annoyed or irritable", "69689-8"),
    ("Feeling afraid, as if something awful might happen", ""),  # no source bears a code out
)
_GAD7 = Instrument(
    key="gad7",
    name="GAD-7",
    title="Generalised Anxiety Disorder, 7 items",
    version=VERSION,
    asks="The patient, about the last 2 weeks",
    items=tuple(
        Item(number=number, words=words, options=_WORRY if loinc == "68509-9" else _FREQUENCY, loinc=loinc)
        for number, (words, loinc) in enumerate(_GAD7_ROWS, start=1)
    ),
    rule=Rule.SUM,
    highest=21,
    bands=((0, 4, "minimal"), (5, 9, "mild"), (10, 14, "moderate"), (15, 21, "severe")),
    remission=4,
    primary=False,
    worded=True,
    terms="Free to use; no permission required.",
    recall="two weeks",
    panel="69737-5",
    total="70274-6",
)


def _screener(
    key: str, name: str, asks: str, last: tuple[Item, ...], panel: str, codes: tuple[str, ...]
) -> Instrument:
    about = (
        "Wish to be dead",
        "Thoughts of killing oneself, in general",
        "Thoughts of how",
        "Some intention to act",
        "A plan worked out, with intention",
    )
    first = tuple(
        Item(
            number=number,
            words=words,
            options=_YES_NO,
            loinc=codes[number - 1] if codes else "",
            asked_if=Condition(item=2, score=1) if number in {3, 4, 5} else None,
        )
        for number, words in enumerate(about, start=1)
    )
    return Instrument(
        key=key,
        name=name,
        title="Columbia suicide severity, screener",
        version=VERSION,
        asks=asks,
        items=(*first, *last),
        rule=Rule.SCREENER,
        highest=0,
        bands=(),
        remission=None,
        primary=False,
        worded=False,
        terms="Free in clinical use; the wording is its owner's and is not shipped. Ask from the form itself.",
        panel=panel,
    )


_CSSRS = _screener(
    "cssrs",
    "C-SSRS screener",
    "The clinician asks about the last month, and about acts in the whole life",
    (
        Item(number=6, words="Any act or preparation, ever in life", options=_YES_NO, loinc="93267-3"),
        Item(
            number=7,
            words="If so: within the last 3 months",
            options=_YES_NO,
            loinc="93269-9",
            asked_if=Condition(item=6, score=1),
        ),
    ),
    "93373-9",
    ("93246-7", "93247-5", "93248-3", "93249-1", "93250-9"),
)
# LOINC's codes are those of the form above: a form about another time must not use them.
_CSSRS_SINCE = _screener(
    "cssrs-since",
    "C-SSRS screener, since last visit",
    "The clinician asks about the time since the last visit",
    (Item(number=6, words="Any act or preparation since the last visit", options=_YES_NO),),
    "",
    (),
)

_MADRS = Instrument(
    key="madrs",
    name="MADRS",
    title="Montgomery-Asberg Depression Rating Scale",
    version=VERSION,
    asks="A trained clinician rates the last 7 days",
    items=_items(
        _points(6),
        [
            (words, "")
            for words in (
                "Sadness that is seen",
                "Sadness that is told",
                "Tension",
                "Sleep",
                "Appetite",
                "Concentration",
                "Getting started",
                "Feeling and interest",
                "Thoughts of guilt or failure",
                "Thoughts of death or suicide",
            )
        ],
    ),
    rule=Rule.SUM,
    highest=60,
    bands=(),
    remission=10,
    primary=True,
    worded=False,
    terms="Copyrighted; ask its owner. The form is not shipped.",
    watched=10,
)

_QIDS = Instrument(
    key="qids-sr16",
    name="QIDS-SR16",
    title="Quick Inventory of Depressive Symptomatology, self-report, 16 items",
    version=VERSION,
    asks="The patient, about the last 7 days",
    items=_items(
        _points(3),
        [
            (words, "")
            for words in (
                "Falling asleep",
                "Sleep during the night",
                "Waking too early",
                "Sleeping too much",
                "Feeling sad",
                "Less appetite",
                "More appetite",
                "Weight lost",
                "Weight gained",
                "Concentration and decisions",
                "View of oneself",
                "Thoughts of death or suicide",
                "Interest",
                "Energy",
                "Feeling slowed down",
                "Feeling restless",
            )
        ],
    ),
    rule=Rule.GROUPS,
    groups=((1, 2, 3, 4), (5,), (6, 7, 8, 9), (10,), (11,), (12,), (13,), (14,), (15, 16)),
    either=((6, 7), (8, 9)),
    highest=27,
    bands=((0, 5, "none"), (6, 10, "mild"), (11, 15, "moderate"), (16, 20, "severe"), (21, 27, "very severe")),
    remission=5,
    primary=True,
    worded=False,
    terms="Free with registration at its owner. The form is not shipped.",
    recall="a week",
    watched=12,
)

_CADSS = Instrument(
    key="cadss6",
    name="CADSS-6",
    title="Clinician-Administered Dissociative States Scale, 6 items",
    version=VERSION,
    asks="The clinician asks about now, during or after the dose",
    items=_items(_points(4), [(f"Item {number} of the form", "") for number in range(1, 7)]),
    rule=Rule.SUM,
    highest=24,
    bands=(),
    remission=None,
    primary=False,
    worded=False,
    terms="Terms unclear; ask its authors. The form is not shipped.",
)

_HAMD = Instrument(
    key="hamd17",
    name="HAM-D17",
    title="Hamilton Depression Rating Scale, 17 items",
    version=VERSION,
    asks="A trained clinician rates the last 7 days",
    items=(),
    rule=Rule.TOTAL_ONLY,
    highest=52,
    bands=(),
    remission=7,
    primary=True,
    worded=False,
    terms="In the public domain by most accounts; the form is not shipped.",
)

INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {each.key: each for each in (_PHQ9, _GAD7, _CSSRS, _CSSRS_SINCE, _MADRS, _QIDS, _CADSS, _HAMD)}
)
