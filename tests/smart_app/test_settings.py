"""Settings from the environment: what is wrong is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from smart_app.settings import SettingInvalid, SystemClock, settings_from

GOOD = {"KP_BASE_URL": "https://pathway.clinic.example", "KP_REGISTRY": "ehr.toml"}


def test_defaults_keep_everything_in_one_folder() -> None:
    settings = settings_from(GOOD | {"KP_DATA": "somewhere"})
    assert settings.database == "sqlite:///somewhere/ketamine-pathway.db"
    assert settings.sqlite
    assert settings.registry == Path("ehr.toml")
    assert settings.settle_seconds == 30


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
        ({"KP_ZONE": "Mars/Olympus"}, "KP_ZONE"),
        ({"KP_ZONE": "../etc/passwd"}, "KP_ZONE"),
        ({"KP_SETTLE_SECONDS": "soon"}, "KP_SETTLE_SECONDS"),
        ({"KP_SETTLE_SECONDS": "-1"}, "KP_SETTLE_SECONDS"),
        ({"KP_SETTLE_SECONDS": "nan"}, "KP_SETTLE_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], name: str) -> None:
    with pytest.raises(SettingInvalid, match=name):
        settings_from(GOOD | change)


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
