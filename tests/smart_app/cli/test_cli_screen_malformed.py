"""Malformed files: a gap or one clear line, never a traceback, never a candidate by damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smart_app.cli import main
from tests.builders import Json
from tests.malformed import CASES, Malformed, calm_chart, carried, cut_off

Capture = pytest.CaptureFixture[str]
IN_FILES = [case for case in CASES if case.where != "ehr"]
COLLECTION: Json = {"resourceType": "Bundle", "type": "collection"}


def screened(path: Path, capsys: Capture) -> str:
    """The status, or "" where the file was refused with one line."""
    code = main(["screen", str(path), "--as-of", "2026-11-23", "--format", "json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if code == 0:
        status: str = json.loads(said.out)["status"]
        return status
    assert code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(path) in said.err
    assert len(said.err) < 300
    return ""


def chart_with(case: Malformed, resource: Json) -> bytes:
    """The damaged Patient takes the place of the calm one; any other entry stands beside the calm ones."""
    patient = resource.get("resourceType") == "Patient"
    beside = [one for one in calm_chart() if not (patient and one["resourceType"] == "Patient")]
    return carried(case, resource, beside, COLLECTION)


@pytest.mark.parametrize("case", IN_FILES, ids=lambda case: case.name)
def test_damage_never_hides_what_speaks_against_the_patient(case: Malformed, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "chart.json"
    path.write_bytes(chart_with(case, case.grave))
    assert (screened(path, capsys) == "candidate") is case.grave_frees


@pytest.mark.parametrize("case", IN_FILES, ids=lambda case: case.name)
def test_damage_is_told_unless_it_is_harmless(case: Malformed, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "chart.json"
    path.write_bytes(chart_with(case, case.calm))
    status = screened(path, capsys)
    if case.calm_stays is not None:
        assert (status == "candidate") is case.calm_stays


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "chart.json"
    for body in cut_off(chart_with(Malformed(name="whole"), calm_chart()[1])):
        path.write_bytes(body)
        assert screened(path, capsys) == ""


def test_every_class_of_the_list_has_a_case() -> None:
    from tests.malformed import ELSEWHERE

    named = {case.name.split()[0].rstrip("bcdef") for case in CASES} | ELSEWHERE
    assert named == {f"M{number}" for number in range(1, 61)}
    assert all(case.because for case in CASES if case.where != "both")
