"""Folders of Bundles are loaded, and an unreadable file stops the sandbox with one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smart_app.sandbox.__main__ import main
from smart_app.sandbox.charts import Charts
from smart_app.sandbox.loading import read_bundles
from smart_app.sandbox.store import ClinicalStore
from tests.smart_app.sandbox.conftest import TODAY

PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Quill", "given": ["Zoe"]}]}
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "code": {"text": "Major depression"},
}


def put(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}


BUNDLES = {
    "transaction": {"type": "transaction", "entry": [put(PATIENT), put(CONDITION)]},
    "batch": {"type": "batch", "entry": [put(PATIENT), put(CONDITION)]},
    "collection": {"type": "collection", "entry": [{"resource": PATIENT}, {"resource": CONDITION}]},
}


def charts_of(*paths: Path) -> Charts:
    return Charts(ClinicalStore("http://127.0.0.1:8400/fhir"), today=TODAY, bundles=read_bundles(paths))


@pytest.mark.parametrize("kind", BUNDLES)
def test_bundles_in_folders_become_charts(tmp_path: Path, kind: str) -> None:
    deep = tmp_path / "some" / "where"
    deep.mkdir(parents=True)
    (deep / "one.json").write_text(json.dumps({"resourceType": "Bundle", **BUNDLES[kind]}))
    (deep / "Patient.ndjson").write_text("not looked at")
    (tmp_path / "index.json").write_text('[{"id": "p1"}]')
    charts = charts_of(tmp_path)
    chart = charts.find("p1")
    assert chart is not None
    assert (chart.name, chart.slug, chart.expected) == ("Zoe Quill", None, None)
    assert [one["id"] for one in charts.store.of_patient("Condition", "p1")] == ["c1"]
    charts.reset()
    assert charts.find("p1") is None
    assert [one["id"] for one in charts.store.of_patient("Condition", "p1-2")] == ["c1"]
    assert charts.store.of_patient("Condition", "p1") == []


BAD = [
    pytest.param("{", "JSON", id="not JSON"),
    pytest.param("[]", "Bundle", id="not an object"),
    pytest.param(json.dumps(PATIENT), "Bundle", id="not a Bundle"),
    pytest.param('{"resourceType": "Bundle", "type": "history"}', "Bundle", id="another type of Bundle"),
    pytest.param('{"resourceType": "Bundle", "type": "batch"}', "entries", id="no entries"),
    pytest.param(
        '{"resourceType": "Bundle", "type": "collection", "entry": [{}]}', "entry 0", id="an entry without resource"
    ),
    pytest.param(
        json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": PATIENT}]}),
        "request",
        id="a transaction entry without request",
    ),
    pytest.param(
        json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [put({**PATIENT, "name": "Zoe"})]}),
        "entry 0",
        id="an invalid resource",
    ),
]


@pytest.mark.parametrize(("content", "word"), BAD)
def test_an_unreadable_file_is_named_in_one_line_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, word: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(content)
    assert main(["--port", "0", "--load", str(bad)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(bad) in said.err
    assert word in said.err


def test_a_folder_is_refused_for_broken_json_or_no_bundle_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", "--load", str(tmp_path)]) == 2
    (tmp_path / "broken.json").write_text("{")
    assert main(["--port", "0", "--load", str(tmp_path)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert ["no Bundle" in said[0], "broken.json" in said[1], len(said)] == [True, True, 2]


def test_a_missing_folder_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--load", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
