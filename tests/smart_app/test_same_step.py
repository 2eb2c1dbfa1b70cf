"""Where a launch leads in the composed application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from launch.context import LaunchContext
from smart_app.cli.demo import demo_registry
from smart_app.launched import landing
from smart_app.parts import Parts, assemble
from smart_app.settings import settings_from
from tests.smart_app.store.stored_records import a_launch, some_tokens

EHR = "http://127.0.0.1:9"  # nobody listens at the discard port
STEP = "session/0a-1/monitor"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    registry = tmp_path / "ehr.toml"
    registry.write_text(demo_registry(EHR), "utf-8")
    environment = {"KP_BASE_URL": "http://localhost:8599", "KP_REGISTRY": str(registry), "KP_IDLE_MINUTES": "30"}
    made = assemble(settings_from(environment | {"KP_DATA": str(tmp_path / "data")}, demo=True))
    yield made
    anyio.run(made.aclose)


def a_session(parts: Parts, launch: str, *, ago: timedelta, place: str = "") -> LaunchContext:
    begun = parts.clock() - ago
    context = a_launch(id=launch, started=begun, expires=begun + parts.settings.longest)
    parts.store.launches.complete(context, some_tokens(), "ef" * 32)
    if place:
        parts.store.sessions.note(launch, begun, place)
    return context


def test_a_launch_leads_to_screening(parts: Parts) -> None:
    assert landing(parts, a_session(parts, "launch-1", ago=timedelta())) == "/l/launch-1/screening"


def test_signing_in_again_leads_to_the_same_step(parts: Parts) -> None:
    a_session(parts, "launch-1", ago=timedelta(minutes=31), place=STEP)
    assert landing(parts, a_session(parts, "launch-2", ago=timedelta())) == f"/l/launch-2/{STEP}"


def test_the_site_s_idle_time_says_whether_the_earlier_session_ended(parts: Parts) -> None:
    a_session(parts, "launch-1", ago=timedelta(minutes=29), place=STEP)
    assert landing(parts, a_session(parts, "launch-2", ago=timedelta())) == "/l/launch-2/screening"


def test_a_place_in_the_database_that_is_none_of_ours_leads_nowhere(parts: Parts) -> None:
    for number, place in enumerate(("//evil.test", "../../x", "https://evil.test", "a?b", "\\evil.test")):
        ago = timedelta(minutes=60 - number)
        a_session(parts, f"launch-{number}", ago=ago, place=place)
        fresh = replace(a_launch(), id="launch-new")
        assert landing(parts, fresh) == "/l/launch-new/screening"
