"""One HTTP request to a provider, with every way in which it can fail sorted by whether it may have been accepted.

Promise: what the provider certainly did not process is `TryLater`, whatever else got no answer is `Ambiguous`; an answer
is waited for longer than any gateway waits, and read up to a limit only, compressed or not.
Sources: RFC 9110; RFC 9113, 6.8 and 8.7 (what HTTP/2 says of requests that were not processed).
"""

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import orjson
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, StreamReset

from activities.channels.errors import Ambiguous, ChannelError, Forbidden, NoConnection, TryLater, Unable
from activities.channels.instants import header_date
from activities.web.guarded import Inside, led_nowhere, limits

#: Answers by a gateway that do not say whether the provider behind it took the message.
GATEWAY_DOUBT = (502, 504)

#: Requests on their way at once to one provider: what its servers take on one HTTP/2 connection as a rule (RFC 9113, 6.5.2).
CONNECTIONS = 100

#: HTTP sets no limit to an answer. The gateways on the way do: after this long none holds a connection that is silent,
#: so whoever waits on waits for nothing, and whoever gives up before makes a doubt out of a slow answer.
ANSWER = timedelta(minutes=5)

_ANSWER_BYTES = 1024 * 1024  # the longest real answers have some kilobytes
_LONGEST_RETRY_AFTER = timedelta(days=7)
_NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BROKEN_OFF = "broken_off"
_OF_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")


def http_client(connections: int = CONNECTIONS, *, http1: bool = True, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """A client for one provider, so that a slow one keeps no other waiting; without `http1` it speaks HTTP/2 only.

    `tls` is how it shows who it is, where the provider wants a certificate.
    """
    patience = httpx.Timeout(ANSWER.total_seconds(), connect=10, pool=10)
    return httpx.AsyncClient(
        http1=http1,
        http2=True,
        timeout=patience,
        limits=limits(connections),
        verify=tls or True,
        event_hooks={"response": [led_nowhere]},
    )


async def post_json(
    http: httpx.AsyncClient, provider: str, url: str, payload: Mapping[str, Any], headers: Mapping[str, str]
) -> httpx.Response:
    """Post JSON and return whatever was answered.

    Raises:
        TryLater: there was no connection, the request was not processed, or the provider lives at another address.
        Ambiguous: the request was written, at least in part, and no answer came.
        Unable: the request cannot be written at all (a malformed address or header in the settings).
    """
    answer = await post(http, provider, url, orjson.dumps(payload), {**headers, "content-type": "application/json"})
    if answer.is_redirect:
        raise TryLater(f"{provider} {answer.status_code}: sent elsewhere; check the provider's address in the settings")
    return answer


async def post(http: httpx.AsyncClient, provider: str, url: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
    """Post and return whatever was answered, its body read up to the limit; raises what `post_json` raises."""
    return await _asked(http, provider, "POST", url, content, headers)


async def put_json(
    http: httpx.AsyncClient, provider: str, url: str, payload: Mapping[str, Any], headers: Mapping[str, str]
) -> httpx.Response:
    """Put JSON in the place of what is there, and return whatever was answered; raises what `post_json` raises."""
    told = {**headers, "content-type": "application/json"}
    return await _asked(http, provider, "PUT", url, orjson.dumps(payload), told)


async def delete(
    http: httpx.AsyncClient, provider: str, url: str, content: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    """Delete what the content names, and return whatever was answered; raises what `post_json` raises."""
    return await _asked(http, provider, "DELETE", url, content, headers)


async def get(http: httpx.AsyncClient, provider: str, url: str, headers: Mapping[str, str]) -> httpx.Response:
    """Get, and return whatever was answered, its body read up to the limit; raises what `post_json` raises."""
    return await _asked(http, provider, "GET", url, None, headers)


async def _asked(
    http: httpx.AsyncClient, provider: str, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
) -> httpx.Response:
    way = _Way()
    asked = {**headers, "accept-encoding": "identity"}
    try:
        async with (
            asyncio.timeout(ANSWER.total_seconds()),
            http.stream(method, url, content=content, headers=asked, extensions={"trace": way}) as answer,
        ):
            return await _read(answer)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        if isinstance(error, TimeoutError) and not way.left:
            raise TryLater(f"{provider} {type(error).__name__}: no place on its connection") from None
        raise broken(provider, error, way.stream) from None


class _Way:
    """Listens to httpcore: whether a request has left, and on which HTTP/2 stream."""

    left = False
    stream: int | None = None

    async def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            self.left, self.stream = True, about.get("stream_id")


async def _read(answer: httpx.Response) -> httpx.Response:
    """The answer with its body, or with none where that is too long, breaks off or is packed in a way we did not ask for."""
    headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _OF_THE_BODY]
    body = await _body(answer)
    return httpx.Response(answer.status_code, headers=headers, content=body or b"", extensions={_BROKEN_OFF: body is None})


def broke_off(answer: httpx.Response) -> bool:
    """Whether its body was cut short on the way: its status counts, and what it would have said is not known."""
    return bool(answer.extensions.get(_BROKEN_OFF))


async def _body(answer: httpx.Response) -> bytes | None:
    body = bytearray()
    assert isinstance(answer.stream, httpx.AsyncByteStream)
    try:
        async for chunk in answer.stream:  # as it comes: httpx would unpack a megabyte into a gigabyte
            body += chunk
            if len(body) > _ANSWER_BYTES:
                return b""
    except httpx.HTTPError:
        return None
    return _unpacked(bytes(body), answer.headers.get("content-encoding", "identity").lower())


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding == "identity":
        return body
    try:
        plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, _ANSWER_BYTES + 1) if encoding == "gzip" else b""
    except zlib.error:
        return b""
    return plain if len(plain) <= _ANSWER_BYTES else b""


def broken(provider: str, error: Exception, stream: int | None = None) -> ChannelError:
    """The channel's error for a request that got no answer; `stream` is its number on an HTTP/2 connection."""
    name = f"{provider} {type(error).__name__}"
    if isinstance(error, Inside):
        return Forbidden(f"{name}: its name leads to an address inside, which is not opened in the settings")
    if isinstance(error, _NOT_WRITTEN):
        return NoConnection(f"{name}: no connection")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Unable(f"{name}: the provider's address or credentials in the settings are malformed")
    if _unprocessed(error, stream):
        return TryLater(f"{name}: the provider says that the request was not processed")
    return Ambiguous(f"{name}: no answer after the request was written")


def _unprocessed(error: Exception, stream: int | None) -> bool:
    """Whether HTTP/2 vouches for it: the stream was refused, or is beyond the last one before the connection's end."""
    match getattr(error.__cause__, "args", ()):
        case [StreamReset() as reset]:
            return reset.error_code == ErrorCodes.REFUSED_STREAM
        case [ConnectionTerminated(last_stream_id=int(last))]:
            return last == 0 or (stream is not None and stream > last)
    return False


def retry_after(response: httpx.Response) -> timedelta | None:
    """The `Retry-After` of an answer, as real time: seconds, or a date less the answer's own (RFC 9110, 10.2.3).

    At most a week: a longer one is a mistake, and the message's own deadline comes first anyway.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), _LONGEST_RETRY_AFTER.total_seconds()))
    until, now = header_date(value), header_date(response.headers.get("date", ""))
    return min(max(until - now, timedelta(0)), _LONGEST_RETRY_AFTER) if until and now else None


def body_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer, or an empty one."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
