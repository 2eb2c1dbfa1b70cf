"""A loopback proxy before the sandbox EHR that forges replies on order, byte by byte where a test wants it so.

It signs the id_tokens with keys of its own and publishes them, since a liar needs keys that the app believes; and it
forbids the app to keep the EHR's metadata, so that each start of the app reads them anew.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

WELL_KNOWN = "/fhir/.well-known/smart-configuration"
OPENID = "/.well-known/openid-configuration"
JWKS = "/oauth/jwks.json"
TOKEN = "/oauth/token"
AUTHORIZE = "/oauth/authorize"
SECRET_NAMES = {
    "access_token", "refresh_token", "id_token", "code", "state", "launch", "nonce", "code_verifier",
    "client_assertion",
}  # fmt: skip
_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters of the query and of a form."""
        form = self.body.decode("utf-8", "replace") if "urlencoded" in self.headers.get("content-type", "") else ""
        return [*parse_qsl(urlsplit(self.target).query), *parse_qsl(form)]


@dataclass(frozen=True)
class Reply:
    """An answer to send; `headers` by lower-case name, lengths are added."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def with_json(self, value: Any) -> Reply:
        return replace(self, body=json.dumps(value).encode())


Wire = Callable[[asyncio.StreamWriter], Awaitable[None]]  # writes what it likes, as slowly as it likes
Forge = Callable[[Asked, Reply], Reply | Wire]


@dataclass
class Order:
    """A forgery for requests whose path (with its query) fits. `left` None: every time."""

    method: str
    pattern: re.Pattern[str]
    forge: Forge
    left: int | None
    blind: bool  # the EHR is not asked at all


class FaultProxy:
    """`url` is where the EHR seems to be. `asked` holds what came, `secrets` what must never be seen elsewhere."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port, self.upstream = port, upstream
        self.url = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, parameters={"kid": "theirs", "use": "sig"})
        self.orders: list[Order] = []
        self.asked: list[Asked] = []
        self.secrets: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def order(
        self, path: str, forge: Forge, *, method: str = "GET", times: int | None = None, blind: bool = False
    ) -> None:
        """Forge the replies to requests whose target this regular expression finds from its start."""
        self.orders.append(Order(method=method, pattern=re.compile(path), forge=forge, left=times, blind=blind))

    def forget(self) -> None:
        """No orders, nothing asked."""
        self.orders, self.asked = [], []

    def requests(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method and re.match(path, one.target)]

    def signed(self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = None) -> str:
        """An id_token as this EHR signs it, or with another header or key."""
        head = {"alg": "RS256", "kid": "theirs", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, claims, key or self.key, algorithms=["RS256", "RS384", "HS256", "PS256"])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with await asyncio.start_server(self._meet, "127.0.0.1", self.port, limit=2**24):
            self._ready.set()
            await self._stop.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # drips that nobody waits for any more
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _request(reader)
            self.asked.append(asked)
            self._listen(asked.pairs)
            reply = await self._answer(asked)
            if isinstance(reply, Reply):
                self._overhear(reply)
                writer.write(_bytes(reply))
            else:
                await reply(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side hung up: some cases are about that
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, asked: Asked) -> Reply | Wire:
        order = next((one for one in self.orders if _fits(one, asked)), None)
        if order and order.left is not None:
            order.left -= 1
        if order and order.blind:
            return order.forge(asked, Reply(200))
        reply = self._dressed(asked, await self._from_ehr(asked))
        return order.forge(asked, reply) if order else reply

    def _dressed(self, asked: Asked, reply: Reply) -> Reply:
        """The EHR's own answer, signed with our keys."""
        if asked.path in {WELL_KNOWN, OPENID}:
            return replace(reply, headers={**reply.headers, "cache-control": "no-store"})
        if asked.path == JWKS:
            headers = {"content-type": "application/json", "cache-control": "no-store"}
            return Reply(200, headers).with_json({"keys": [self.key.as_dict(private=False)]})
        if asked.path == TOKEN and reply.status == 200 and "id_token" in reply.json:
            return reply.with_json({**reply.json, "id_token": self.signed(claims_of(reply.json["id_token"]))})
        return reply

    async def _from_ehr(self, asked: Asked) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream, limit=2**24)
        kept = {name: value for name, value in asked.headers.items() if name not in _HOP}
        lines = [f"{asked.method} {asked.target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items())]
        lines += ["connection: close", f"content-length: {len(asked.body)}", "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + asked.body)
        await writer.drain()
        whole = await reader.read()
        writer.close()
        await writer.wait_closed()
        return _reply(whole)

    def _overhear(self, reply: Reply) -> None:
        self._listen(parse_qsl(urlsplit(reply.headers.get("location", "")).query))
        with suppress(ValueError, AttributeError, RecursionError):
            self._listen(reply.json.items())

    def _listen(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self.secrets |= {value for name, value in pairs if name in SECRET_NAMES and _telling(value)}


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, unchecked."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


def _telling(value: object) -> bool:
    return isinstance(value, str) and len(value) >= 12  # shorter ones stand in texts by chance


def _fits(order: Order, asked: Asked) -> bool:
    return order.method == asked.method and order.left != 0 and order.pattern.match(asked.target) is not None


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = _headers(lines)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


def _reply(whole: bytes) -> Reply:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = _headers(lines)
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    kept = {name: value for name, value in headers.items() if name not in _HOP | {"set-cookie"}}
    cookies = tuple(line.partition(":")[2].strip() for line in lines if line.lower().startswith("set-cookie:"))
    return Reply(int(first.split(" ")[1]), kept, body, cookies)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _unchunked(body: bytes) -> bytes:
    plain = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        plain, body = plain + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return plain


def _bytes(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Told", *(f"{name}: {value}" for name, value in reply.headers.items())]
    lines += [f"set-cookie: {cookie}" for cookie in reply.cookies]
    lines += ["connection: close", f"content-length: {len(reply.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + reply.body
