"""`ketamine-pathway ledger`: export the ledger of controlled substances as a log, and add it up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked
from smart_app.parts import environment
from smart_app.settings import SystemClock, data_folder, database_url, zone_of
from smart_app.store.opened import open_kept
from smart_app.use_cases.errors import Refused, UnreadableRecord
from smart_app.use_cases.ledger.ledger_log import Logged, as_csv, as_records, check_all, export_all
from smart_app.use_cases.ports import Clock, Work


def add_commands(commands: Any) -> None:
    group = commands.add_parser("ledger", help="the ledger of controlled substances", description=__doc__)
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))
    export = actions.add_parser("export", help="the rows of a span of days, as a paper log has them")
    export.add_argument("--from", dest="first", required=True, type=_day, metavar="DATE", help="YYYY-MM-DD")
    export.add_argument("--to", dest="last", required=True, type=_day, metavar="DATE", help="YYYY-MM-DD, included")
    export.add_argument("--ehr", metavar="NAME", help="of one registration (default: all)")
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    export.set_defaults(run=run_export)
    check = actions.add_parser("check", help="add up every vial anew")
    check.set_defaults(run=run_check)
    for each in (export, check):
        each.add_argument("--data", type=Path, metavar="FOLDER", help="the app's data folder (default: KP_DATA)")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is not a date as YYYY-MM-DD") from None


def run_export(chosen: argparse.Namespace) -> int:
    """Names the patients: the output is a record of controlled substances. Leaves audit records."""
    try:
        found = _within(chosen, lambda work, clock: export_all(work, clock, chosen.first, chosen.last, chosen.ehr))
    except Refused as refused:
        raise CommandFailed(" ".join(refused.problems.values()) or refused.words) from None
    if chosen.ehr is not None and not found:
        raise CommandFailed(f"{chosen.ehr}: no vial was received there")
    sys.stdout.write(
        _json(found) if chosen.format == "json" else as_csv(row for rows in found.values() for row in rows)
    )
    return 0


def _json(found: Mapping[str, tuple[Logged, ...]]) -> str:
    return json.dumps({name: as_records(rows) for name, rows in found.items()}, indent=2, ensure_ascii=False) + "\n"


def run_check(chosen: argparse.Namespace) -> int:
    """0: every vial adds up; 1: a line for each row that does not."""
    count, wrong = _within(chosen, check_all)
    for line in wrong:
        print(line)
    said = f"{count} vial{'' if count == 1 else 's'}"
    print(f"{said}: {len(wrong)} rows do not add up." if wrong else f"{said}: every row adds up.")
    return 1 if wrong else 0


def _within(chosen: argparse.Namespace, use: Callable[[Work, Clock], Any]) -> Any:
    given = environment()
    data = chosen.data or data_folder(given)
    clock = SystemClock(checked(lambda: zone_of(given)))
    work, close = checked(lambda: open_kept(database_url(given, data)))
    try:
        return use(work, clock)
    except UnreadableRecord as problem:
        raise CommandFailed(str(problem)) from None
    finally:
        close()
