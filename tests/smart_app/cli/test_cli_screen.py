"""`ketamine-pathway screen`: what a person at a terminal and a script see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smart_app.cli import main
from tests.builders import a_blood_pressure, a_chart, a_condition, a_medication, a_patient, an_item_nine

AS_OF = ["--as-of", "2026-11-23"]
Capture = pytest.CaptureFixture[str]


def bundle(*resources: Any, kind: str = "collection", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": r} for r in resources]} | more


def outcome(severity: str, code: str = "exception", epic: str | None = None) -> dict[str, Any]:
    coding = [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": epic}] if epic else []
    issue = {"severity": severity, "code": code, "details": {"coding": coding}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def written(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


def screened(capsys: Capture, *paths: str) -> dict[str, Any]:
    assert main(["screen", *paths, *AS_OF, "--format", "json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.parametrize("kind", ["transaction", "searchset", "document", "batch", "collection"])
def test_any_type_of_bundle_is_read(tmp_path: Path, capsys: Capture, kind: str) -> None:
    told = screened(capsys, written(tmp_path / "b.json", bundle(*a_chart(), kind=kind)))
    assert told["status"] == "candidate"
    assert (told["asOf"], told["rulesVersion"]) == ("2026-11-23", "1.0")
    kept = {"looked_at", "questions", "trials", "relied_on", "not_offered", "off"}
    assert set(told) == {"status", "asOf", "rulesVersion", "findings", "alerts", "gaps"} | kept


def test_ndjson_files_and_a_folder_of_them_give_the_same_answer(tmp_path: Path, capsys: Capture) -> None:
    by_type = {"Patient": [], "Condition": [], "Observation": []}  # type: dict[str, list[Any]]
    for resource in a_chart(a_condition("N30.10")):
        by_type[resource["resourceType"]].append(resource)
    for name, found in by_type.items():
        written(tmp_path / f"{name}.ndjson", "\n".join(json.dumps(r) for r in found) + "\n\n")
    from_folder = screened(capsys, str(tmp_path))
    from_files = screened(capsys, *(str(tmp_path / f"{name}.ndjson") for name in by_type))
    assert from_folder == from_files
    assert from_folder["status"] == "contraindicated"


def test_findings_come_worst_first_then_in_the_order_of_the_rules(tmp_path: Path, capsys: Capture) -> None:
    chart = a_chart(a_condition("N30.10"), a_condition("F20.0"), a_condition("I48.0"), a_blood_pressure(150, 80))
    told = screened(capsys, written(tmp_path / "b.json", bundle(*chart)))
    rules = [finding["rule"] for finding in told["findings"]]
    assert rules[:2] == ["ABS-SCZ", "ABS-IC"]
    assert rules.index("ABS-IC") < rules.index("HOLD-BP" if "HOLD-BP" in rules else "REV-CV") < rules.index("IND-MDD")
    schizophrenia = told["findings"][0]
    assert set(schizophrenia) == {"rule", "state", "kind", "effect", "title", "reason", "evidence"}
    assert (schizophrenia["state"], schizophrenia["kind"]) == ("met", "contraindication")
    assert set(schizophrenia["evidence"][0]) == {"reference", "date", "text"}


def test_a_rule_that_is_not_met_is_not_listed(tmp_path: Path, capsys: Capture) -> None:
    told = screened(capsys, written(tmp_path / "b.json", bundle(*a_chart())))
    listed = {finding["rule"] for finding in told["findings"]}
    silent = {finding["rule"] for finding in told["looked_at"]}
    assert "IND-MDD" in listed
    assert "ABS-SCZ" in silent
    assert not listed & silent
    assert len(listed) + len(silent) == 66


def test_trials_and_unresolved_medicines_are_told(tmp_path: Path, capsys: Capture) -> None:
    chart = a_chart(a_medication("36437", id="ssri"), a_medication(None, text="Nobodyknowsin 20 mg", id="statin"))
    path = written(tmp_path / "b.json", bundle(*chart))
    assert main(["screen", path, *AS_OF]) == 0
    told = capsys.readouterr().out
    assert "Trials of antidepressants: " in told
    assert "  - sertraline: " in told
    assert "could not be resolved to an ingredient; the rules could not judge them:\n  - Nobodyknowsin 20 mg" in told
    assert "Not found in the record, ask the patient: ABS-SCZ" in told


def test_a_damaged_table_of_medicines_is_one_line_and_two(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    (tmp_path / "rxnorm.json.gz").write_bytes(b"not a table")
    assert main(["screen", written(tmp_path / "b.json", bundle(*a_chart()))]) == 2
    assert capsys.readouterr().err.endswith("is damaged: load the RxNorm files again, or remove it\n")


def test_an_alert_names_its_rule(tmp_path: Path, capsys: Capture) -> None:
    told = screened(capsys, written(tmp_path / "b.json", bundle(*a_chart(an_item_nine(1)))))
    assert [alert["rule"] for alert in told["alerts"]] == ["IND-SI"]


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        pytest.param({"resource": outcome("error")}, "insufficient-data", id="OperationOutcome, severity error"),
        pytest.param({"resource": outcome("fatal")}, "insufficient-data", id="OperationOutcome, severity fatal"),
        pytest.param({"resource": outcome("warning")}, "needs-review", id="OperationOutcome, severity warning"),
        pytest.param({"resource": outcome("information")}, "candidate", id="OperationOutcome, information"),
        pytest.param({"resource": outcome("information", "suppressed")}, "needs-review", id="left out, told mildly"),
        pytest.param({"resource": outcome("warning", epic="4131")}, "insufficient-data", id="break the glass"),
        pytest.param({"response": {"status": "403 Forbidden"}}, "insufficient-data", id="response 403"),
        pytest.param({"response": {"status": "500"}}, "insufficient-data", id="response 500"),
        pytest.param({"fullUrl": "urn:uuid:1"}, "insufficient-data", id="entry without a resource"),
        pytest.param({"resource": bundle(outcome("error"))}, "insufficient-data", id="error in a Bundle inside"),
    ],
)
def test_what_the_ehr_could_not_give_is_a_failed_fetch(
    tmp_path: Path, capsys: Capture, entry: dict[str, Any], status: str
) -> None:
    whole = bundle(*a_chart())
    whole["entry"].append(entry)
    told = screened(capsys, written(tmp_path / "b.json", whole))
    assert told["status"] == status
    assert bool(told["gaps"]) == (status != "candidate")


def test_a_page_that_is_not_there_is_a_failed_fetch(tmp_path: Path, capsys: Capture) -> None:
    following = {"link": [{"relation": "next", "url": "https://ehr.example/fhir/Condition?page=2"}]}
    first = written(tmp_path / "1.json", bundle(*a_chart(), kind="searchset", **following))
    assert screened(capsys, first)["status"] == "insufficient-data"
    own = {"link": [{"relation": "self", "url": "https://ehr.example/fhir/Condition?page=2"}]}
    second = written(tmp_path / "2.json", bundle(a_condition("M25.561"), kind="searchset", **own))
    assert screened(capsys, first, second)["status"] == "candidate"


def test_a_failed_search_of_known_type_spoils_only_that_part(tmp_path: Path, capsys: Capture) -> None:
    link = [{"relation": "self", "url": "https://ehr.example/fhir/AllergyIntolerance?patient=ada"}]
    failed = bundle(outcome("error"), kind="searchset", link=link)
    chart = written(tmp_path / "chart.json", bundle(*a_chart()))
    told = screened(capsys, chart, written(tmp_path / "allergies.json", failed))
    assert told["status"] == "insufficient-data"
    assert [gap["reference"] for gap in told["gaps"]] == ["allergies"]
    assert {f["rule"]: f["state"] for f in told["findings"]}["ABS-ALLERGY"] == "could-not-look"


def test_a_warning_in_a_search_of_known_type_spoils_only_that_part(tmp_path: Path, capsys: Capture) -> None:
    link = [{"relation": "self", "url": "https://ehr.example/fhir/AllergyIntolerance?patient=ada"}]
    warned = bundle(outcome("warning"), kind="searchset", link=link)
    chart = written(tmp_path / "chart.json", bundle(*a_chart()))
    told = screened(capsys, chart, written(tmp_path / "allergies.json", warned))
    assert told["status"] == "insufficient-data"
    assert told["gaps"] == [{"reference": "allergies", "reason": "the EHR warned that data may be missing"}]


@pytest.mark.parametrize("patient", ["https://ehr.example/fhir/Patient/ada", "Patient/ada/_history/3", "urn:uuid:a1"])
def test_the_patient_may_be_named_in_any_way(tmp_path: Path, capsys: Capture, patient: str) -> None:
    chart = bundle(a_patient(), a_condition(subject={"reference": patient}), a_blood_pressure())
    chart["entry"][0]["fullUrl"] = "urn:uuid:a1"
    assert screened(capsys, written(tmp_path / "b.json", chart))["status"] == "candidate"


BROKEN = {
    "no such file": (None, "there is no such file"),
    "not JSON": ("{", "not JSON"),
    "a JSON list": ("[]", "not a JSON object"),
    "no resourceType": ("{}", "not a FHIR resource"),
    "entry is no list": ('{"resourceType":"Bundle","entry":{}}', "entry is not a list"),
    "entry is no object": ('{"resourceType":"Bundle","entry":[1]}', "entry 0"),
    "two patients": (json.dumps(bundle(a_patient(id="a"), a_patient(id="b"))), "second patient"),
    "another patient's entry": (
        json.dumps(bundle(*a_chart(a_condition(subject={"reference": "Patient/eve"})))),
        "entry 3",
    ),
    "latin-1": ('{"resourceType":"\xe9"}', "not JSON"),
}


@pytest.mark.parametrize("name", BROKEN, ids=str)
def test_unusable_input_is_one_line_that_names_file_and_place(tmp_path: Path, capsys: Capture, name: str) -> None:
    content, words = BROKEN[name]
    path = tmp_path / "input.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    assert main(["screen", str(path), *AS_OF]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(path) in said.err
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_broken_line_of_ndjson_is_named_by_its_number(tmp_path: Path, capsys: Capture) -> None:
    path = written(tmp_path / "Condition.ndjson", json.dumps(a_condition()) + '\n{"resourceType":\n')
    assert main(["screen", path]) == 2
    assert f"{path} line 2" in capsys.readouterr().err


def test_an_empty_folder_is_said(tmp_path: Path, capsys: Capture) -> None:
    assert main(["screen", str(tmp_path)]) == 2
    assert "no .json or .ndjson file" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "20261123", "2026-1-1"])
def test_a_day_that_is_none_is_refused(tmp_path: Path, capsys: Capture, day: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["screen", written(tmp_path / "b.json", bundle(*a_chart())), "--as-of", day])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_text_says_status_rule_evidence_and_who_decides(tmp_path: Path, capsys: Capture) -> None:
    chart = a_chart(a_condition("F20.0", text="Schizophrenia", onset="2009-04-01"), an_item_nine(2))
    assert main(["screen", written(tmp_path / "b.json", bundle(*chart)), *AS_OF]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Contraindicated (contraindicated) as of 2026-11-23")
    assert "You decide." in text
    assert "ABS-SCZ" in text
    assert "Schizophrenia (code F20.0, active)" in text
    assert text.index("! IND-SI") < text.index("ABS-SCZ")
    assert "Looked for and not found:" in text


def test_no_patient_at_all_is_never_a_candidate(tmp_path: Path, capsys: Capture) -> None:
    told = screened(capsys, written(tmp_path / "b.json", bundle(*a_chart(without=["Patient"]))))
    assert told["status"] == "insufficient-data"
