"""What the fault proxy can be told to do to a reply: the vocabulary of the tables of hostile cases."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.strangers.fault_proxy import Asked, FaultProxy, Forge, Reply, Wire, claims_of

HTML = b"<!doctype html><title>Sign in</title><form action='/login'>Session ended, please sign in</form>"
ABSENT = object()  # this member is left out
REDIRECTS = (301, 302, 303, 307, 308)


def answers(body: bytes = b"", *, status: int = 200, kind: str = "application/json", **headers: str) -> Forge:
    """Another answer altogether."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _asked, _reply: Reply(status, {"content-type": kind, **named}, body)


def redirects(status: int, to: str) -> Forge:
    return answers(status=status, location=to)


def members(**changes: Any) -> Forge:
    """The EHR's own JSON object with some members changed, or ABSENT."""

    def forge(_asked: Asked, reply: Reply) -> Reply:
        told = {**reply.json, **changes}
        return reply.with_json({name: value for name, value in told.items() if value is not ABSENT})

    return forge


def altered(change: Callable[[bytes], bytes]) -> Forge:
    """The EHR's own answer with its bytes changed."""
    return lambda _asked, reply: replace(reply, body=change(reply.body))


def id_token(proxy: FaultProxy, make: Callable[[dict[str, Any]], str]) -> Forge:
    """The token reply with the id_token that `make` makes of the genuine claims."""

    def forge(_asked: Asked, reply: Reply) -> Reply:
        return reply.with_json({**reply.json, "id_token": make(claims_of(reply.json["id_token"]))})

    return forge


def redirected_with(changes: Mapping[str, Any], *, path: str | None = None, more: str = "") -> Forge:
    """The way back to the app with some parameters changed, or ABSENT, or under another path."""

    def forge(_asked: Asked, reply: Reply) -> Reply:
        address, _, query = reply.headers["location"].partition("?")
        told = {**dict(parse_qsl(query)), **changes}
        kept = urlencode({name: value for name, value in told.items() if value is not ABSENT})
        home = address if path is None else address.partition("/callback/")[0] + path
        return replace(reply, headers={**reply.headers, "location": f"{home}?{kept}{more}"})

    return forge


def on_the_wire(wire: Wire) -> Forge:
    return lambda _asked, _reply: wire


def cut(after: bytes = b"") -> Forge:
    """The connection ends without an answer, or after these bytes of one."""

    async def wire(writer: asyncio.StreamWriter) -> None:
        writer.write(after)

    return on_the_wire(wire)


def head(kind: str = "application/json", **headers: str) -> bytes:
    named = {"content-type": kind, "connection": "close"} | {n.replace("_", "-"): v for n, v in headers.items()}
    return "\r\n".join(["HTTP/1.1 200 OK", *(f"{n}: {v}" for n, v in named.items()), "", ""]).encode()


def drips(kind: str = "application/json") -> Forge:
    """A byte now and then, each in time, for ever."""

    async def wire(writer: asyncio.StreamWriter) -> None:
        writer.write(head(kind, content_length="100000"))
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    return on_the_wire(wire)


def endless(kind: str = "application/json") -> Forge:
    """As many bytes as anybody will take."""

    async def wire(writer: asyncio.StreamWriter) -> None:
        writer.write(head(kind))
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    return on_the_wire(wire)


def bomb(kind: str = "application/json", *, nested: bool = False) -> Forge:
    """200 MiB that travel as 200 kB."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 2**20
    packed = b"".join(packer.compress(block) for _ in range(200)) + packer.flush()
    return answers(gzip.compress(packed) if nested else packed, kind=kind, content_encoding="gzip")
