"""Settings from the environment: what is wrong is named."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fhir_mappings.facts.treatment import Route
from smart_app.clinical.rule_settings import DEFAULTS
from smart_app.settings import SettingInvalid, SiteSettings, SystemClock, load_site, settings_from, site_file

GOOD = {"KP_BASE_URL": "https://pathway.clinic.example", "KP_REGISTRY": "ehr.toml"}


def test_defaults_keep_everything_in_one_folder() -> None:
    settings = settings_from(GOOD | {"KP_DATA": "somewhere"})
    assert settings.database == "sqlite:///somewhere/ketamine-pathway.db"
    assert settings.sqlite
    assert settings.registry == Path("ehr.toml")
    assert settings.settle_seconds == 30


def test_a_session_lies_unused_for_15_minutes_and_lasts_12_hours_unless_the_site_says_otherwise() -> None:
    shipped = settings_from(GOOD)
    assert (shipped.idle, shipped.longest) == (timedelta(minutes=15), timedelta(hours=12))
    own = settings_from(GOOD | {"KP_IDLE_MINUTES": "5", "KP_SESSION_HOURS": "24"})
    assert (own.idle, own.longest) == (timedelta(minutes=5), timedelta(hours=24))


def test_another_database_is_taken() -> None:
    assert not settings_from(GOOD | {"KP_DATABASE": "postgresql://db/kp"}).sqlite


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"KP_BASE_URL": ""}, "KP_BASE_URL"),
        ({"KP_REGISTRY": " "}, "KP_REGISTRY"),
        ({"KP_BASE_URL": "http://pathway.clinic.example"}, "KP_BASE_URL"),
        ({"KP_BASE_URL": "http://localhost:8500"}, "KP_BASE_URL"),
        ({"KP_BASE_URL": "https://u@h.example"}, "KP_BASE_URL"),
        ({"KP_BASE_URL": "https://h.example/?a=1"}, "KP_BASE_URL"),
        ({"KP_BASE_URL": "https://h.example/pathway"}, "KP_BASE_URL"),
        ({"KP_BASE_URL": "https://*.clinic.example"}, "KP_BASE_URL"),
        ({"KP_DATABASE": "mysql://kp:s3cret@db/kp"}, "KP_DATABASE"),
        ({"KP_CONTACT": "a\nb"}, "KP_CONTACT"),
        ({"KP_CONTACT": "x" * 201}, "KP_CONTACT"),
        ({"KP_ZONE": "Mars/Olympus"}, "KP_ZONE"),
        ({"KP_ZONE": "../etc/passwd"}, "KP_ZONE"),
        ({"KP_SETTLE_SECONDS": "soon"}, "KP_SETTLE_SECONDS"),
        ({"KP_SETTLE_SECONDS": "-1"}, "KP_SETTLE_SECONDS"),
        ({"KP_SETTLE_SECONDS": "nan"}, "KP_SETTLE_SECONDS"),
        ({"KP_IDLE_MINUTES": "4"}, "KP_IDLE_MINUTES"),
        ({"KP_IDLE_MINUTES": "61"}, "KP_IDLE_MINUTES"),
        ({"KP_IDLE_MINUTES": "a while"}, "KP_IDLE_MINUTES"),
        ({"KP_IDLE_MINUTES": "7.5"}, "KP_IDLE_MINUTES"),
        ({"KP_IDLE_MINUTES": "-15"}, "KP_IDLE_MINUTES"),
        ({"KP_SESSION_HOURS": "0"}, "KP_SESSION_HOURS"),
        ({"KP_SESSION_HOURS": "25"}, "KP_SESSION_HOURS"),
        ({"KP_SESSION_HOURS": "²"}, "KP_SESSION_HOURS"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], name: str) -> None:
    with pytest.raises(SettingInvalid, match=name) as caught:
        settings_from(GOOD | change)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://pathway.example", "https://*.example", "https://pathway.example/a"])
def test_c01_the_address_that_others_are_made_from_is_plain_https(address: str) -> None:
    with pytest.raises(SettingInvalid, match="KP_BASE_URL"):
        settings_from(GOOD | {"KP_BASE_URL": address})


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(SettingInvalid) as caught:
        settings_from({"KP_ZONE": "Mars", "KP_SETTLE_SECONDS": "soon", "KP_DATABASE": "x"})
    named = [line.split(":")[0].split()[0] for line in str(caught.value).splitlines()]
    assert named == ["KP_BASE_URL", "KP_REGISTRY", "KP_DATABASE", "KP_ZONE", "KP_SETTLE_SECONDS"]


def test_plain_http_is_for_the_demo_on_this_machine_only() -> None:
    assert (
        settings_from(GOOD | {"KP_BASE_URL": "http://localhost:8500/"}, demo=True).base_url == "http://localhost:8500"
    )
    with pytest.raises(SettingInvalid):
        settings_from(GOOD | {"KP_BASE_URL": "http://10.0.0.1"}, demo=True)


def test_the_clock_tells_the_site_s_time() -> None:
    zone = settings_from(GOOD | {"KP_ZONE": "Asia/Kolkata"}).zone
    assert SystemClock(zone)().utcoffset() == timedelta(hours=5, minutes=30)
    assert SystemClock()().tzinfo is not None


def test_the_rules_run_as_shipped_without_a_site_file(tmp_path: Path) -> None:
    assert site_file({"KP_DATA": str(tmp_path)}) is None
    assert load_site(None) == SiteSettings(rules=DEFAULTS)


def test_site_toml_is_found_in_the_data_folder_or_where_it_is_named(tmp_path: Path) -> None:
    usual = tmp_path / "site.toml"
    usual.write_text("[rules.HOLD-BP]\nsbp = 134.50\n", "utf-8")
    settings = settings_from(GOOD | {"KP_DATA": str(tmp_path)})
    assert settings.site == usual
    assert str(load_site(settings.site).rules.limits.systolic) == "134.50"
    elsewhere = tmp_path / "other.toml"
    elsewhere.write_text("[rules.HOLD-BP]\nsbp = 120\n", "utf-8")
    named = site_file({"KP_DATA": str(tmp_path), "KP_SITE": f" {elsewhere} "})
    assert load_site(named).rules.limits.systolic == Decimal(120)


def test_a_link_that_leads_nowhere_is_not_taken_for_no_file(tmp_path: Path) -> None:
    (tmp_path / "site.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(SettingInvalid, match=r"site\.toml: cannot be read: No such file"):
        load_site(site_file({"KP_DATA": str(tmp_path)}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[rules.HOLD-BP\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"[rules.HOLD-BP]\nsbp = 1e9999999999999999999\n", "is not TOML"),
        (b"[rules.HOLD-BP]\nsbp = " + b"9" * 5000, "is not TOML"),
        (b"a = " + b"[" * 50_000, "is not TOML"),
        (b"[rules.HOLD-BP]\nsbp = nan\n", "sbp: must be a number from 100 to 140"),
        (b"[rules.HOLD-BP]\nsbp = -inf\n", "sbp: must be a number from 100 to 140"),
        (b"[rules.HOLD-BP]\nsbp = 2026-11-23\n", "sbp: must be a number from 100 to 140"),
        (b"[rules.HOLD-MANIA]\nlookback_days = 99.5\n", "lookback_days: must be a whole number"),
    ],
)
def test_an_unusable_site_file_is_told_by_its_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    with pytest.raises(SettingInvalid, match=words) as found:
        load_site(path)
    assert [line.partition(": ")[0] for line in str(found.value).splitlines()] == [str(path)]


def test_a_folder_or_nothing_at_all_is_no_site_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(SettingInvalid, match="cannot be read"):
            load_site(path)


def test_rules_and_programmes_are_read_from_one_file_and_complain_together(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[limits]\nsbp = 1\n[rules.HOLD-BP]\nsbp = 160\n[programme.IV]\nsessions = 5\n", "utf-8")
    with pytest.raises(SettingInvalid) as found:
        load_site(path)
    assert [line.removeprefix(f"{path}: ").split(":")[0] for line in str(found.value).splitlines()] == [
        "limits",
        "[rules.HOLD-BP] sbp",
        "[programme.IV] sessions",
    ]
    path.write_text("[programme.IM]\nobservation_minutes = 150\n", "utf-8")
    assert load_site(path).programmes.programmes[Route.IM].observation_minutes == 150


def test_every_problem_of_a_site_file_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[rules.HOLD-BP]\nsbp = 160\ndbp = 110\noff = true\n", "utf-8")
    with pytest.raises(SettingInvalid) as found:
        load_site(path)
    lines = str(found.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{path}: [rules.HOLD-BP] ") for line in lines)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[signing]\ncountersign = 1", "[signing] countersign: must be true or false"),
        (
            "[signing]\nsign_twice = true",
            "[signing] sign_twice: there is no such key; known are: countersign",
        ),
        ("signing = true", "signing: is not a table; write [signing]"),
        ("[signing]\nsign_in_again = 'yes'", "[signing] sign_in_again: must be true or false"),
        ("[signing]\nsign_in_minutes = 0", "[signing] sign_in_minutes: must be a whole number from 1 to 15"),
        ("[signing]\nsign_in_minutes = 16", "[signing] sign_in_minutes: must be a whole number from 1 to 15"),
        ("[signing]\nsign_in_minutes = true", "[signing] sign_in_minutes: must be a whole number"),
    ],
)
def test_a_mistake_about_signing_is_named(tmp_path: Path, toml: str, words: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(toml)
    with pytest.raises(SettingInvalid) as refused:
        load_site(site)
    assert words in str(refused.value)


def test_a_site_may_ask_for_countersignatures(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[signing]\ncountersign = true")
    assert load_site(site).signing.countersign
    assert not load_site(None).signing.countersign


@pytest.mark.parametrize(
    ("toml", "holds"),
    [
        ("sign_in_again = true", timedelta(minutes=5)),
        ("sign_in_again = true\nsign_in_minutes = 15", timedelta(minutes=15)),
        ("sign_in_again = false", None),
        ("countersign = true", None),
    ],
)
def test_a_site_may_ask_whoever_signs_to_sign_in_again(tmp_path: Path, toml: str, holds: timedelta | None) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f"[signing]\n{toml}")
    assert load_site(site).signing.sign_in_holds == holds
    assert load_site(None).signing.sign_in_holds is None
