"""D-3 through the whole app: people launch and read while the sealing key is exchanged, and nobody notices."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

from smart_app.cli import main
from smart_app.store.key_file import read_keys
from tests.in_process import Clinic, running_clinic

pytestmark = pytest.mark.anyio
CHARTS = ("two-failed-trials", "bp-just-below", "no-depression")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_d3_nobody_notices_that_the_sealing_key_is_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    async with running_clinic(tmp_path) as clinic:
        (old,) = read_keys(tmp_path / "sealing.keys")
        over, answers = asyncio.Event(), Counter[int]()
        async with asyncio.TaskGroup() as people:
            for slug in CHARTS:
                people.create_task(_work(clinic, clinic.patient(slug), over, answers))
            try:
                for _ in range(2):
                    assert await run_sync(main, ["keys", "rotate-storage"]) == 0
            finally:
                over.set()
        (new,) = read_keys(tmp_path / "sealing.keys")
        sealed = [text for (text,) in clinic.rows("select sealed from tokens")]
    assert answers.keys() == {200}
    assert new != old
    assert len(sealed) >= len(CHARTS)
    assert {text.partition(".")[0] for text in sealed} == {new.id}
    assert capsys.readouterr().out.count("The running server has sealed everything anew. The old key is gone.") == 2


async def _work(clinic: Clinic, patient: str, over: asyncio.Event, answers: Counter[int]) -> None:
    """Launch, read the page again, launch anew: each needs what is sealed."""
    async with clinic.browser() as browser:
        while not over.is_set():
            page = await browser.launch(patient)
            answers[page.status_code] += 1
            for _ in range(3):
                url = str(page.request.url)
                answers[(await browser.get(url, came_from=url)).status_code] += 1
