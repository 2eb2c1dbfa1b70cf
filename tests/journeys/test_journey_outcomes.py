"""A questionnaire from its page to the chart and back: written, read by a screening, struck out."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.in_process import APP, Browser, Clinic, running_clinic

pytestmark = pytest.mark.anyio
NINE = {f"item.{number}": "2" for number in range(1, 10)}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def sent(browser: Browser, page: str, fields: dict[str, str]) -> str:
    """The page that follows the form at this address; its hidden fields go along."""
    shown = await browser.get(page)
    form = next(one for one in re.findall(r"<form.*?</form>", shown.text, re.DOTALL) if 'action="' in one)
    hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}
    answer = await browser.post(page, hidden | fields, came_from=page)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def ours(clinic: Clinic, kind: str, patient: str) -> list[dict[str, Any]]:
    return [
        one for one in clinic.ehr.charts.store.of_patient(kind, patient) if "/sid/score" in str(one.get("identifier"))
    ]


async def until(clinic: Clinic, kind: str, patient: str, status: str) -> dict[str, Any]:
    with anyio.fail_after(30):
        while True:
            found = [one for one in ours(clinic, kind, patient) if one["status"] == status]
            if found:
                return found[0]
            await anyio.sleep(0.05)  # the worker is in another task


async def test_a_questionnaire_reaches_the_chart_is_screened_by_and_is_taken_back(tmp_path: Path) -> None:
    async with running_clinic(tmp_path) as clinic, clinic.browser() as browser:
        patient = clinic.patient("five-sessions")
        root = str((await browser.launch(patient)).url).rpartition("/")[0]
        assert root.startswith(APP)
        page = await sent(browser, f"{root}/outcomes/phq9", NINE | {"do": "save"})
        assert "18, moderately severe" in html.unescape(page)
        result = await until(clinic, "Observation", patient, "final")
        form = await until(clinic, "QuestionnaireResponse", patient, "completed")
        assert result["valueQuantity"]["value"] == 18
        assert result["derivedFrom"][0]["reference"] == f"QuestionnaireResponse/{form['id']}"
        assert len(form["item"]) == 9
        again = str((await browser.launch(patient)).url).rpartition("/")[0]  # reads the chart anew
        progress = (await browser.get(f"{again}/progress")).text
        assert progress.count('<td class="n">18</td>') == 1, "what came back from the chart is no second score"
        assert "C-SSRS due" in progress
        (score,) = [one for (one,) in clinic.rows("select id from scores")]
        page = await sent(browser, f"{again}/outcomes/strike/{score}", {"reason": "Of another patient."})
        assert "Struck out by" in page
        await until(clinic, "Observation", patient, "entered-in-error")
        await until(clinic, "QuestionnaireResponse", patient, "entered-in-error")
        assert len(ours(clinic, "Observation", patient)) == len(ours(clinic, "QuestionnaireResponse", patient)) == 1


async def test_a_result_reaches_a_chart_that_takes_no_answers(tmp_path: Path) -> None:
    async with running_clinic(tmp_path) as clinic, clinic.browser() as browser:
        clinic.ehr.untaken.add("QuestionnaireResponse")
        patient = clinic.patient("five-sessions")
        root = str((await browser.launch(patient)).url).rpartition("/")[0]
        await sent(browser, f"{root}/outcomes/phq9", NINE | {"do": "save"})
        result = await until(clinic, "Observation", patient, "final")
        assert "derivedFrom" not in result
        assert ours(clinic, "QuestionnaireResponse", patient) == []
