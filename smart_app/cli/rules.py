"""`ketamine-pathway rules`: the rules of the screening with this site's limits, or only what the site changed."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fhir_mappings.wire import encode
from smart_app.cli.serve import checked
from smart_app.clinical.programme_settings import tunings
from smart_app.clinical.rule_sheet import rule_sheet
from smart_app.clinical.site_table import amount
from smart_app.parts import environment
from smart_app.settings import SiteSettings, load_site, site_file

_WIDTH = 110


def add_commands(commands: Any) -> None:
    made = commands.add_parser("rules", help="show the rules and this site's limits", description=__doc__)
    made.add_argument("--diff", action="store_true", help="only what this site runs otherwise than shipped")
    add_site(made)
    made.add_argument("--format", choices=("text", "json"), default="text")
    made.set_defaults(run=run)


def add_site(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--site", type=Path, metavar="FILE", help="the site's settings (default: KP_SITE, or site.toml in KP_DATA)"
    )


def chosen_settings(chosen: argparse.Namespace) -> SiteSettings:
    """The settings of --site, else those that the server would find. An unusable file is exit code 2."""
    return checked(lambda: load_site(chosen.site or site_file(environment())))


def run(chosen: argparse.Namespace) -> int:
    """0 also where the site differs: that is no fault."""
    site = chosen_settings(chosen)
    sheet = rule_sheet(site.rules, tuned=tunings(site.programmes), tables=site.tables)
    if chosen.format == "json":
        told = (
            {key: sheet[key] for key in ("format", "rulesVersion", "differences", "programmes", "settings")}
            if chosen.diff
            else sheet
        )
        sys.stdout.write(encode(told).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_differences(sheet) if chosen.diff else _table(sheet)) + "\n")
    return 0


def _table(sheet: Mapping[str, Any]) -> Iterable[str]:
    counts = ", ".join(f"{each['rules']} {origin}" for origin, each in sheet["origins"].items())
    yield f"Rules {sheet['rulesVersion']}: {len(sheet['rules'])} rules, {counts}."
    yield from _differences(sheet)
    for rule in sheet["rules"]:
        yield ""
        yield f"{rule['id']}  {rule['kind']}, {rule['effect'] or 'no effect on the status'}, {rule['origin']}"
        yield from textwrap.wrap(rule["question"], _WIDTH, initial_indent="  ", subsequent_indent="  ")
        if rule["off"]:
            yield f"  switched off at this site: {rule['siteReason']}"
        for limit in rule["limits"]:
            yield f"  - {limit['key']}: {limit['words']}: {_value(limit)}"


def _value(limit: Mapping[str, Any]) -> str:
    value = amount(limit["value"], limit["unit"])
    return value if limit["value"] == limit["default"] else f"{value} (default {amount(limit['default'])})"


def _differences(sheet: Mapping[str, Any]) -> Iterable[str]:
    if not sheet["differences"]:
        yield "This site runs every rule as shipped."
    for each in sheet["programmes"]:
        reason = f": {each['reason']}" if each["reason"] else ""
        yield f"programme {each['route']} {each['key']}: {each['value']} instead of {each['default']}{reason}"
    for each in sheet["settings"]:
        yield f"{each['table']} {each['key']}: {each['value']} instead of {each['default']}"
    for told in sheet["differences"]:
        if told["key"] == "off":
            yield f"{told['rule']}: switched off: {told['reason']}"
        else:
            reason = f": {told['reason']}" if told["reason"] else ""
            value = amount(told["value"], told["unit"])
            yield f"{told['rule']} {told['key']}: {value} instead of {amount(told['default'])}{reason}"
