"""The registrations as the app takes them: with the roles that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launch.errors import RegistrationInvalid
from smart_app import launched
from smart_app.parts import assemble
from smart_app.settings import Settings
from smart_app.use_cases.open_launch import Granted
from tests.launch.an_ehr import a_context, a_token_set

pytestmark = pytest.mark.anyio
FILE = """
[ehr.north]
issuer = "https://north.example.org/fhir"
client_id = "kp"
auth = "public"
scopes = ["patient/Patient.rs"]
users = { "Practitioner/1" = "nurse", "Practitioner/2" = "physician" }
"""


def settings(folder: Path, text: str) -> Settings:
    (folder / "ehr.toml").write_text(text)
    return Settings(
        base_url="https://app.example.org",
        registry=folder / "ehr.toml",
        data=folder / "data",
        database=f"sqlite:///{folder / 'data' / 'kp.db'}",
        zone=None,
        settle_seconds=30,
    )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_app_does_not_start_with_a_role_that_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(
        RegistrationInvalid, match=r"users gives Practitioner/2 a role that is none of prescriber, nurse"
    ):
        assemble(settings(tmp_path, FILE))


async def test_whom_the_registration_names_is_known_at_a_launch(tmp_path: Path, monkeypatch: Any) -> None:
    seen: list[Granted] = []

    async def opened(_work: Any, _clock: Any, granted: Granted, _ehr: Any, **_more: Any) -> None:
        seen.append(granted)

    monkeypatch.setattr(launched, "open_launch", opened)
    parts = assemble(settings(tmp_path, FILE.replace("physician", "prescriber")))
    await launched.after_launch(parts, a_context(ehr="north"), a_token_set())
    await parts.aclose()
    assert seen[0].users == {"Practitioner/1": "nurse", "Practitioner/2": "prescriber"}
