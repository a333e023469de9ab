"""A request's body as JSON, whatever its label: bounded in size before and after gzip, so that a small bomb stays small."""

import json
import math
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from api.problems import Fault, Problem

#: Bytes of a request, before and after decompression (Segment's limit for a batch).
BODY_LIMIT = 500 * 1024
#: Bytes of any other body, and of one that was unpacked.
UNPACKED_LIMIT = 4 * 1024 * 1024
#: Bytes of a body that is read to find its key inside: what a browser sends when a page closes (Fetch Standard, 64 KiB).
BEACON_LIMIT = 64 * 1024

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_ENCODINGS = {"", "identity", "gzip", "x-gzip"}
_BEYOND = 2**64
_DIGITS = 20  # of the largest whole number that stays one: 64 bits, as the strict parser has it


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent. `clean` is false when only a forgiving parser took it: each item needs a closer look then."""

    value: Any
    clean: bool


async def read_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The bytes of a request as they came; how long they may take is the door's (`api.door`).

    Raises:
        Problem: 413, more than `limit`.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


def understood(raw: bytes, encoding: str, limit: int = BODY_LIMIT) -> Body:
    """The JSON of a body, unpacked; no more than `limit` bytes of it.

    Raises:
        Problem: 400 not JSON, 413 too large or nested too deeply, 415 an encoding other than gzip.
    """
    return parse(inflate(raw, encoding, limit))


def inflate(raw: bytes, encoding: str, limit: int = BODY_LIMIT) -> bytes:
    """The body without gzip; clients that compress without saying so are understood by the first two bytes."""
    if encoding.strip().lower() not in _ENCODINGS:
        raise Problem(415, f"Content-Encoding {encoding[:40]!r} is not understood; send gzip or no encoding")
    if not raw.startswith(_GZIP):
        return raw
    try:
        return _unpacked(raw, limit)
    except zlib.error as error:
        raise Problem(400, "the body begins like gzip but cannot be unpacked; send it again", code="malformed-gzip") from error


def _unpacked(raw: bytes, limit: int) -> bytes:
    """Every member of a gzip file, one after the other (RFC 1952, 2.2); zeros may stand behind the last."""
    text = b""
    while raw:
        unpacker = zlib.decompressobj(wbits=31)
        text += unpacker.decompress(raw, limit + 1 - len(text))
        if len(text) > limit:
            raise too_large(limit)
        if not unpacker.eof:
            raise Problem(400, "the gzip body ends too early; send it again", code="malformed-gzip")
        raw = unpacker.unused_data.lstrip(b"\x00")
    return text


class AsSent(APIRoute):
    """A call whose body is read as events are, also gzip; `request.state.clean`: whether the strict parser took it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            sent = _Sent(request.scope, request.receive)
            try:
                return await answer(sent)
            except HTTPException as error:  # FastAPI takes any error of a body for this one
                raise sent.problem or error from None

        return answered


class _Sent(Request):
    problem: Problem | None = None

    async def json(self) -> Any:
        """The body, unpacked and read with forgiveness."""
        try:
            body = understood(await self.body(), self.headers.get("content-encoding", ""), UNPACKED_LIMIT)
        except Problem as problem:
            self.problem = problem
            raise
        self.state.clean = body.clean
        return body.value


def parse(text: bytes) -> Body:
    """JSON; what the standard forbids but clients send (NaN, lone surrogates, bad UTF-8) is left to the items' own check."""
    text = text.removeprefix(_BOM)
    try:
        return Body(orjson.loads(text), clean=True)
    except orjson.JSONDecodeError as error:
        return Body(_forgive(text, error), clean=False)


def _forgive(text: bytes, strict: orjson.JSONDecodeError) -> Any:
    try:
        return json.loads(text.decode("utf-8", "surrogateescape"), parse_int=_integer)
    except RecursionError as error:
        raise Problem(413, "the body is nested too deeply; send at most 32 levels", code="too-deep") from error
    except ValueError as error:
        fault = Fault(pointer="/", detail=f"{strict.msg} at character {strict.pos}")
        raise Problem(
            400, f"the body is not JSON: {fault.detail}; send one JSON object", code="malformed-json", errors=[fault]
        ) from error


def _integer(digits: str) -> int | float:
    """As the strict parser reads it: one item must not change how another one's numbers are read."""
    number = int(digits) if len(digits) <= _DIGITS else _BEYOND
    return number if -(2**63) <= number < _BEYOND else float(digits)


def too_large(limit: int) -> Problem:
    """The answer to a body that is larger than it may be."""
    return Problem(413, f"the body is larger than {limit} bytes; send smaller batches", code="too-large")


def flaw(value: Any) -> str | None:
    """What keeps a forgivingly parsed value from being stored, if anything; the walk needs no recursion."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            left += part
        elif isinstance(part, float) and not math.isfinite(part):
            return "a number is NaN, infinite or larger than any that can be kept"
        elif isinstance(part, str) and not _encodable(part):
            return "a text holds a lone surrogate or bytes that are not UTF-8"
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(value: Any) -> str:
    """The JSON text of what was sent, to be kept for people to look at: also where it is no proper JSON, or too deep for it."""
    try:
        if flaw(value) is None:  # which orjson would write as null
            return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # orjson stops at 254 levels, and does not write what it would not read
        pass
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested too deeply to be written down)"
