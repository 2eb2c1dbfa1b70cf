"""The Chromium of this machine, how it is started, and which accessibility rules are checked in it."""

from __future__ import annotations

from shutil import which

CHROMIUM = which("chromium") or which("chromium-browser") or ""
# Without these a Chromium in a closed network, or run by root, does not start or looks for hosts outside.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-default-browser-check",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
