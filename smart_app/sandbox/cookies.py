"""Cookies as a browser keeps them on a loopback host: Secure and Partitioned ones work over plain http too."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit


@dataclass(slots=True)
class CookieJar:
    """By host, path and name; ports share, as in a browser (RFC 6265 8.5)."""

    _kept: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def keep(self, url: str, set_cookies: list[str]) -> None:
        for line in set_cookies:
            pair, *rest = line.split(";")
            name, _, value = pair.strip().partition("=")
            attributes = {key.strip().lower(): text.strip() for key, _, text in (one.partition("=") for one in rest)}
            path = attributes.get("path", "/")
            if name.startswith("__Host-") and ("secure" not in attributes or path != "/" or "domain" in attributes):
                continue
            place = (urlsplit(url).hostname or "", path, name)
            if _deletes(attributes):
                self._kept.pop(place, None)
            else:
                self._kept[place] = value

    def header(self, url: str) -> dict[str, str]:
        """The Cookie header of a request, empty where there is none to send."""
        asked = urlsplit(url).path or "/"
        fitting = [
            (path, f"{name}={value}")
            for (host, path, name), value in self._kept.items()
            if host == urlsplit(url).hostname and _below(asked, path)
        ]
        pairs = [pair for _, pair in sorted(fitting, key=lambda one: -len(one[0]))]
        return {"cookie": "; ".join(pairs)} if pairs else {}


def _below(path: str, cookie_path: str) -> bool:
    """RFC 6265 5.1.4."""
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")


def _deletes(attributes: dict[str, str]) -> bool:
    if "max-age" in attributes:
        return attributes["max-age"].startswith(("0", "-"))
    try:
        return parsedate_to_datetime(attributes["expires"]).year < 2000
    except (KeyError, ValueError):
        return False
