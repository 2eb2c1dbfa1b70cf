"""The rules of the screening, each with what it takes to judge it, as a page and as JSON (ui specification S9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fhir_mappings.wire import encode
from smart_app.clinical.rule_sheet import rule_sheet
from smart_app.clinical.site_table import amount
from smart_app.pages.deps import PageDeps
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import VERDICTS
from smart_app.use_cases.look import PAGE, record_look
from smart_app.use_cases.site import Site

# In the order of the screening page.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "contraindication": "Contraindications",
        "hold": "Not now",
        "missing": "Missing data",
        "review": "Needs review",
        "caution": "Cautions",
        "indication": "Indications",
        "information": "For information",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """The rules of one kind under their heading."""

    kind: str
    title: str
    rules: tuple[Mapping[str, Any], ...]


def show(visit: Visit) -> Response:
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    sheet = _sheet(visit.deps.site)
    return visit.page(
        "rules.html",
        tab="rules",
        title="Rules",
        sheet=sheet,
        groups=groups(sheet["rules"]),
        changed={told["rule"] for told in sheet["differences"]},
        tables=visit.deps.site.tables,
        amount=amount,
        effect_words=effect_words,
        contact=visit.deps.contact,
    )


def _sheet(site: Site) -> dict[str, Any]:
    return rule_sheet(site.rules, tuned=site.tuned, tables=site.tables)


def groups(rules: Sequence[Mapping[str, Any]]) -> tuple[RuleGroup, ...]:
    """The rules by their kind, in the order of the screening page; kinds without a rule are left out."""
    made = (
        RuleGroup(kind=kind, title=title, rules=tuple(rule for rule in rules if rule["kind"] == kind))
        for kind, title in _KINDS.items()
    )
    return tuple(group for group in made if group.rules)


def effect_words(effect: str | None) -> str:
    """What a rule does to the status when it is met."""
    return f"makes the status “{VERDICTS[effect].words}”" if effect else "changes no status"


def rules_json(deps: PageDeps) -> Callable[[Request], Awaitable[Response]]:
    """The same facts for programs. Nothing of a patient is in them, so nobody has to sign in."""
    body = encode(_sheet(deps.site))

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return answer


ROUTES = (Route(path="rules", handler=show, auditors=True),)
