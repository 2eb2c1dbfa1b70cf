"""What travels: references the EHR can follow, conditional creates, and the same bytes at every attempt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings import wire
from fhir_mappings.writing.session_bundle import Unwritable, session_resources, transaction
from tests.fhir_mappings.writing.a_session import (
    EHR,
    INSTANCE,
    a_course,
    a_dose,
    a_full_session,
    a_reading,
    a_session,
    an_id,
)

Json = dict[str, Any]
KNOWN = {an_id(9): "CarePlan/12"}


def _bundle(**changes: Any) -> Json:
    resources = session_resources(a_full_session(**changes), a_course(), INSTANCE)
    return wire.decode(transaction(resources, fhir_base=EHR, known=KNOWN))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [found for item in value.values() for found in _references(item)]
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    return []


def test_every_entry_is_created_only_where_there_is_none() -> None:
    bundle = _bundle()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    for entry in bundle["entry"]:
        resource, request = entry["resource"], entry["request"]
        assert (request["method"], request["url"]) == ("POST", resource["resourceType"])
        if resource["resourceType"] in {"Provenance", "AdverseEvent"}:
            tag = resource["meta"]["tag"][0]
            assert request["ifNoneExist"] == f"_tag={tag['system']}|{tag['code']}"
        else:
            identifier = resource["identifier"][0]
            assert request["ifNoneExist"] == f"identifier={identifier['system']}|{identifier['value']}"
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"][:2]] == [
        "Procedure",
        "MedicationAdministration",
    ]
    assert bundle["entry"][-1]["resource"]["resourceType"] == "Provenance"


def test_no_reference_is_left_that_the_ehr_cannot_follow() -> None:
    bundle = _bundle()
    inside = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(inside) == len(bundle["entry"])
    references = _references(bundle)
    assert {"Patient/p1", "Encounter/e1", "Condition/c1", "Practitioner/doctor", "CarePlan/12"} <= set(references)
    for reference in references:
        assert reference in inside or not reference.startswith(("urn:", "http"))


def test_another_servers_resources_stay_absolute() -> None:
    elsewhere = "https://registry.example/fhir/Practitioner/7"
    session = a_session()
    signer = replace(session.signature.by, reference=elsewhere, organization=None)
    session = replace(session, signature=replace(session.signature, by=signer))
    bundle = transaction(session_resources(session, a_course(), INSTANCE), fhir_base=EHR, known=KNOWN)
    assert elsewhere in _references(wire.decode(bundle))


def test_a_base_that_only_begins_alike_is_another_server() -> None:
    resources = session_resources(a_session(), a_course(), INSTANCE)
    bundle = wire.decode(transaction(resources, fhir_base=EHR.removesuffix("ir"), known=KNOWN))
    assert f"{EHR}/Patient/p1" in _references(bundle)


def test_a_session_of_an_unknown_course_does_not_travel() -> None:
    with pytest.raises(Unwritable) as refused:
        transaction(session_resources(a_session(), a_course(), INSTANCE), fhir_base=EHR, known={})
    assert refused.value.fact == "Procedure.basedOn"


def test_links_to_a_plan_that_is_not_taken_are_left_out_and_nothing_else() -> None:
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    linked = wire.decode(transaction(resources, fhir_base=EHR, known=KNOWN))
    bare = wire.decode(transaction(resources, fhir_base=EHR, known={an_id(9): None}))
    assert "CarePlan" not in str(bare)
    for entry in linked["entry"]:
        entry["resource"].pop("basedOn", None)
    assert bare == linked


def test_part_of_a_session_travels_once_the_rest_is_known() -> None:
    procedure, dose, *_ = session_resources(a_session(readings=()), a_course(), INSTANCE)
    with pytest.raises(Unwritable):
        transaction([dose], fhir_base=EHR, known=KNOWN)
    bundle = transaction([dose], fhir_base=EHR, known=KNOWN | {procedure.value: "Procedure/5"})
    assert wire.decode(bundle)["entry"][0]["resource"]["partOf"][0]["reference"] == "Procedure/5"


_AMOUNTS = st.one_of(
    st.sampled_from([Decimal("0.50"), Decimal("1.10"), Decimal(19), Decimal("1E-7"), Decimal("100.000")]),
    st.decimals(min_value="0.000001", max_value=100000, allow_nan=False, allow_infinity=False, places=None),
)


@settings(max_examples=60, deadline=None)
@given(planned=_AMOUNTS, given_mg=_AMOUNTS, wasted=_AMOUNTS, systolic=_AMOUNTS, saturation=_AMOUNTS)
def test_amounts_keep_their_digits_from_the_facts_to_the_wire(
    planned: Decimal, given_mg: Decimal, wasted: Decimal, systolic: Decimal, saturation: Decimal
) -> None:
    session = a_session(
        dose=a_dose(planned_mg=planned, given_mg=given_mg, wasted_mg=wasted),
        readings=(a_reading(3, systolic=systolic, oxygen_saturation=saturation),),
    )
    resources = session_resources(session, a_course(), INSTANCE)
    sent = transaction(resources, fhir_base=EHR, known=KNOWN)
    assert sent == transaction(session_resources(session, a_course(), INSTANCE), fhir_base=EHR, known=dict(KNOWN))
    written = {str(one) for one in _amounts(wire.decode(sent))}
    assert {str(one) for one in (planned, given_mg, wasted, systolic, saturation)} <= written
    assert f'"value":{given_mg},"unit":"mg"'.encode() in sent


def _amounts(value: Any) -> list[Decimal | int]:
    if isinstance(value, dict):
        return [found for item in value.values() for found in _amounts(item)]
    if isinstance(value, list):
        return [found for item in value for found in _amounts(item)]
    return [value] if isinstance(value, int | Decimal) else []
