"""A patient with a very long chart does not fill the memory of the app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MOST_MB = 40  # without sharing what entries say alike it takes 60


def test_ten_thousand_observations_take_little_memory() -> None:
    command = [sys.executable, "-m", "tests.smart_app.ehr.long_chart"]
    root = Path(__file__).parents[3]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=120)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) < MOST_MB
