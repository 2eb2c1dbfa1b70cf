"""Lets `python -m smart_app` be the command line."""

import sys

from smart_app.cli import main

if __name__ == "__main__":
    sys.exit(main())
