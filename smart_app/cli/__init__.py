"""The command line: `ketamine-pathway COMMAND`. One file for each group of commands."""

from smart_app.cli.main import main

__all__ = ["main"]
