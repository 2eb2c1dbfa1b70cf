"""The five sessions that are seeded for one patient, through the app's own pages."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import httpx

from smart_app.sandbox.clinician import Clinician, LostError
from smart_app.sandbox.recording import PlannedSession, record_course

DAYS_AGO = (16, 13, 9, 6, 2)


def five_sessions(today: date) -> list[PlannedSession]:
    """Five sessions within three weeks, for a patient of 82 kg who is responding."""
    scores = (None, None, None, None, 11)  # the chart itself holds 21 before the course and 17 in its middle
    return [
        PlannedSession(day=today - timedelta(days=ago), milligrams=Decimal("41.0"), minutes=40, phq9=score)
        for ago, score in zip(DAYS_AGO, scores, strict=True)
    ]


async def wait_for_app(app_url: str, *, client: httpx.AsyncClient, tries: int = 120) -> bool:
    """Whether the app answers within about a minute; it publishes its keys before it can be launched."""
    for _ in range(tries):
        try:
            reply = await client.get(f"{app_url}/.well-known/jwks.json")
            if reply.status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.5)
    return False


async def seed(ehr_url: str, app_url: str, patient_id: str, today: date) -> str:
    """Record the course once the app answers. Returns one line that says how it went."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        if not await wait_for_app(app_url, client=client):
            return f"Course not recorded: no app answered at {app_url}"
    try:
        async with Clinician(ehr_url) as psychiatrist:
            await record_course(psychiatrist, patient_id, five_sessions(today))
    except (LostError, httpx.HTTPError) as error:
        return f"Course not recorded: {error}"
    return "Course of five sessions recorded"
