"""Reads the arguments, runs one command, turns its error into one line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from smart_app.cli import config, demo, keys, ledger, registration, replay, rules, rxnorm, screen, serve
from smart_app.cli.errors import CommandFailed


class _Parser(argparse.ArgumentParser):
    """One line for a wrong use, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    described = "Ketamine-therapy programme for depression, launched inside the EHR by SMART on FHIR."
    made = _Parser(prog="ketamine-pathway", description=described)
    made.add_argument("--version", action="version", version=version("ketamine-pathway"))
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for group in (screen, rules, rxnorm, replay, ledger, config, registration, keys, demo, serve):
        group.add_commands(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 something went wrong while running, 2 wrong use or unusable input."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except CommandFailed as failure:
        print(f"ketamine-pathway: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away: nothing more to say, nowhere to say it
        return 1
