"""One HTTP exchange with an EHR: timed, streamed, capped, never redirected; what went wrong is told apart."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio
import httpx

from launch.bearer import under_base
from launch.errors import (
    AddressForbidden,
    CertificateRefused,
    EhrBusy,
    EhrUnreachable,
    ForeignAddress,
    LaunchError,
)
from launch.exchange import no_cookies
from smart_app.use_cases.errors import BadReply, Busy, EhrError, OutcomeUnknown, Unauthorized, Unreachable

SIZE_LIMIT: Final = 32 * 1024 * 1024  # bytes of one answer, unpacked
RATIO_LIMIT: Final = 100  # unpacked to packed
_RATIO_FROM: Final = 1024 * 1024  # a short answer may pack better than that without harm
TIME_LIMIT: Final = 60.0  # seconds, for the whole exchange
_LONGEST: Final = 16 * 1024  # characters of an address
_TIMEOUTS: Final = httpx.Timeout(20.0, connect=5.0)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """A complete answer. It has no repr, since it holds a chart."""

    status: int
    headers: httpx.Headers
    body: bytes
    writing: bool  # the request may have changed something


def http_client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """The one client of an EHR, shared by its launches: no token, no cookie, no redirect, no proxy or netrc of the
    environment. `transport`: from `launch.transport`, which dials judged addresses alone."""
    for name in ("httpx", "httpcore"):  # at INFO they log whole addresses, patient ids among them
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=_TIMEOUTS,
        cookies=no_cookies(),
        event_hooks={"response": [_drop_unauthorized_body]},
    )


async def exchange(
    http: httpx.AsyncClient,
    auth: httpx.Auth,
    *,
    fhir_base: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    time_limit: float = TIME_LIMIT,
) -> Answer:
    """Send one request and read the whole answer, whatever its status.

    Unreachable when the request did not arrive (or nothing was to be changed by it), OutcomeUnknown when it may have.
    """
    _refuse_foreign(fhir_base, url)
    writing = method not in {"GET", "HEAD"}
    cut = OutcomeUnknown if writing else Unreachable
    try:
        with anyio.fail_after(time_limit):
            request = http.build_request(method, url, headers={**headers, "Accept-Encoding": "gzip"}, content=body)
            response = await http.send(request, auth=auth, stream=True, follow_redirects=False)
            try:
                unpacked = await _read(response)
            finally:
                await response.aclose()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
        raise Unreachable("the EHR could not be reached") from None
    except (httpx.TimeoutException, TimeoutError):
        raise cut("the EHR did not answer in time") from None
    except httpx.TransportError:
        raise cut("the connection to the EHR was cut") from None
    except httpx.InvalidURL:
        raise BadReply("the EHR named an address that cannot be read") from None
    except LaunchError as error:
        raise _not_sent(error) from None
    return Answer(status=response.status_code, headers=response.headers, body=unpacked, writing=writing)


def _refuse_foreign(fhir_base: str, url: str) -> None:
    """Only addresses under the FHIR base are asked, whoever named them. A query may be long: it is a page's state."""
    if len(url) > _LONGEST or not under_base(fhir_base, url.partition("?")[0]):
        raise BadReply("the EHR named an address outside its FHIR base")


def _not_sent(error: LaunchError) -> EhrError:
    """The token is fetched before a request or after a 401, and a connection is refused before it is made: in all
    these cases nothing was changed."""
    match error:
        case EhrBusy():
            return Busy(_decapitalised(error.message), retry_after=error.retry_after)
        case CertificateRefused() | AddressForbidden():
            return Unreachable(_decapitalised(error.message))
        case EhrUnreachable():
            return Unreachable("the EHR's sign-in could not be reached")
        case ForeignAddress():
            return BadReply("the EHR named an address outside its FHIR base")
        case _:
            return Unauthorized("the sign-in to the EHR has ended")


def _decapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


async def _read(response: httpx.Response) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise BadReply("the EHR answered in an encoding that was not asked for")
    inflate = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    packed, plain = 0, bytearray()
    async for chunk in response.aiter_raw():
        packed += len(chunk)
        allowed = min(SIZE_LIMIT, max(_RATIO_FROM, RATIO_LIMIT * packed))
        try:
            plain += inflate.decompress(chunk, allowed + 1 - len(plain)) if inflate else chunk
        except zlib.error:
            raise BadReply("the EHR's answer is damaged") from None
        if inflate and inflate.unused_data:
            raise BadReply("the EHR's answer goes on after its end")
        if max(len(plain), packed) > allowed:
            raise BadReply("the EHR's answer is far larger than such an answer can be")
    if inflate and packed and not inflate.eof:
        raise BadReply("the EHR's answer is cut short")
    return bytes(plain)


async def _drop_unauthorized_body(response: httpx.Response) -> None:
    """httpx reads the whole body of a 401 before it asks again: past our caps, and nobody needs it."""
    if response.status_code == httpx.codes.UNAUTHORIZED and isinstance(response.stream, httpx.AsyncByteStream):
        await response.stream.aclose()
        response.stream = httpx.ByteStream(b"")
