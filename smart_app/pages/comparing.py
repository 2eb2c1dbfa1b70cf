"""What the EHR holds beside what we wrote, where the two are in conflict (ui specification S5)."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.responses import Response

from launch.errors import LaunchEnded
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.delivery.compare_with_ehr import Comparison, compare_with_ehr


async def show(visit: Visit) -> Response:
    """Read from the EHR at each visit: what stood there a minute ago may be mended by now."""
    deps, message = visit.deps, visit.path["message"]
    ehr = await run_sync(deps.ehr_of, visit.caller.launch)
    if ehr is None:
        raise LaunchEnded
    comparison = await compare_with_ehr(deps.work, deps.clock, visit.caller, ehr, message, deps.site)
    return await run_sync(_shown, visit, comparison)


def _shown(visit: Visit, comparison: Comparison) -> Response:
    tab = "session" if comparison.session else "progress"
    return visit.page(
        "compare.html", tab=tab, title="Changed in the EHR: both sides", comparison=comparison, strip=True
    )


ROUTES = (Route(path="delivery/compare/{message}", handler=show),)
