"""`ketamine-pathway keys`: what an operator reads, and one line for each step that is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from launch.key_folder import KeyFolder
from smart_app.cli import main

REGISTRY = """
[ehr.north]
issuer = "https://north.example.org/fhir"
client_id = "kp"
auth = "private_key_jwt"
scopes = ["openid"]

[ehr.west]
issuer = "https://west.example.org/fhir"
client_id = "kp"
auth = "public"
scopes = ["openid"]
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ehr.toml").write_text(REGISTRY)
    monkeypatch.setenv("KP_REGISTRY", str(tmp_path / "ehr.toml"))
    monkeypatch.setenv("KP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KP_ZONE", "UTC")
    return tmp_path / "data"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> object:
    def run(*words: str, code: int = 0) -> str:
        assert main(["keys", *words]) == code
        out, err = capsys.readouterr()
        assert (out == "") == (code != 0)
        assert err.count("\n") == (1 if code else 0)
        return out or err

    return run


def test_a_rotation_from_the_first_key_to_the_end(data: Path, said) -> None:  # type: ignore[no-untyped-def]
    made = said("new", "north")
    old = re.match(r"north: (\S+) \(ES384\) is published and signs from now on\.", made)[1]
    assert f"{old}  ES384  signs now, since" in said("list")
    turned = said("rotate", "north", "--after", "2h")
    new = re.match(r"north: (\S+) \(ES384\) is published now and signs from ", turned)[1]
    told = said("list", "north")
    assert f"{old}  ES384  signs now, since" in told
    assert f"{new}  ES384  published, signs from" in told
    assert f"{old} signs for north now: wait until" in said("retire", "north", old, code=2)
    assert said("retire", "north", new) == f"north: {new} is retired: no longer published, and gone.\n"
    assert [key.kid for key in KeyFolder(data / "signing-keys").ring("north").keys_of("north")] == [old]


def test_a_short_wait_is_warned_of(data: Path, said) -> None:  # type: ignore[no-untyped-def]
    said("new", "north")
    assert "launches can fail" in said("rotate", "north", "--after", "5m")
    assert "launches can fail" not in said("new", "north", "--algorithm", "RS384")


def test_another_folder_can_be_named(data: Path, tmp_path: Path, said) -> None:  # type: ignore[no-untyped-def]
    said("new", "north", "--data", str(tmp_path / "else"))
    assert KeyFolder(tmp_path / "else" / "signing-keys").ehrs() == ["north"]
    assert not data.exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["new", "east"], "east: no EHR of this name is registered; there are: north, west"),
        (["new", "west"], "west has auth public: no key signs there"),
        (["rotate", "north"], "north has no ES384 key to follow: use keys new north"),
        (["retire", "north", "abc"], "north has no key abc: keys list north names those it has"),
        (["retire", "../north", "abc"], "no EHR of this name"),
        (["list", "east"], "no EHR of this name"),
    ],
)
def test_a_wrong_use_is_one_line(data: Path, said, words: list[str], line: str) -> None:  # type: ignore[no-untyped-def]
    assert line in said(*words, code=2)


@pytest.mark.parametrize("text", ["2", "h", "-2h", "1.5h", "2w"])
def test_a_duration_has_a_number_and_a_unit(data: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["keys", "rotate", "north", f"--after={text}"])
    assert left.value.code == 2
    assert "is not a duration such as 90m, 24h or 2d" in capsys.readouterr().err


def test_a_folder_of_another_user_is_left_alone(data: Path, said, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    data.mkdir()
    monkeypatch.setattr("smart_app.cli.keys.os.geteuid", lambda: data.stat().st_uid + 1)
    assert "belongs to another user" in said("new", "north", code=2)
    assert list(data.iterdir()) == []


def test_without_registrations_nothing_is_done(data: Path, said, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("KP_REGISTRY")
    assert "KP_REGISTRY is not set" in said("list", code=2)
