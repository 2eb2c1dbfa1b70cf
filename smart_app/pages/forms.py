"""Reads a posted form: bounded, UTF-8, one value a name (WHATWG URL, application/x-www-form-urlencoded)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

_MOST_BYTES = 128 * 1024
_MOST_FIELDS = 400
_KEPT_CONTROLS = "\n\t"


class FormUnreadable(Exception):
    """The request's body is not a form of ours; the browser or something between it and us is at fault."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields as typed, without surrounding blanks, line ends as \\n and without control characters."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormUnreadable("the form did not arrive as a form")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise FormUnreadable("the form is too long")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise FormUnreadable("the form cannot be read") from None
    return {name: _plain(value) for name, value in pairs}


def typed(fields: Mapping[str, str]) -> dict[str, str]:
    """The clinician's part of a form: our own marks begin with an underscore and stay outside."""
    return {name: value for name, value in fields.items() if not name.startswith("_")}


def _plain(value: str) -> str:
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in lines if sign in _KEPT_CONTROLS or not _is_control(sign)).strip()


def _is_control(sign: str) -> bool:
    return sign < " " or "\x7f" <= sign <= "\x9f"
