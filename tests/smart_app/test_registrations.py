"""The registrations as the app takes them: with the roles that it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.errors import RegistrationInvalid
from smart_app.app import assemble
from smart_app.settings import Settings

FILE = """
[ehr.north]
issuer = "https://north.example.org/fhir"
client_id = "kp"
auth = "public"
scopes = ["patient/Patient.rs"]
users = { "Practitioner/1" = "nurse", "Practitioner/2" = "physician" }
"""


def test_the_app_does_not_start_with_a_role_that_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "ehr.toml").write_text(FILE)
    settings = Settings(
        base_url="https://app.example.org",
        registry=tmp_path / "ehr.toml",
        data=tmp_path / "data",
        database=f"sqlite:///{tmp_path / 'data' / 'kp.db'}",
        zone=None,
        settle_seconds=30,
    )
    with pytest.raises(
        RegistrationInvalid, match=r"users gives Practitioner/2 a role that is none of prescriber, nurse"
    ):
        assemble(settings)
