"""A site of its own: stricter limits, an answer, an override, and the decision replayed from its data folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_app.sandbox.clinician import Clinician, Page
from tests.journeys.conftest import Clinic

pytestmark = pytest.mark.anyio
UUID = re.compile(r"This screening\s+([0-9a-f-]{36})")
REASON = "measured again at home, 118/74"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    (tmp_path / "site.toml").write_text("[rules.HOLD-BP]\nsbp = 120\nreason = 'policy of this clinic'\n", "utf-8")
    made = Clinic(data=tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def test_what_a_site_sets_counts_and_every_decision_can_be_computed_again(clinic: Clinic) -> None:
    async with Clinician(clinic.ehr_url, user="psychiatrist") as psychiatrist:
        page = await psychiatrist.launch(clinic.patient("two-failed-trials"))
        assert "Is the latest blood pressure not below 120/100?" in page.text
        assert "Not now" in page.text
        page = await _overridden(psychiatrist, page)
        assert "With the overrides below: needs review." in page.text
        page = await psychiatrist.submit(page, "asked", {"answer.ABS-IC": "yes"})
        assert "Contraindicated" in page.text
        found = UUID.search(page.text)
        assert found is not None, page.text[-600:]
    clinic.stop()
    told = _replayed(clinic, found[1])
    assert "contraindicated as of" in told
    assert "with the site's settings of then: the same." in told
    (clinic.data / "site.toml").unlink()
    assert "rules and the site's settings of today: this differs." in _replayed(clinic, found[1])


async def _overridden(psychiatrist: Clinician, page: Page) -> Page:
    asked = await psychiatrist.open(page.link("Override"), on=page)
    return await psychiatrist.submit(asked, _path(asked, "HOLD-BP"), {"reason": REASON})


def _path(page: Page, end: str) -> str:
    return next(form.action for form in page.forms if form.action.endswith(end))


def _replayed(clinic: Clinic, screening: str) -> str:
    command = [sys.executable, "-m", "smart_app", "replay", screening, "--data", str(clinic.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
