"""`ketamine-pathway screen`: one patient from files, with no EHR, and the same result as the page."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from fhir_mappings.codes.site_medicines import table_of
from fhir_mappings.wire import encode
from smart_app.cli.errors import CommandFailed
from smart_app.cli.rules import add_site, chosen_settings
from smart_app.cli.serve import checked
from smart_app.clinical.finding import Status
from smart_app.clinical.rule_settings import differences
from smart_app.ehr.files import UnreadableInput, read_files
from smart_app.parts import environment
from smart_app.settings import SystemClock, data_folder
from smart_app.use_cases.screening.judge_screening import judge
from smart_app.use_cases.screening.screen_patient import read_facts

STATUS_WORDS = {
    Status.CONTRAINDICATED: "Contraindicated",
    Status.HOLD: "Not now",
    Status.NO_INDICATION: "No indication found",
    Status.INSUFFICIENT_DATA: "Not enough data",
    Status.NEEDS_REVIEW: "Needs review",
    Status.CANDIDATE: "No exclusion found",
}
_STATE_WORDS = {"met": "found", "not-enough-data": "not enough data", "could-not-look": "could not look"}


def add_commands(commands: Any) -> None:
    made = commands.add_parser("screen", help="screen one patient from FHIR files", description=__doc__)
    made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="Bundle, NDJSON file or folder of them")
    made.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="the day of the screening (default: today)")
    add_site(made)
    made.add_argument("--format", choices=("text", "json"), default="text")
    made.set_defaults(run=run)


def _day(text: str) -> date:
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is not a day like 2026-11-23") from None


def run(chosen: argparse.Namespace) -> int:
    """0 whatever the status; unusable input is one line and 2."""
    settings = chosen_settings(chosen).rules
    try:
        files = read_files(chosen.paths)
    except UnreadableInput as problem:
        raise CommandFailed(str(problem)) from None
    as_of = chosen.as_of or SystemClock()().date()
    medicines = checked(lambda: table_of(data_folder(environment())))
    facts = read_facts(files.chart, patients=files.patients, as_of=as_of, medicines=medicines)
    made = judge(facts, as_of=as_of, settings=settings)
    result, told = made.result, made.told
    if chosen.format == "json":
        sys.stdout.write(encode(told).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_lines(told, result.status, len(differences(settings)))) + "\n")
    return 0


def _lines(told: dict[str, Any], status: Status, changed: int) -> Iterable[str]:
    yield f"{STATUS_WORDS[status]} ({status.value}) as of {told['asOf']}, rules {told['rulesVersion']}"
    if changed:
        yield f"By this site's settings, which differ in {changed} from those shipped: see rules --diff."
    yield "Decision support. You decide."
    for alert in told["alerts"]:
        yield ""
        yield f"! {alert['rule']}: {alert['text']}"
    for finding in told["findings"]:
        yield from _finding(finding)
    if told["gaps"]:
        yield ""
        yield "Could not be read or used:"
        yield from (f"  - {gap['reference']}: {gap['reason']}" for gap in told["gaps"])
    yield from _trials(told["trials"])
    if told["relied_on"]["unresolved"]:
        yield ""
        yield "Medicines that could not be resolved to an ingredient; the rules could not judge them:"
        yield from (f"  - {name}" for name in told["relied_on"]["unresolved"])
    if told["questions"]:
        yield ""
        names = ", ".join(question["rule"] for question in told["questions"])
        yield from textwrap.wrap(f"Not found in the record, ask the patient: {names}", 100, subsequent_indent="  ")
    if told["looked_at"]:
        yield ""
        names = ", ".join(finding["rule"] for finding in told["looked_at"])
        yield from textwrap.wrap(f"Looked for and not found: {names}", 100, subsequent_indent="  ")


def _trials(told: dict[str, Any]) -> Iterable[str]:
    if not told["trials"]:
        return
    yield ""
    yield f"Trials of antidepressants: {told['why']} Looked at: {told['window']}."
    for trial in told["trials"]:
        yield f"  - {trial['ingredient']}: {trial['dose']}; {trial['stretch']}; {trial['ended']}; {trial['standing']}"
        if trial["missing"]:
            yield f"    missing: {', '.join(trial['missing'])}"


def _finding(finding: dict[str, Any]) -> Iterable[str]:
    state = (
        "missing" if finding["kind"] == "missing" and finding["state"] == "met" else _STATE_WORDS[finding["state"]]
    )
    yield ""
    yield f"{finding['rule']} [{finding['kind']}: {state}] {finding['title']}"
    yield f"  {finding['reason']}"
    for evidence in finding["evidence"]:
        date_ = f" {evidence['date']}" if evidence["date"] else ""
        yield f"  - {evidence['text']} ({evidence['reference']}{date_})"
