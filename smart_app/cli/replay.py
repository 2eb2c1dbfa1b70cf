"""`ketamine-pathway replay`: compute a kept screening again and say whether it comes out the same."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked
from smart_app.parts import environment
from smart_app.settings import SystemClock, data_folder, database_url, load_site, site_file, zone_of
from smart_app.store.opened import open_kept
from smart_app.use_cases.errors import UnreadableRecord
from smart_app.use_cases.screening.replay_screening import Change, NoReplay, Replay, replay


def add_commands(commands: Any) -> None:
    made = commands.add_parser("replay", help="compute a kept screening again", description=__doc__)
    made.add_argument("id", help="of the screening, as its page shows it")
    made.add_argument("--data", type=Path, metavar="FOLDER", help="the app's data folder (default: KP_DATA)")
    made.add_argument("--format", choices=("text", "json"), default="text")
    made.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0: it came out the same; 1: it did not; 2: it cannot be computed again."""
    given = environment()
    data = chosen.data or data_folder(given)
    rules = checked(lambda: load_site(site_file(given, data))).rules
    clock = SystemClock(checked(lambda: zone_of(given)))
    work, close = checked(lambda: open_kept(database_url(given, data)))
    try:
        made = replay(work, clock, chosen.id, rules)
    except (NoReplay, UnreadableRecord) as problem:
        raise CommandFailed(f"{chosen.id}: {problem}") from None
    finally:
        close()
    told = json.dumps(_json(made), indent=2) if chosen.format == "json" else "\n".join(_lines(made))
    sys.stdout.write(told + "\n")
    return 1 if made.changes else 0


def _lines(made: Replay) -> Iterable[str]:
    screening = made.screening
    read = f"{screening.at:%Y-%m-%d %H:%M}"
    after = f", with its overrides {screening.after_overrides}" if screening.after_overrides else ""
    yield f"Screening {screening.id}: {screening.status}{after} as of {screening.day}, chart read {read}."
    yield f"Made by rules {screening.rules_version}; these are rules {made.rules_now}."
    again = "Computed again from what was kept, with the site's settings of then"
    yield f"{again}: {'the same.' if not made.changes else 'NOT the same.'}"
    yield from map(_line, made.changes)
    today = "With the rules and the site's settings of today"
    yield f"{today}: {'nothing differs.' if not made.today else 'this differs.'}"
    yield from map(_line, made.today)


def _line(change: Change) -> str:
    return f"  {change.what}\n    then: {change.then}\n    now:  {change.now}"


def _json(made: Replay) -> dict[str, Any]:
    return {
        "screening": made.screening.id,
        "status": made.screening.status,
        "asOf": made.screening.day.isoformat(),
        "rulesThen": made.screening.rules_version,
        "rulesNow": made.rules_now,
        "same": not made.changes,
        "changes": [_change(change) for change in made.changes],
        "today": [_change(change) for change in made.today],
    }


def _change(change: Change) -> dict[str, str]:
    return {"what": change.what, "then": change.then, "now": change.now}
