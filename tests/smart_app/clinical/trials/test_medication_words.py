"""Why a medicine was stopped and what it was given for: a denial, a doubt or another failure must not count."""

from __future__ import annotations

import pytest

from smart_app.clinical.trials.medication_words import (
    for_depression,
    ineffective,
    intolerance,
    other_purpose,
    says_nothing,
)


@pytest.mark.parametrize(
    "text",
    [
        "Ineffective",
        "INEFFECTIVE; no side effects",
        "medication ineffective (finding)",
        "No response",
        "no adequate response after 8 weeks",
        "Lack of efficacy",
        "not effective",
        "Inadequate response",
        "insufficient clinical response",
        "Treatment failure",
        "failed",
        "Failed trial",
        "it has failed",
        "failed to respond",
        "did not work",
        "didn't help",
        "No side effects but ineffective",
        "nausea, lack of effect",
        "patient is a non-responder",
        "ineffective for depression and anxiety",
        "did not respond to treatment",
        "Ineffective and caused nausea",
        "no response to maximal dose",
    ],
)
def test_want_of_effect_is_seen(text: str) -> None:
    assert ineffective((text,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no failure",
        "no treatment failure",
        "no evidence of treatment failure",
        "not ineffective",
        "treatment failure ruled out",
        "ineffective?",
        "possibly ineffective",
        "not stopped for lack of efficacy",
        "renal failure",
        "heart failure",
        "prior authorization failed",
        "failed drug screen",
        "failed to attend",
        "if ineffective switch",
        "effective",
        "good response",
        "remission",
        "ineffectively packaged",
        "side effects",
        "cost",
        "Patient did not respond to phone calls",
        "did not respond to our messages",
        "Treatment failure due to nonadherence",
        "Treatment failure (non-compliance)",
        "failed; not taking it",
        "no relief of nausea",
        "ineffective for pain",
        "Did not help sleep",
        "Not effective for sleep; mood better",
        "No response yet",
        "Inadequate response to lower dose",
        "Failed to tolerate",
    ],
)
def test_what_is_not_surely_want_of_effect_is_not(text: str) -> None:
    assert not ineffective((text,))


def test_one_text_of_several_is_enough() -> None:
    assert ineffective(("patient moved", "inadequate response"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Side effects", True),
        ("side-effect: nausea", True),
        ("Drug intolerance", True),
        ("adverse reaction", True),
        ("not tolerated", True),
        ("could not tolerate", True),
        ("Failed to tolerate", True),
        ("did not tolerate", True),
        ("no side effects", False),
        ("well tolerated", False),
        ("ineffective", False),
    ],
)
def test_intolerance(text: str, said: bool) -> None:
    assert intolerance((text,)) is said


@pytest.mark.parametrize(
    ("reason", "purpose"),
    [
        ("Insomnia", "sleep"),
        ("sleep disturbance", "sleep"),
        ("Diabetic peripheral neuropathy", "pain"),
        ("chronic low back pain", "pain"),
        ("Fibromyalgia", "pain"),
        ("Migraine prophylaxis", "pain"),
        ("Smoking cessation", "smoking cessation"),
        ("Tobacco dependence", "smoking cessation"),
        ("vasomotor symptoms of menopause", "hot flushes"),
        ("Hot flashes", "hot flushes"),
        ("obesity", "weight"),
        ("Parkinson's disease", "Parkinson's disease"),
        ("Major depressive disorder", ""),
        ("depression with insomnia", ""),
        ("generalized anxiety disorder", ""),
        ("painting", ""),
        ("", ""),
    ],
)
def test_purpose(reason: str, purpose: str) -> None:
    assert other_purpose((reason,)) == purpose


def test_depression_among_several_reasons_is_enough() -> None:
    assert other_purpose(("insomnia", "depression")) == ""


@pytest.mark.parametrize(
    ("code", "purpose"),
    [
        ("G43.909", "pain"),
        ("M79.7", "pain"),
        ("M797", "pain"),
        ("E11.42", "pain"),
        ("g47.00", "sleep"),
        ("F51.01", "sleep"),
        ("F17.210", "smoking cessation"),
        ("Z72.0", "smoking cessation"),
        ("N95.1", "hot flushes"),
        ("F42.2", "obsessive-compulsive disorder"),
        ("E66.9", "weight"),
        ("N39.44", "enuresis"),
    ],
)
def test_a_bare_code_of_another_purpose(code: str, purpose: str) -> None:
    assert other_purpose((code,)) == purpose
    assert other_purpose((code, "F33.1")) == ""
    assert not says_nothing((code,))


@pytest.mark.parametrize("code", ["F32.A", "F33.1", "F331", "F34.1", "F31.30", "F31.4", "F31.5", "F53.0"])
def test_a_bare_code_of_depression(code: str) -> None:
    assert for_depression((code,))
    assert not says_nothing((code,))


@pytest.mark.parametrize("code", ["F41.1", "F31.9", "370143000", "I10", "F53.1", "N39.4", "311"])
def test_any_other_bare_code_leaves_the_purpose_open(code: str) -> None:
    assert says_nothing((code,))
    assert (for_depression((code,)), other_purpose((code,))) == (False, "")


def test_words_and_no_reason_at_all_are_no_bare_codes() -> None:
    assert not says_nothing(())
    assert not says_nothing(("anxiety",))
    assert not says_nothing(("F41.1", "anxiety"))
