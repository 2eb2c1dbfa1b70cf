"""Overriding a finding: its evidence, the reason, and a page of its own for the second look at a contraindication."""

from __future__ import annotations

from starlette.responses import Response

from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.reasons import required_reason
from smart_app.use_cases.screening.override_finding import override_finding, override_view


def ask(visit: Visit) -> Response:
    """The finding and the form for the reason."""
    return _page(visit, {})


def decide(visit: Visit) -> Response:
    """The reason; for a contraindication the second look; then the override."""
    deps, fields, rule = visit.deps, visit.fields, visit.path["rule"]
    seen = fields.get("seen", "")
    try:
        if fields.get("do") == "change":
            return _page(visit, {})
        required_reason(fields.get("reason", ""))
        view = override_view(deps.work, deps.clock, visit.caller, rule)
        if view.needs_second_look and not view.why_not and seen == view.seen:
            return _page(visit, {}, second_look=True)
        override_finding(
            deps.work,
            deps.clock,
            visit.caller,
            rule,
            reason=fields.get("reason", ""),
            seen=seen,
            ids=deps.ids,
            site=deps.site,
        )
    except Refused as refused:
        return _page(visit, refused.at_fields())
    return visit.go("screening#overrides")


def _page(visit: Visit, problems: Problems, *, second_look: bool = False) -> Response:
    rule = visit.path["rule"]
    view = override_view(visit.deps.work, visit.deps.clock, visit.caller, rule)
    return visit.page(
        "override.html",
        tab="screening",
        title="Look again before you override" if second_look else "Override a finding",
        view=view,
        rule=rule,
        second_look=second_look,
        problems=problems,
        values={"reason": visit.fields.get("reason", "").strip()},
        strip=second_look,
    )


_PATH = "screening/override/{rule}"

ROUTES = (
    Route(path=_PATH, handler=ask),
    Route(path=_PATH, handler=decide, method="POST", keep=keep_on(_PATH)),
)
