"""`ketamine-pathway keys`: what an operator reads, and one line for each step that is refused."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from launch.key_folder import KeyFolder
from smart_app.cli import main
from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.engine import open_engine
from smart_app.store.key_file import KeyFile, read_keys

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


BASIC = """
[ehr.basic]
issuer = "https://basic.example.org/fhir"
client_id = "kp"
auth = "client_secret_basic"
scopes = ["openid"]
"""


def _enters(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_client_secret_is_read_from_standard_input_and_kept_sealed(  # type: ignore[no-untyped-def]
    data: Path, said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data.parent / "ehr.toml").write_text(REGISTRY + BASIC)
    assert "basic: a client secret, which is not kept: use keys secret basic" in said("list")
    _enters(monkeypatch, "s3cret with:signs\n")
    assert (
        said("secret", "basic") == "basic: the client secret is kept, sealed. A running server uses it from now on.\n"
    )
    assert (
        SealedSecrets(data / "client-secrets", KeyFile(data / "sealing.keys")).secret("basic") == "s3cret with:signs"
    )
    assert "basic: a client secret, kept and sealed" in said("list")


def test_at_a_terminal_the_secret_is_not_shown(data: Path, said, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (data.parent / "ehr.toml").write_text(REGISTRY + BASIC)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    asked: list[str] = []
    monkeypatch.setattr("smart_app.cli.keys.getpass", lambda words: asked.append(words) or "typed")
    said("secret", "basic")
    assert asked == ["Client secret for basic: "]


@pytest.mark.parametrize("text", ["", "\n", " s3cret\n", "two\nlines\n", "s3\x00cret", "x" * 1025])
def test_what_is_no_secret_is_refused_without_being_quoted(  # type: ignore[no-untyped-def]
    data: Path, said, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (data.parent / "ehr.toml").write_text(REGISTRY + BASIC)
    _enters(monkeypatch, text)
    line = said("secret", "basic", code=2)
    assert "must be one line of text" in line
    assert "s3" not in line
    assert not (data / "client-secrets").exists()


def test_a_secret_for_an_ehr_that_takes_none_is_refused(data: Path, said) -> None:  # type: ignore[no-untyped-def]
    assert "north has auth private_key_jwt: no client secret is sent there" in said("secret", "north", code=2)


def test_the_sealing_key_is_exchanged_where_nobody_serves(data: Path, said, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    assert "there is no sealing key yet" in said("rotate-storage", code=2)
    (data.parent / "ehr.toml").write_text(REGISTRY + BASIC)
    _enters(monkeypatch, "s3cret")
    said("secret", "basic")
    (old,) = read_keys(data / "sealing.keys")
    told = said("rotate-storage")
    assert told == "0 rows and 1 client secrets are sealed with a new key. The old key is gone.\n"
    (new,) = read_keys(data / "sealing.keys")
    assert new != old
    assert SealedSecrets(data / "client-secrets", KeyFile(data / "sealing.keys")).secret("basic") == "s3cret"


def test_a_process_that_does_not_answer_is_told_of_and_nothing_is_lost(data: Path, said) -> None:  # type: ignore[no-untyped-def]
    data.mkdir()
    KeyFile(data / "sealing.keys")
    engine = open_engine(f"sqlite:///{data / 'ketamine-pathway.db'}")
    try:
        line = said("rotate-storage", "--wait", "0s", code=1)
        assert "has not sealed anew within 0 seconds. Nothing is lost" in line
        assert len(read_keys(data / "sealing.keys")) == 2
    finally:
        engine.dispose()
    assert "The old key is gone." in said("rotate-storage")
    assert len(read_keys(data / "sealing.keys")) == 1


def test_a_database_that_cannot_be_reached_leaves_the_keys_as_they_are(  # type: ignore[no-untyped-def]
    data: Path, said, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.mkdir()
    KeyFile(data / "sealing.keys")
    monkeypatch.setenv("KP_DATABASE", f"postgresql://kp@/kp?host={data}")
    assert "the database cannot be used" in said("rotate-storage", code=2)
    assert len(read_keys(data / "sealing.keys")) == 1
