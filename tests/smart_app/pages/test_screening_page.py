"""The screening page with every status and every kind of row."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.pages.screening import groups
from smart_app.pages.screening_words import deciding, gap_words, outcome_words
from smart_app.pages.wording import VERDICTS
from smart_app.use_cases.errors import Busy, Forbidden
from tests.smart_app.pages.desk import (
    LAUNCH,
    Desk,
    PageParts,
    a_caller,
    a_clinician,
    a_finding,
    a_result,
    a_screening,
    post,
)
from tests.smart_app.pages.treatment import enrolled

pytestmark = pytest.mark.anyio

PAGE = f"/l/{LAUNCH}/screening"


async def read(desk: Desk) -> PageParts:
    async with desk.client() as client:
        response = await client.get(PAGE)
    assert response.status_code == 200, response.text
    return PageParts(response.text)


async def test_the_first_visit_screens_and_the_second_shows_the_same(desk: Desk) -> None:
    desk.screens.append(a_screening("candidate", id="made-now"))
    async with desk.client() as client:
        first, second = [await client.get(PAGE) for _ in range(2)]
    assert "TESTPATIENT" in first.text
    assert PageParts(first.text).text == PageParts(second.text).text
    assert [each.id for each in desk.work.kept.screenings.values()] == ["made-now"]


async def test_a_screening_of_an_earlier_launch_is_not_passed_off_as_today_s(desk: Desk) -> None:
    desk.keep(screening=a_screening(id="last-week", launch="an-earlier-launch"))
    desk.screens.append(a_screening(id="today"))
    async with desk.client() as client:
        assert (await client.get(PAGE)).status_code == 200
    assert "today" in desk.work.kept.screenings


async def test_two_who_screen_one_patient_each_go_on_with_their_own(desk: Desk) -> None:
    desk.keep(screening=a_screening("hold", id="mine"))
    desk.keep(screening=a_screening("candidate", id="a-colleague-s", launch="another-launch"))
    page = await read(desk)
    assert "Not now" in page.text
    assert set(desk.work.kept.screenings) == {"mine", "a-colleague-s"}, "nobody screens again for the other's sake"


@pytest.mark.parametrize(
    ("status", "words", "enrol"),
    [
        ("contraindicated", "Contraindicated", "Why enrolment is not open"),
        ("hold", "Not now", "Why enrolment is not open"),
        ("no-indication", "No indication found", "Why enrolment is not open"),
        ("insufficient-data", "Not enough data", "Why enrolment is not open"),
        ("needs-review", "Needs review", "Enrol"),
        ("candidate", "No exclusion found", "Enrol"),
    ],
)
async def test_each_status_has_words_a_shape_and_who_decides(desk: Desk, status: str, words: str, enrol: str) -> None:
    desk.keep(screening=a_screening(status))
    page = await read(desk)
    assert words in page.text
    assert "Decision support. You decide." in page.text
    assert "Record as of 23 Nov 2026 14:12 (UTC−6)" in page.text
    assert page.links[enrol].endswith("/enrolment")


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        ("contraindication", "met", "Found"),
        ("contraindication", "not-met", "Not found"),
        ("missing", "met", "Missing"),
        ("missing", "not-met", "Not missing"),
        ("hold", "not-enough-data", "Not enough data"),
        ("missing", "could-not-look", "Could not look"),
    ],
)
def test_a_rule_about_missing_data_is_answered_in_its_own_words(kind: str, state: str, words: str) -> None:
    assert outcome_words(a_finding(kind=kind, state=state)) == words


def test_every_status_is_drawn_with_a_shape_of_its_own() -> None:
    assert len({verdict.icon for verdict in VERDICTS.values()}) == len(VERDICTS)


def test_findings_stand_worst_first_and_the_unseen_are_never_among_the_found() -> None:
    rows = [
        a_finding("I"),
        a_finding("N", kind="information"),
        a_finding("C", kind="contraindication"),
        a_finding("H", kind="hold"),
        a_finding("R", kind="review"),
        a_finding("K", kind="caution"),
        a_finding("C-unseen", kind="contraindication", state="could-not-look"),
        a_finding("I-unseen", state="not-enough-data"),
        a_finding("M", kind="missing"),
    ]
    made = [(group.title, [row["rule"] for row in group.rows]) for group in groups(rows)]
    assert made == [
        ("Contraindications", ["C"]),
        ("Missing or not to be judged", ["C-unseen", "I-unseen", "M"]),
        ("Not now", ["H"]),
        ("Needs review", ["R"]),
        ("Cautions", ["K"]),
        ("What speaks for treatment", ["I"]),
        ("For information", ["N"]),
    ]


async def test_a_row_shows_its_evidence_its_reason_and_its_rule(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    page = await read(desk)
    assert "Recurrent major depression (F33.2), active, 11 Feb 2024 Condition/mdd-1" in page.text
    assert page.links["Rule I-MDD"].endswith("/rules#rule-I-MDD")


async def test_what_was_looked_for_and_not_found_is_folded_away(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    page = await read(desk)
    assert "Looked for and not found (1)" in page.text
    assert "Schizophrenia Not found" in page.text


async def test_parts_that_could_not_be_read_are_named_before_the_findings(desk: Desk) -> None:
    gaps = [{"reference": "", "reason": "Medications: the EHR refused it (403)."}]
    missing = a_finding("M-BP", kind="missing", title="Blood pressure", evidence=[])
    unseen = a_finding("C-ICP", kind="contraindication", state="could-not-look", title="Raised pressure", evidence=[])
    result = a_result("insufficient-data", gaps=gaps, findings=[missing, unseen])
    desk.keep(screening=a_screening("insufficient-data", result=result))
    page = await read(desk)
    assert page.text.index("Medications: the EHR refused it (403).") < page.text.index("Blood pressure")
    assert "Blood pressure Missing" in page.text
    assert "Raised pressure Could not look" in page.text


async def test_reading_only_is_said_with_its_effect(desk: Desk) -> None:
    desk.open(a_caller(may_write=False))
    desk.keep(screening=a_screening())
    page = await read(desk)
    assert "Reading only" in page.text
    assert "enrolling, recording and signing are not possible" in page.text


async def test_an_alert_stands_above_the_verdict(desk: Desk) -> None:
    alert = {"rule": "A-ITEM9", "text": "PHQ-9 item 9 was 2: ask today."}
    desk.keep(screening=a_screening(result=a_result(alerts=[alert])))
    page = await read(desk)
    assert page.text.index("PHQ-9 item 9 was 2") < page.text.index("You decide")


async def test_nothing_found_is_not_called_healthy(desk: Desk) -> None:
    desk.keep(screening=a_screening("no-indication", result=a_result("no-indication", findings=[])))
    assert "That is not the same as a healthy record." in (await read(desk)).text


async def test_refresh_screens_again(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    desk.screens.append(a_screening("hold", id="fresh"))
    async with desk.client() as client:
        page = PageParts((await client.get(PAGE)).text)
        response = await post(client, page.form("/screening"))
        assert response.status_code == 303
        assert "Not now" in (await client.get(PAGE)).text


@pytest.mark.parametrize(
    ("error", "words"),
    [(Busy("The EHR is busy."), "The EHR is busy."), (Forbidden("No access to Patient."), "No access to Patient.")],
)
async def test_an_ehr_that_fails_is_named_as_the_party_at_fault(desk: Desk, error: Exception, words: str) -> None:
    async def fail(*_: object) -> None:
        raise error

    object.__setattr__(desk.deps, "screen", fail)
    async with desk.client() as client:
        response = await client.get(PAGE)
    page = PageParts(response.text)
    assert response.status_code == 502
    assert words in page.text
    assert "EHR" in page.title
    assert "Try again" in page.links


async def test_a_launch_without_tokens_ends_in_words(desk: Desk) -> None:
    object.__setattr__(desk.deps, "ehr_of", lambda _: None)
    async with desk.client() as client:
        response = await client.get(PAGE)
    assert response.status_code == 401
    assert "Your session ended" in response.text


async def test_the_banner_follows_the_ehr_s_wish_and_the_title_does_not(desk: Desk) -> None:
    desk.open(a_caller(show_banner=False))
    desk.keep(screening=a_screening())
    page = await read(desk)
    assert "TESTPATIENT, Ada, born 04 Mar 1986" in page.title
    assert not [tag for tag, attrs in page.tags if tag == "header"]
    assert [attrs for _, attrs in page.tags if "print-only" in attrs.get("class", "")], "print names the patient"


async def test_what_is_not_known_of_the_patient_is_said(desk: Desk) -> None:
    desk.keep(screening=a_screening(person={"family": "Testpatient"}))
    page = await read(desk)
    assert "Born not recorded" in page.text
    assert "MRN not recorded" in page.text
    assert "Allergies Could not load allergies" in page.text


RESTS_ON = {
    "pressure": {
        "text": "124/76 mmHg",
        "date": "2026-11-18",
        "reference": "Observation/bp",
        "days": 5,
        "newer_unusable": False,
    },
    "medications": ["sertraline 100 mg"],
    "earlier_medications": ["venlafaxine 150 mg"],
    "allergies": [],
    "unread": [],
}


async def test_a_candidate_s_page_says_at_once_what_it_rests_on(desk: Desk) -> None:
    read_ = ("Patient/ada", "Condition/mdd-1/_history/1", "Observation/bp", "Observation/w", "MedicationRequest/m")
    desk.keep(screening=a_screening(result=a_result(relied_on=RESTS_ON), read=read_))
    page = await read(desk)
    assert "Blood pressure 124/76 mmHg, 18 Nov 2026 (5 days ago) Observation/bp" in page.text
    assert "Medications, current sertraline 100 mg Medications, earlier venlafaxine 150 mg" in page.text
    assert "Allergies None on record." in page.text
    assert "Read in all 1 condition, 2 observations, 1 prescription" in page.text


async def test_a_list_that_was_not_read_is_never_said_to_be_empty(desk: Desk) -> None:
    unread = {
        "medications": [],
        "earlier_medications": [],
        "pressure": None,
        "unread": ["allergies", "blood pressure", "medications"],
    }
    result = a_result("insufficient-data", relied_on=RESTS_ON | unread, not_offered=["MedicationStatement"])
    desk.keep(screening=a_screening("insufficient-data", result=result))
    page = await read(desk)
    assert page.text.count("Not everything could be read.") == 3
    assert "None on record" not in page.text
    assert "This EHR does not offer: MedicationStatement" in page.text


async def test_a_newer_pressure_that_cannot_be_used_is_said_beside_the_old_one(desk: Desk) -> None:
    pressure = RESTS_ON["pressure"] | {"newer_unusable": True}  # type: ignore[operator]  # a dict of many kinds
    desk.keep(screening=a_screening(result=a_result(relied_on=RESTS_ON | {"pressure": pressure})))
    assert "A newer reading could not be used." in (await read(desk)).text


async def test_an_absent_indication_does_not_stand_under_what_speaks_for_treatment(desk: Desk) -> None:
    row = a_finding("IND-NONE", reason="All conditions were read and none is an indication.", evidence=[])
    desk.keep(screening=a_screening("no-indication", result=a_result("no-indication", findings=[row])))
    page = await read(desk)
    assert "What speaks for treatment" not in page.text
    assert "None found" in page.text


async def test_many_questions_with_one_obstacle_are_one_line(desk: Desk) -> None:
    reason = "Could not look: conditions could not be read in full."
    rows = [a_finding(f"R{n}", state="could-not-look", reason=reason, title=f"Question {n}?") for n in range(5)]
    result = a_result("insufficient-data", findings=rows)
    desk.keep(screening=a_screening("insufficient-data", result=result))
    page = await read(desk)
    assert "5 questions could not be answered" in page.text
    assert "Question 4? Rule R4" in page.text
    assert page.text.count(reason) == 2, "once on the card, once in its group"


@pytest.mark.parametrize(
    ("status", "kind", "state", "words"),
    [
        ("contraindicated", "contraindication", "met", "Because of R."),
        ("hold", "hold", "met", "Because of R. 140/80 mmHg."),
        ("insufficient-data", "missing", "met", "Because of R."),
        ("insufficient-data", "contraindication", "could-not-look", "Because of R."),
        ("needs-review", "review", "met", "Because of R."),
        ("candidate", "indication", "met", "Because of R."),
    ],
)
def test_the_card_says_why(status: str, kind: str, state: str, words: str) -> None:
    evidence = [{"reference": "Observation/1", "date": "2026-11-18", "text": "140/80 mmHg"}]
    rows = [
        a_finding("R", kind=kind, state=state, reason="Because of R.", evidence=evidence),
        a_finding("N", kind="information", reason="Beside the point."),
    ]
    assert deciding(status, rows, ()) == (words,)


def test_the_card_names_the_question_that_the_patient_answered() -> None:
    evidence = [{"reference": "answer/1", "date": "2026-11-18", "text": "Yes"}]
    row = a_finding("R", kind="hold", title="Is it so?", reason="The patient says yes.", evidence=evidence)
    assert deciding("hold", [row], ()) == ("Is it so? The patient says yes.",)


def test_the_card_says_what_is_for_review_because_it_could_not_be_told() -> None:
    rows = [
        a_finding(
            "R",
            kind="hold",
            state="not-enough-data",
            effect="needs-review",
            reason="The answers differ.",
            evidence=[],
        ),
        a_finding("N", kind="caution", state="not-enough-data", reason="Beside the point."),
    ]
    assert deciding("needs-review", rows, ()) == ("The answers differ.",)


def test_more_reasons_than_fit_are_counted() -> None:
    rows = [a_finding(f"R{n}", kind="review", reason=f"Reason {n}.") for n in range(6)]
    assert deciding("needs-review", rows, ())[3:] == ("Reason 3.", "And 2 more, below.")


@pytest.mark.parametrize(
    ("gap", "words", "advice"),
    [
        (
            {"reference": "medications", "reason": "the EHR refused it (403)"},
            "Medications: the EHR refused it (403).",
            "Ask the EHR's administrator to let this app read medications.",
        ),
        (
            {"reference": "conditions", "reason": "page 2 failed: the EHR failed (500)"},
            "Conditions: page 2 failed: the EHR failed (500).",
            "Refresh from the EHR. If it fails again, look in the chart itself.",
        ),
        ({"reference": "Condition/1", "reason": "the code is damaged"}, "The code is damaged", ""),
    ],
)
def test_a_gap_says_which_part_is_missing_and_what_may_help(gap: dict[str, str], words: str, advice: str) -> None:
    line = gap_words(gap)
    assert (line.words, line.advice) == (words, advice)


async def test_an_enrolled_patient_is_not_offered_enrolment(desk: Desk) -> None:
    enrolled(desk)
    page = await read(desk)
    assert "The patient is enrolled already." in page.text
    assert page.links["Go to the session"].endswith("/session")
    assert "Enrol" not in page.links


async def test_a_nurse_is_not_offered_what_only_a_prescriber_may_do(desk: Desk) -> None:
    desk.open(a_caller(clinician=a_clinician(Role.NURSE, "R. Nurse")))
    desk.keep(screening=a_screening())
    page = await read(desk)
    assert "Enrol" not in page.links
    assert "a prescriber may enrol" in page.text


@pytest.mark.parametrize(
    ("rule", "state", "words"),
    [
        ("IND-NONE", "met", "None found"),
        ("IND-NONE", "not-met", "An indication was found"),
        ("DATA-FETCH", "met", "Not in full"),
        ("DATA-FETCH", "not-met", "In full"),
        ("DATA-FETCH", "could-not-look", "Could not look"),
    ],
)
def test_a_question_that_is_answered_the_other_way_round_has_words_of_its_own(
    rule: str, state: str, words: str
) -> None:
    assert outcome_words(a_finding(rule, kind="missing", state=state)) == words


async def test_what_the_ehr_does_not_let_be_written_is_said_on_the_page_it_concerns(desk: Desk) -> None:
    desk.open(a_caller(not_granted=frozenset({"Observation", "CarePlan"})))
    async with desk.client() as client:
        screening, session = [(await client.get(f"/l/{LAUNCH}/{page}")).text for page in ("screening", "session")]
    assert "did not allow this app to write observations" in session
    assert "did not allow this app to write" not in screening
