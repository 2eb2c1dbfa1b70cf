"""Our part of a written resource brought to its next version, and nobody else's touched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import wire
from fhir_mappings.writing.amendment import Disputed, amended, amendment, taken_out
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.written import Json, WrittenResource
from tests.fhir_mappings.writing.a_session import DOCTOR, at

FIRST: Json = {"resourceType": "Procedure", "status": "completed", "note": [{"text": "v1"}], "code": {"text": "x"}}
SECOND: Json = {**FIRST, "note": [{"text": "v2"}], "outcome": {"text": "well"}}


def held(**changes: Any) -> Json:
    """The first version as an EHR holds it."""
    return {**FIRST, "id": "5", "meta": {"versionId": "1"}, **changes}


def test_what_we_changed_is_changed_and_the_rest_stays() -> None:
    made = amended(held(usedCode=[{"text": "pump"}]), [FIRST], SECOND)
    assert made == {**held(usedCode=[{"text": "pump"}]), "note": [{"text": "v2"}], "outcome": {"text": "well"}}


def test_what_stands_so_already_is_left_alone() -> None:
    assert amended({**held(), **SECOND}, [FIRST], SECOND) is None


def test_an_element_that_we_drop_goes_unless_somebody_changed_it() -> None:
    with_reason = {**FIRST, "statusReason": {"text": "cough"}}
    made = amended(held(statusReason={"text": "cough"}), [with_reason], FIRST)
    assert made is not None
    assert "statusReason" not in made
    with pytest.raises(Disputed) as dispute:
        amended(held(statusReason={"text": "fever"}), [with_reason], FIRST)
    assert dispute.value.names == ("statusReason",)


def test_an_element_that_somebody_changed_is_disputed_only_where_we_change_it_too() -> None:
    assert amended(held(code={"text": "theirs"}), [FIRST], SECOND) is not None, "we leave the code as it is"
    with pytest.raises(Disputed) as dispute:
        amended(held(note=[{"text": "rewritten"}]), [FIRST], SECOND)
    assert dispute.value.names == ("note",)


def test_what_others_added_to_a_list_stays_in_it() -> None:
    made = amended(held(note=[{"text": "v1"}, {"text": "theirs"}]), [FIRST], SECOND)
    assert made is not None
    assert made["note"] == [{"text": "v2"}, {"text": "theirs"}]


def test_an_ehr_that_writes_a_display_has_not_changed_anything() -> None:
    first, second = {**FIRST, "code": {"text": "a"}}, {**FIRST, "code": {"text": "b"}}
    made = amended(held(code={"text": "a", "id": "c1"}), [first], second)
    assert made is not None
    assert made["code"] == {"text": "b"}


def test_any_of_our_earlier_versions_may_stand_there() -> None:
    """An amendment in between may not have arrived."""
    third = {**FIRST, "note": [{"text": "v3"}]}
    for there in (held(), held(note=[{"text": "v2"}])):
        made = amended(there, [FIRST, SECOND], third)
        assert made is not None
        assert made["note"] == [{"text": "v3"}]


def test_a_status_is_changed_and_one_that_somebody_changed_is_disputed() -> None:
    stopped = {**FIRST, "status": "stopped"}
    made = amended(held(), [FIRST], stopped)
    assert made is not None
    assert made["status"] == "stopped"
    with pytest.raises(Disputed):
        amended(held(status="entered-in-error"), [FIRST], stopped)


def test_what_is_taken_out_is_marked_once() -> None:
    marked = taken_out(held(), at(18), DOCTOR)
    assert marked is not None
    assert (marked["status"], len(marked["note"])) == ("entered-in-error", 2)
    assert taken_out(marked, at(19), DOCTOR) is None


def test_a_resource_without_its_version_is_not_updated() -> None:
    with pytest.raises(Unwritable):
        amendment([], [FIRST], fhir_base="https://ehr.example", known={})


def test_new_ones_are_created_and_changed_ones_updated_in_their_version() -> None:
    body = b'{"resourceType":"Observation","identifier":[{"system":"s","value":"v"}]}'
    new = WrittenResource(resource_type="Observation", system="s", value="v", label="x", body=body)
    bundle = wire.decode(amendment([new], [held()], fhir_base="https://ehr.example", known={}))
    assert [entry["request"] for entry in bundle["entry"]] == [
        {"method": "POST", "url": "Observation", "ifNoneExist": "identifier=s|v"},
        {"method": "PUT", "url": "Procedure/5", "ifMatch": 'W/"1"'},
    ]


_TEXTS = st.sampled_from("abc").map(lambda text: {"text": text})
_LIST = st.lists(_TEXTS, min_size=1, max_size=3)
_SHAPES = {"status": st.sampled_from("ab"), "code": _TEXTS, "outcome": _TEXTS, "note": _LIST, "performer": _LIST}
_ELEMENTS = st.fixed_dictionaries({}, optional=_SHAPES)


@given(st.lists(_ELEMENTS, min_size=1, max_size=3), _ELEMENTS, _ELEMENTS)
def test_nothing_of_others_is_ever_lost_and_a_second_pass_changes_nothing(
    before: list[Json], ours: Json, theirs: Json
) -> None:
    current = {**before[-1], **{f"x{name}": value for name, value in theirs.items()}}
    made = amended(current, before, ours)
    after = current if made is None else made
    assert {name: value for name, value in after.items() if name.startswith("x")} == {
        f"x{name}": value for name, value in theirs.items()
    }
    assert amended(after, before, ours) is None


@given(_ELEMENTS, _ELEMENTS, _ELEMENTS)
def test_it_is_disputed_or_holds_what_they_wrote(before: Json, ours: Json, current: Json) -> None:
    """Whatever stands there that none of our versions wrote is there afterwards, or nothing was done."""
    try:
        made = amended(current, [before], ours)
    except Disputed:
        return
    after = current if made is None else made
    for name, value in current.items():
        written = [one[name] for one in (before, ours) if name in one]
        if not isinstance(value, list):
            assert after.get(name) == value or value in written
            continue
        own = [item for each in written if isinstance(each, list) for item in each]
        kept = after.get(name, [])
        assert all(item in kept for item in value if item not in own) or value in written


def test_a_dose_is_changed_part_by_part_and_what_others_added_to_it_stays() -> None:
    sent = {"dosage": {"text": "41 mg", "dose": {"value": Decimal(41), "unit": "mg"}}}
    wanted = {"dosage": {"text": "39 mg", "dose": {"value": Decimal(39), "unit": "mg"}}}
    corrected = {
        "dosage": {"text": "41 mg", "dose": {"value": Decimal(39), "unit": "mg"}, "method": {"text": "Pump"}}
    }
    made = amended(corrected, [sent], wanted)
    assert made == {"dosage": {**wanted["dosage"], "method": {"text": "Pump"}}}
    assert amended(made, [sent], wanted) is None
    with pytest.raises(Disputed):
        amended(corrected, [sent], {"dosage": {"text": "40 mg", "dose": {"value": Decimal(40), "unit": "mg"}}})
