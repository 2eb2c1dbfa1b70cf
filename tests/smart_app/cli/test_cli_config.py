"""`ketamine-pathway config check`: one run tells everything that is wrong, where, and whether the app would start."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx

from smart_app.cli import main
from tests.launch.an_ehr import ISSUER, Ehr
from tests.smart_app.registration.test_advice import GOOD
from tests.smart_app.registration.test_online import statement

Capture = pytest.CaptureFixture[str]
SOUND = f"""
[ehr.demo]
issuer = "{ISSUER}"
client_id = "kp-client"
auth = "private_key_jwt"
scopes = {GOOD}
roles = {{ "s|1" = "prescriber" }}
"""
WRONG = """
[ehr.north]
issuer = "http://north.example.org"
auth = "privat_key_jwt"
client_secret = "s3cret"
users = { "Practitioner/1" = "doctor" }
[ehr.south]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KP_TEST_NOTHING_SKIPPED", raising=False)  # CI's own; it would be told as a mistyped setting
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    monkeypatch.setenv("KP_BASE_URL", "https://app.example.org")
    monkeypatch.setenv("KP_REGISTRY", str(tmp_path / "ehr.toml"))
    (tmp_path / "ehr.toml").write_text(SOUND, "utf-8")
    return tmp_path


def told(capsys: Capture, *arguments: str) -> tuple[int, list[str]]:
    code = main(["config", "check", *arguments])
    return code, capsys.readouterr().out.splitlines()


def test_what_is_sound_is_said_to_be_so(capsys: Capture) -> None:
    assert told(capsys) == (0, ["1 EHR, no problems, no warnings."])


def test_everything_wrong_is_told_in_one_run(capsys: Capture, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KP_ZONE", "Mars")
    monkeypatch.setenv("KP_SETTEL_SECONDS", "3")
    (folder / "site.toml").write_text("[rules.HOLD-BP]\nsbp = 200\nodd = 1\n", "utf-8")
    (folder / "wrong.toml").write_text(WRONG, "utf-8")
    code, lines = told(capsys, "--registry", str(folder / "wrong.toml"))
    assert code == 2
    starts = [" ".join(line.split()[:4]) for line in lines]
    assert starts == [
        "problem: KP_ZONE: Mars is",
        f"problem: {folder / 'site.toml'}: [rules.HOLD-BP] sbp:",
        f"problem: {folder / 'site.toml'}: [rules.HOLD-BP] odd:",
        "problem: [ehr.north] issuer cannot",
        "problem: [ehr.north] auth is",
        "problem: [ehr.north] client_id is",
        "problem: [ehr.north] scopes is",
        "problem: [ehr.north] users gives",
        "problem: [ehr.north] client_secret is",
        "problem: [ehr.south] issuer is",
        "problem: [ehr.south] auth is",
        "problem: [ehr.south] client_id is",
        "problem: [ehr.south] scopes is",
        "warning: KP_SETTEL_SECONDS is not",
        "13 problems, 1 warning.",
    ]
    assert lines[-2].endswith("did you mean KP_SETTLE_SECONDS?")
    assert "s3cret" not in "".join(lines)


def test_a_warning_does_not_fail(capsys: Capture, folder: Path) -> None:
    (folder / "ehr.toml").write_text(SOUND.replace("private_key_jwt", "public"), "utf-8")
    code, lines = told(capsys)
    assert code == 0
    assert lines[0].startswith("warning: [ehr.demo] auth: a public client")


def test_a_missing_registry_is_a_problem_and_not_a_crash(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KP_REGISTRY")
    assert told(capsys)[0] == 2
    code, lines = told(capsys, "--registry", "nowhere.toml")
    assert code == 2
    assert lines[0].startswith("problem: nowhere.toml cannot be read")


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    with respx.mock(assert_all_called=False) as router:
        answer = httpx.Response(200, json=statement(), headers={"content-type": "application/fhir+json"})
        router.get(f"{ISSUER}/metadata").mock(return_value=answer)
        yield Ehr(router)


def test_nothing_is_asked_of_an_ehr_unless_it_is_wanted(capsys: Capture, ehr: Ehr) -> None:
    told(capsys)
    assert ehr.requests == []


def test_online_each_ehr_gets_one_line_and_a_misfit_fails(capsys: Capture, ehr: Ehr) -> None:
    code, lines = told(capsys, "--online")
    assert (code, lines[0]) == (
        0,
        "online: [ehr.demo] The app can be started here, and the EHR takes all that it writes.",
    )
    ehr.document["code_challenge_methods_supported"] = []
    code, lines = told(capsys, "--online")
    assert code == 2
    assert lines[0].startswith("online: [ehr.demo] The app cannot be started here. The EHR does not say")
    assert lines[-1] == "1 EHR, 1 problem, no warnings."


def test_what_an_administrator_enters_is_printed(capsys: Capture) -> None:
    assert main(["registration", "demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  redirect URL: https://app.example.org/callback/demo" in lines
    assert "  client authentication: private_key_jwt" in lines
    assert "Scopes, v2 (what the app asks for):" in lines
    assert "  patient/Condition.rs: Read: diagnoses that speak for or against treatment." in lines


def test_the_same_is_there_as_data(capsys: Capture) -> None:
    assert main(["registration", "demo", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["launchUrl"] == "https://app.example.org/launch"


def test_an_ehr_that_is_not_registered_is_one_line(capsys: Capture) -> None:
    assert main(["registration", "nowhere"]) == 2
    assert capsys.readouterr().err == "ketamine-pathway: nowhere is not registered; there are demo\n"


def test_a_secret_that_is_not_there_is_a_problem_until_it_is_kept(
    capsys: Capture, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ehr.toml").write_text(SOUND.replace("private_key_jwt", "client_secret_basic"), "utf-8")
    code, lines = told(capsys)
    assert code == 2
    assert lines[0].startswith("problem: [ehr.demo] auth is client_secret_basic but no secret can be read")
    assert not (folder / "sealing.keys").exists()  # whoever only looks makes no key
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    assert main(["keys", "secret", "demo"]) == 0
    assert "s3cret" not in capsys.readouterr().out
    assert told(capsys) == (0, ["1 EHR, no problems, no warnings."])
