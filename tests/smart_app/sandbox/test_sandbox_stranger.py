"""The sandbox is a stranger to the product, and a process of its own that keeps its console quiet."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

SEEN = """
import sys
import smart_app.sandbox.server, smart_app.sandbox.clinician, smart_app.sandbox.course
for name in sorted(sys.modules):
    ours = name.split(".")[0] in ("smart_app", "launch", "fhir_mappings")
    if ours and name != "smart_app" and not name.startswith("smart_app.sandbox"):
        print(name)
"""


def test_the_sandbox_loads_nothing_of_the_product() -> None:
    done = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The sandbox as it is started by hand, on a free port."""
    command = [sys.executable, "-m", "smart_app.sandbox", "--port", "0", "--control", "--today", "2026-03-17"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line
        yield address.group(), running
        running.terminate()
        assert running.stderr is not None
        assert running.stdout.read() == ""
        assert running.stderr.read() == ""


def test_it_says_in_one_line_where_it_serves_and_names_itself_so(
    process: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = process
    found = httpx.get(f"{address}/fhir/.well-known/smart-configuration", trust_env=False).json()
    assert found["issuer"] == address
    assert found["token_endpoint"] == f"{address}/oauth/token"


def order(address: str, action: str, path: str = "^/oauth/jwks", **match: str) -> None:
    fault = {"match": {"path_regex": path, **match}, "action": action, "times": 1}
    assert httpx.post(f"{address}/_control/faults", json=fault, trust_env=False).status_code == 204


@pytest.mark.parametrize("action", ["drop", "drop-after"])
def test_a_dropped_connection_ends_without_an_answer(process: tuple[str, subprocess.Popen[str]], action: str) -> None:
    address, _ = process
    order(address, action)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/oauth/jwks.json", trust_env=False)
    assert httpx.get(f"{address}/oauth/jwks.json", trust_env=False).status_code == 200
