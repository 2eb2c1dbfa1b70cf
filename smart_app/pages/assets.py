"""Style sheet, scripts and icons, served from the package under a folder that is named after their content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType

from starlette.responses import Response

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
# Reasons in lines of their own, and how far a line stands in: for us, and a sixth of what would travel.
_OURS = {
    ".js": re.compile(rb"^[ \t]*(//.*\n)?|^\n", re.MULTILINE),
    ".css": re.compile(rb"^[ \t]*(/\*.*?\*/\n)?|^\n", re.MULTILINE | re.DOTALL),
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    name: str
    digest: str
    kind: str
    body: bytes
    small: bytes  # the same, gzip

    @property
    def path(self) -> str:
        return f"/static/{self.digest}/{self.name}"

    def response(self, accepted: str) -> Response:
        """`accepted` is the Accept-Encoding header. They are kept compressed: they are the same for everybody."""
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if "gzip" not in accepted:
            return Response(self.body, media_type=self.kind, headers=headers)
        return Response(self.small, media_type=self.kind, headers=headers | {"Content-Encoding": "gzip"})


def read_assets() -> Mapping[str, Asset]:
    """Every file of `static/` by name. One digest of them all: scripts name each other by file name alone."""
    folder = files("smart_app.pages").joinpath("static")
    bodies = {entry.name: _served(entry.name, entry.read_bytes()) for entry in folder.iterdir() if _kind(entry.name)}
    digest = sha256(b"".join(bodies[name] for name in sorted(bodies))).hexdigest()[:16]
    return MappingProxyType(
        {
            name: Asset(name=name, digest=digest, kind=_kind(name), body=body, small=compress(body, mtime=0))
            for name, body in bodies.items()
        }
    )


def _served(name: str, body: bytes) -> bytes:
    ours = _OURS.get(_ending(name))
    return ours.sub(b"", body) if ours else body


def _kind(name: str) -> str:
    """Its media type; empty: not served."""
    return _KINDS.get(_ending(name), "")


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2]
