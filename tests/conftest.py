"""For all tests: no traffic beyond this machine, a skip is a failure where told so, and workers that agree."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest

SKIPS_ARE_FAILURES = os.environ.get("KP_TEST_NOTHING_SKIPPED") == "1"
SLOW = {"journeys", "strangers", "weave"}  # folders of tests that start whole servers
LEAST_WORKERS = 2  # one waits for a browser or a server while the other computes


class LeftTheMachineError(RuntimeError):
    """A test tried to reach an address that is not on this machine."""


@pytest.fixture(autouse=True, scope="session")
def only_this_machine() -> Iterator[None]:
    """Loopback and Unix sockets only; a name is refused before it is looked up."""
    connect = socket.socket.connect
    look_up = socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _loopback(address[0]):
            raise LeftTheMachineError(f"a test connected to {address[0]}")
        connect(self, address)

    def guarded_look_up(host: Any, *more: Any, **named: Any) -> Any:
        if host not in (None, "", "localhost", b"localhost") and not _loopback(host):
            raise LeftTheMachineError(f"a test looked up {host!r}")
        return look_up(host, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _loopback(host: Any) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if SKIPS_ARE_FAILURES and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("Nothing may be skipped here (KP_TEST_NOTHING_SKIPPED=1).", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if SKIPS_ARE_FAILURES and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """All workers, and the apps they start, hash alike: they collect alike, and a failure can be had again."""
    os.environ.setdefault("PYTHONHASHSEED", str(secrets.randbelow(2**32)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a browser shows is covered by quicker tests already. The slow go first: none is left to one worker."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: not (item.get_closest_marker("browser") or SLOW & set(item.path.parts)))


def pytest_report_header(config: pytest.Config) -> str | None:
    return f"PYTHONHASHSEED={os.environ['PYTHONHASHSEED']}" if config.getoption("numprocesses", None) else None


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    return max(LEAST_WORKERS, (yield))
