"""Turns page data into HTML: Jinja2, escaped always, and strict about names that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from smart_app.clinical.microdosing import NOTICE
from smart_app.pages import wording
from smart_app.pages.assets import Asset, read_assets
from smart_app.use_cases.session.session_lines import DISPOSITIONS, STOP_CAUSES

# What app.js is made of.
PARTS = tuple(
    f"{part}.js"
    for part in (
        "page",
        "waiting",
        "box",
        "sealed",
        "saving",
        "queue",
        "leaving",
        "online",
        "timers",
        "focus",
        "paper",
        "awake",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What does not change while the process runs: static files, and the templates that link to them."""

    assets: Mapping[str, Asset]
    templates: Environment


@cache
def shelf(base_path: str) -> Shelf:
    """Read and compiled once: an error page must not cost more than the page it stands for."""
    assets = read_assets()
    return Shelf(assets=assets, templates=_environment(assets, base_path))


def _environment(assets: Mapping[str, Asset], base_path: str) -> Environment:
    made = Environment(
        loader=PackageLoader("smart_app.pages"),
        autoescape=True,  # every template, whatever its name ends with
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        day=wording.day,
        weekday=wording.weekday,
        clock=wording.clock,
        entered=wording.entered,
        moment=wording.moment,
        offset=wording.offset,
        partial_day=wording.partial_day,
        relapse_rule=wording.relapse_rule,
        sentence=wording.sentence,
        pounds=wording.pounds,
    )
    made.globals.update(
        asset={name: base_path + asset.path for name, asset in assets.items()},
        base=base_path,
        routes=wording.ROUTES,
        places=wording.PLACES,
        went=DISPOSITIONS,
        causes=STOP_CAUSES,
        roles=wording.ROLES,
        fda=NOTICE,
    )
    return made


def render(templates: Environment, name: str, values: Mapping[str, Any]) -> str:
    return templates.get_template(name).render(values)
