"""`ketamine-pathway rules`: the table with this site's limits, and what the site runs otherwise than shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smart_app.cli import main
from smart_app.clinical.criteria import CRITERIA
from tests.builders import a_chart

Capture = pytest.CaptureFixture[str]
STRICT = """
[rules.HOLD-BP]
sbp = 134.50
reason = "the clinic's own policy of 2026"
[rules.REV-CV]
off = true
reason = "the cardiologist sees everybody"
"""


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No site.toml but the one that a test writes."""
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    monkeypatch.delenv("KP_SITE", raising=False)


def told(capsys: Capture, *arguments: str) -> str:
    assert main(["rules", *arguments]) == 0
    return capsys.readouterr().out


def written(path: Path, text: str = STRICT) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def test_the_table_names_every_rule_with_its_limits(capsys: Capture) -> None:
    text = told(capsys)
    assert "This site runs every rule as shipped." in text
    for criterion in CRITERIA:
        assert f"\n{criterion.id}  {criterion.kind}, " in text
    assert "  - sbp: systolic, must be below: 140 mmHg\n" in text


def test_the_site_s_limit_stands_beside_the_default(capsys: Capture, tmp_path: Path) -> None:
    text = told(capsys, "--site", written(tmp_path / "other.toml"))
    assert "  - sbp: systolic, must be below: 134.50 mmHg (default 140)\n" in text
    assert "  switched off at this site: the cardiologist sees everybody\n" in text


def test_the_difference_is_told_with_its_reasons(capsys: Capture, tmp_path: Path) -> None:
    assert told(capsys, "--diff", "--site", written(tmp_path / "other.toml")).splitlines() == [
        "HOLD-BP sbp: 134.50 mmHg instead of 140: the clinic's own policy of 2026",
        "REV-CV: switched off: the cardiologist sees everybody",
    ]
    assert told(capsys, "--diff") == "This site runs every rule as shipped.\n"


def test_a_setting_beside_the_rules_is_told_too(capsys: Capture, tmp_path: Path) -> None:
    site = written(tmp_path / "other.toml", "[maintenance]\nmost_boosters = 1\n[ledger]\nesketamine = true\n")
    assert told(capsys, "--diff", "--site", site).splitlines() == [
        "This site runs every rule as shipped.",
        "ledger esketamine: yes instead of no",
        "maintenance most_boosters: 1 instead of 2",
    ]


def test_the_file_is_the_one_that_the_server_would_find(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "site.toml", "[rules.HOLD-BP]\nsbp = 130\n")
    assert told(capsys, "--diff") == "HOLD-BP sbp: 130 mmHg instead of 140\n"
    monkeypatch.setenv("KP_SITE", written(tmp_path / "named.toml", "[rules.HOLD-BP]\nsbp = 120\n"))
    assert told(capsys, "--diff") == "HOLD-BP sbp: 120 mmHg instead of 140\n"


def test_a_script_gets_the_same_facts(capsys: Capture, tmp_path: Path) -> None:
    site = ["--site", written(tmp_path / "other.toml")]
    whole: dict[str, Any] = json.loads(told(capsys, *site, "--format", "json"))
    assert [rule["id"] for rule in whole["rules"]] == [criterion.id for criterion in CRITERIA]
    short = json.loads(told(capsys, *site, "--format", "json", "--diff"))
    assert short == {key: whole[key] for key in ("format", "rulesVersion", "differences", "programmes", "settings")}
    assert [each["rule"] for each in short["differences"]] == ["HOLD-BP", "REV-CV"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "[rules.HOLD-BP]\nsbp = 160\n[rules.ABS-IC]\noff = true\n",
            ["[rules.HOLD-BP] sbp: ", "[rules.ABS-IC] off: "],
        ),
        ("nonsense", ["is not TOML: "]),
    ],
)
def test_a_wrong_file_is_a_line_for_each_problem(
    capsys: Capture, tmp_path: Path, text: str, lines: list[str]
) -> None:
    path = written(tmp_path / "site.toml", text)
    assert main(["rules"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    said = err.removeprefix("ketamine-pathway: ").splitlines()
    assert [line.startswith(f"{path}: {start}") for line, start in zip(said, lines, strict=True)] == [True] * len(
        lines
    )


def test_a_file_that_is_not_there_is_told(capsys: Capture, tmp_path: Path) -> None:
    assert main(["rules", "--site", str(tmp_path / "gone.toml")]) == 2
    assert capsys.readouterr().err.endswith("gone.toml: cannot be read: No such file or directory\n")


def test_files_are_screened_by_the_site_s_limits(capsys: Capture, tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in a_chart()]}
    command = ["screen", written(tmp_path / "chart.json", json.dumps(bundle)), "--as-of", "2026-11-23"]
    assert main(command) == 0
    assert "site's settings" not in capsys.readouterr().out
    site = written(tmp_path / "other.toml", "[rules.HOLD-BP]\nsbp = 101\n")
    assert main([*command, "--site", site]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.startswith("Not now (hold)")
    assert second == "By this site's settings, which differ in 1 from those shipped: see rules --diff."
    written(tmp_path / "site.toml", "[rules.HOLD-BP]\nsbp = 200\n")
    assert main(command) == 2, "the usual file counts here too"


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_server_refuses_to_start(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    written(tmp_path / "site.toml", "[rules.HOLD-BP]\nsbp = 160\n")
    monkeypatch.setenv("KP_BASE_URL", "https://pathway.clinic.example")
    monkeypatch.setenv("KP_REGISTRY", str(tmp_path / "ehr.toml"))
    monkeypatch.setenv("KP_DATABASE", "postgresql://nowhere.example/kp" if command == "worker" else "")
    assert main([command]) == 2
    assert "site.toml: [rules.HOLD-BP] sbp: must be a number from 100 to 140 mmHg" in capsys.readouterr().err
    assert not (tmp_path / "ketamine-pathway.db").exists(), "nothing was begun"
