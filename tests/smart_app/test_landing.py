"""Where a launch leads: the page that the EHR's launch button asked for, where the app has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from smart_app.cli.demo import demo_registry
from smart_app.launched import landing
from smart_app.parts import Parts, assemble
from smart_app.settings import settings_from
from tests.launch.an_ehr import a_context


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    registry = tmp_path / "ehr.toml"
    registry.write_text(demo_registry("http://127.0.0.1:9"), "utf-8")
    given = {"KP_BASE_URL": "http://localhost:8599", "KP_REGISTRY": str(registry), "KP_DATA": str(tmp_path)}
    made = assemble(settings_from(given, demo=True))
    yield made
    anyio.run(made.aclose)


@pytest.mark.parametrize(
    ("intent", "page"),
    [
        (None, "screening"),
        ("session", "session"),
        ("progress", "progress"),
        ("reconcile-medications", "screening"),
        ("Session", "screening"),
        ("../../elsewhere", "screening"),
        ("audit", "screening"),
    ],
)
def test_an_intent_that_the_app_knows_is_followed_and_no_other(parts: Parts, intent: str | None, page: str) -> None:
    assert landing(parts, replace(a_context(), intent=intent)) == f"/l/launch-1/{page}"
