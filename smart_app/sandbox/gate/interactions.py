"""One FHIR interaction, read from a request or from an entry of a Bundle (R4 3.1.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from smart_app.sandbox.gate.offer import OFFERED
from smart_app.sandbox.outcome import RefusedError

LETTER = {
    "read": "r", "vread": "r", "history-instance": "r", "search-type": "s",
    "create": "c", "update": "u", "patch": "u", "delete": "d",
}  # fmt: skip

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """`params` are the search's; `if_none_exist` the criteria of a conditional create."""

    kind: str
    type: str
    id: str | None = None
    version: str | None = None
    params: Params = ()
    body: Any = None
    if_none_exist: str | None = None

    @property
    def letter(self) -> str:
        return LETTER[self.kind]

    @property
    def url(self) -> str:
        """The address below the FHIR base, with the parameters in it."""
        path = "/".join(one for one in (self.type, self.id) if one)
        if self.kind == "history-instance":
            path += "/_history"
        if self.kind == "vread":
            path += f"/_history/{self.version}"
        return f"{path}?{urlencode(self.params)}" if self.params else path


def refused(status: int, code: str, text: str) -> RefusedError:
    return RefusedError(status=status, code=code, text=text)


def parse(method: str, path: str, params: Params, body: Any, if_none_exist: str | None) -> Interaction:
    """The interaction of `method` on `path` (below the base). Raises `RefusedError` for what is not offered."""
    parts = [unquote(one) for one in path.split("/") if one]
    if any(one.startswith("$") for one in parts):
        raise refused(404, "not-supported", "This EHR offers no operations.")
    if not parts or parts[0] not in OFFERED:
        raise refused(404, "not-supported", "This EHR does not offer that resource type.")
    kind = _kind("GET" if method == "HEAD" else method, parts[1:])
    if any("." in name or name.startswith("_has") for name, _ in params):
        raise refused(400, "not-supported", "This EHR does not follow chained parameters or _has.")
    named = kind in ("read", "vread", "history-instance", "update", "patch", "delete")
    if named and not _ID.fullmatch(parts[1]):
        raise refused(400, "value", "That is not a FHIR id.")
    return Interaction(
        kind=kind,
        type=parts[0],
        id=parts[1] if named else None,
        version=parts[3] if kind == "vread" else None,
        params=params,
        body=body,
        if_none_exist=if_none_exist,
    )


def parse_entry(entry: Any, base: str) -> Interaction:
    """The interaction of one entry of a batch or transaction."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise refused(400, "required", "Every entry needs a request.")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise refused(400, "required", "Every entry needs request.method and request.url.")
    path, _, query = url.removeprefix(f"{base}/").partition("?")
    if "://" in path:
        raise refused(400, "invalid", "request.url points to another server.")
    params = tuple(parse_qsl(query, keep_blank_values=True))
    return parse(method.upper(), path, params, entry.get("resource"), request.get("ifNoneExist"))


def _kind(method: str, rest: list[str]) -> str:
    shape = tuple("_history" if one == "_history" else "_search" if one == "_search" else "x" for one in rest)
    kinds = {
        ("GET", ()): "search-type",
        ("POST", ("_search",)): "search-type",
        ("POST", ()): "create",
        ("GET", ("x",)): "read",
        ("PUT", ("x",)): "update",
        ("PATCH", ("x",)): "patch",
        ("DELETE", ("x",)): "delete",
        ("GET", ("x", "_history")): "history-instance",
        ("GET", ("x", "_history", "x")): "vread",
    }
    kind = kinds.get((method, shape))
    if kind is None:
        raise refused(405, "not-supported", "This EHR does not offer that interaction.")
    return kind
