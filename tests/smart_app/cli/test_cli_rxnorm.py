"""`ketamine-pathway rxnorm load`: what the operator sees, and that a bad load changes nothing."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from fhir_mappings.codes.site_medicines import FILE, table_of
from smart_app.cli import main
from tests.builders import a_chart, a_medication

Capture = pytest.CaptureFixture[str]
CONCEPTS = [
    ("36437", "IN", "sertraline"),
    ("1", "SCDC", "sertraline 50 MG"),
    ("2", "SCD", "sertraline 50 MG Oral Tablet"),
]
RELATIONS = [("1", "has_ingredient", "36437"), ("2", "consists_of", "1")]


def rrf(folder: Path) -> Path:
    folder.mkdir()
    concepts = [f"{cui}|ENG||||||||{cui}||RXNORM|{kind}|{cui}|{name}||N||" for cui, kind, name in CONCEPTS]
    relations = [f"{part}||CUI|RO|{whole}||CUI|{name}|||RXNORM||||||" for whole, name, part in RELATIONS]
    (folder / "RXNCONSO.RRF").write_text("\n".join(concepts) + "\n")
    (folder / "RXNREL.RRF").write_text("\n".join(relations) + "\n")
    return folder


def test_a_load_says_in_one_line_what_it_found(tmp_path: Path, capsys: Capture) -> None:
    folder = rrf(tmp_path / "RxNorm_full_prescribe_07012024")
    assert main(["rxnorm", "load", str(folder), "--data", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out == (
        "RxNorm 07012024: 1 products, 1 ingredients; "
        "0 products with a part that has no name, 0 left out with no known ingredient\n"
    )
    table = table_of(tmp_path / "data")
    assert table.release == "07012024"
    assert stat.S_IMODE((tmp_path / "data" / FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


def test_the_data_folder_is_the_apps_own(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KP_DATA", str(tmp_path / "kept"))
    assert main(["rxnorm", "load", str(rrf(tmp_path / "files"))]) == 0
    assert (tmp_path / "kept" / FILE).is_file()


def test_a_second_load_replaces_the_first(tmp_path: Path, capsys: Capture) -> None:
    for name in ("RxNorm_01012024", "RxNorm_02012024"):
        assert main(["rxnorm", "load", str(rrf(tmp_path / name)), "--data", str(tmp_path / "data")]) == 0
    assert table_of(tmp_path / "data").release == "02012024"


def test_damaged_files_are_one_line_and_leave_the_old_table(tmp_path: Path, capsys: Capture) -> None:
    folder, data = rrf(tmp_path / "files"), tmp_path / "data"
    assert main(["rxnorm", "load", str(folder), "--data", str(data)]) == 0
    before = (data / FILE).read_bytes()
    (folder / "RXNREL.RRF").write_text("garbage\n")
    capsys.readouterr()
    assert main(["rxnorm", "load", str(folder), "--data", str(data)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "RXNREL.RRF is damaged: line 1" in said.err
    assert (data / FILE).read_bytes() == before


def test_a_folder_without_the_files_or_a_place_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    assert main(["rxnorm", "load", str(tmp_path)]) == 2
    assert "holds no RXNCONSO.RRF" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["rxnorm", "load", str(rrf(tmp_path / "files")), "--data", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_load_that_was_broken_off_does_not_stand_in_the_way(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / (FILE + ".new")).write_text("half")
    assert main(["rxnorm", "load", str(rrf(tmp_path / "files")), "--data", str(tmp_path / "data")]) == 0
    assert table_of(tmp_path / "data").release


def test_what_was_loaded_counts_in_a_screening(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KP_DATA", str(tmp_path / "data"))
    chart = tmp_path / "chart.json"
    entry = a_medication("2", text=None)  # the code of a tablet that only the loaded table knows, without words
    chart.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in a_chart(entry)]}))
    command = ["screen", str(chart), "--as-of", "2026-11-23"]
    assert main(command) == 0
    assert "the code is not one the app knows" in capsys.readouterr().out
    assert main(["rxnorm", "load", str(rrf(tmp_path / "files"))]) == 0
    assert main(command) == 0
    assert "  - sertraline: " in capsys.readouterr().out
