"""`ketamine-pathway rxnorm load`: a site's full table of medicines, from NLM's RxNorm prescribable files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fhir_mappings.codes.rxnorm_files import RxnormUnusable, read_release
from fhir_mappings.codes.site_medicines import FILE, encode_release
from launch.private_files import write_private
from smart_app.cli.errors import CommandFailed
from smart_app.parts import environment
from smart_app.settings import data_folder


def add_commands(commands: Any) -> None:
    group = commands.add_parser("rxnorm", help="the site's table of medicines", description=__doc__)
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))
    load = actions.add_parser("load", help="build it from NLM's RxNorm files", description=__doc__)
    load.add_argument(
        "folder", type=Path, metavar="DIR", help="folder with RXNCONSO.RRF and RXNREL.RRF, or its parent"
    )
    load.add_argument("--data", type=Path, metavar="FOLDER", help="the app's data folder (default: KP_DATA)")
    load.set_defaults(run=run_load)


def run_load(chosen: argparse.Namespace) -> int:
    """0 when the new table is in place; otherwise one line and 2, and the old table is as it was."""
    data = chosen.data or data_folder(environment())
    try:
        release = read_release(chosen.folder)
        _replace(data / FILE, encode_release(release))
    except RxnormUnusable as problem:
        raise CommandFailed(str(problem)) from None
    except OSError as problem:
        raise CommandFailed(f"{data / FILE} cannot be written ({problem.strerror})") from None
    print(
        f"RxNorm {release.release}: {len(release.products)} products, {len(release.ingredients)} ingredients; "
        f"{release.partly} products with a part that has no name, {release.unknown} left out with no known ingredient"
    )
    return 0


def _replace(path: Path, content: bytes) -> None:
    """The new file in place of the old, at once or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    try:
        write_private(new, content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
