"""Style sheet, script and icon, served from the package under a name that changes with their content."""

from __future__ import annotations

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
        """`accepted` is the Accept-Encoding header. Only these files are compressed: they hold no secret."""
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if "gzip" not in accepted:
            return Response(self.body, media_type=self.kind, headers=headers)
        return Response(self.small, media_type=self.kind, headers=headers | {"Content-Encoding": "gzip"})


def read_assets() -> Mapping[str, Asset]:
    """Every file of `static/` by name."""
    folder = files("smart_app.pages").joinpath("static")
    found = {}
    for entry in folder.iterdir():
        kind = _KINDS.get("." + entry.name.rpartition(".")[2])
        if kind:
            body = entry.read_bytes()
            digest = sha256(body).hexdigest()[:16]
            found[entry.name] = Asset(
                name=entry.name, digest=digest, kind=kind, body=body, small=compress(body, mtime=0)
            )
    return MappingProxyType(found)
