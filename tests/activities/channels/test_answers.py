"""What providers answer, byte by byte on real connections: proof of acceptance, size, and HTTP/2's own words (A3, A15, A18)."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import h2.connection
import httpx
import orjson
import pytest
from h2.errors import ErrorCodes

from activities.channels import (
    Ambiguous,
    ChannelError,
    EndpointGone,
    Fcm,
    PushContent,
    Refused,
    TryLater,
    WhatsApp,
    WhatsAppContent,
)  # fmt: skip
from activities.channels.http import http_client, post_json
from tests.activities.channels.outgoing import to
from tests.activities.channels.scripted import Http, Http2, answering, listening
from workers.sandbox.accounts import ServiceAccount

PUSH = PushContent(title="a", body="b")
TEMPLATE = WhatsAppContent(template="hello_world", language="en_US")
HTML = b"<!DOCTYPE html><title>Welcome to the hotel's network</title>"


async def whatsapp_told(answer: bytes) -> type[ChannelError] | None:
    """What became of a message to a provider with this answer."""
    provider = Http(answer)
    async with listening(provider) as port, httpx.AsyncClient() as http:
        try:
            await WhatsApp("token", "1", f"http://127.0.0.1:{port}", "v21.0", http).send(to("+34600111222", TEMPLATE))
        except ChannelError as error:
            return type(error)
        finally:
            assert len(provider.posts) == 1
    return None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answering("200 OK", b'{"messages": [{"id": "wamid.1"}]}'), None),
        (answering("200 OK", HTML, "content-type: text/html"), Ambiguous),
        (answering("204 No Content", b""), Ambiguous),
        (answering("202 Accepted", b"{}"), Ambiguous),
        (answering("200 OK", b'{"messages": []}'), Ambiguous),
        (answering("200 OK", b'{"messages": [{"id": ""}]}'), Ambiguous),
        (answering("200 OK", b'{"messages": [{"id": 7}]}'), Ambiguous),
        (answering("200 OK", b'{"error": {"code": 131000}}'), TryLater),
        (answering("200 OK", b'{"error": {"code": 131026}}'), EndpointGone),
        (answering("200 OK", b'{"error": {"code": 777}}'), Ambiguous),
        (answering("200 OK", b'{"error": "no"}'), Ambiguous),
        (answering("500 Oops", b'{"messages": [{"id": "wamid.1"}]}'), TryLater),
    ],
)
async def test_whatsapp_accepted_a_message_when_it_gives_its_id(answer: bytes, kind: type[ChannelError] | None) -> None:
    assert await whatsapp_told(answer) is kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answering("200 OK", b'{"name": "projects/p/messages/1"}'), None),
        (answering("200 OK", HTML, "content-type: text/html"), Ambiguous),
        (answering("204 No Content", b""), Ambiguous),
        (answering("200 OK", b'{"name": ""}'), Ambiguous),
        (answering("200 OK", b'{"name": {"no": "text"}}'), Ambiguous),
        (answering("200 OK", b'{"error": {"code": 503, "status": "UNAVAILABLE"}}'), TryLater),
        (answering("200 OK", b'{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}'), Refused),
        (answering("200 OK", b'{"error": {"code": 404, "details": [{"errorCode": "UNREGISTERED"}]}}'), EndpointGone),
        (answering("200 OK", b'{"error": {"status": "odd"}}'), Ambiguous),
    ],
)
async def test_fcm_accepted_a_message_when_it_gives_its_name(
    answer: bytes, kind: type[ChannelError] | None, tmp_path: Path
) -> None:
    token = answering("200 OK", b'{"access_token": "t", "expires_in": 3600}')
    async with listening(Http(token)) as google, listening(Http(answer)) as port, httpx.AsyncClient() as http:
        account = ServiceAccount(tmp_path, f"http://127.0.0.1:{google}/token")
        fcm = Fcm(orjson.loads(account.path.read_bytes()), f"http://127.0.0.1:{port}", http)
        try:
            await fcm.send(to("token", PUSH))
        except ChannelError as error:
            found: type[ChannelError] | None = type(error)
        else:
            found = None
    assert found is kind


BOMB = gzip.compress(b'{"messages": [{"id": "' + b"x" * 300_000_000 + b'"}]}')


@pytest.mark.parametrize(
    "answer",
    [
        answering("200 OK", BOMB, "content-encoding: gzip"),
        answering("200 OK", b" " * 20_000_000 + b'{"messages": [{"id": "wamid.1"}]}'),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"ffffff\r\n" + b" " * 0xFFFFFF + b"\r\n",
    ],
    ids=["a gzip bomb", "twenty megabytes", "an answer without an end"],
)
async def test_an_answer_is_read_up_to_a_limit(answer: bytes) -> None:
    tracemalloc.start()
    try:
        assert await whatsapp_told(answer) is Ambiguous
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
async def test_an_answer_that_is_packed_without_being_asked_is_read(encoding: str) -> None:
    packed = gzip.compress(b'{"messages": [{"id": "wamid.1"}]}')
    assert await whatsapp_told(answering("200 OK", packed, f"content-encoding: {encoding}")) is None


@pytest.mark.parametrize(
    "answer",
    [answering("200 OK", b"no gzip at all", "content-encoding: gzip"), answering("200 OK", b"?", "content-encoding: br")],
)
async def test_an_answer_that_cannot_be_unpacked_is_no_proof(answer: bytes) -> None:
    assert await whatsapp_told(answer) is Ambiguous


async def test_an_error_whose_body_is_too_long_goes_by_its_status() -> None:
    assert await whatsapp_told(answering("503 Busy", b" " * 20_000_000)) is TryLater


@pytest.mark.parametrize("where", ["https://127.0.0.1/", "https://0177.0.0.1/", "https://\uff11.shop/", "http://a:b/", "\x01"])
async def test_a_redirect_is_no_doubt_wherever_it_leads(where: str) -> None:
    """Also where nobody can read it: httpx would say that there was no answer."""
    provider = Http(answering("302 Found", b"", f"location: {where}"))
    async with listening(provider) as port, http_client() as http:
        with pytest.raises(TryLater, match="302: sent elsewhere"):
            await post_json(http, "fcm", f"http://127.0.0.1:{port}/", {"a": "b"}, {})
    assert len(provider.posts) == 1


@asynccontextmanager
async def posting(on_request: Callable[[h2.connection.H2Connection, int], None]) -> AsyncIterator[Callable[[], object]]:
    """Posts to an HTTP/2 provider that does this with each request."""
    async with listening(Http2(on_request)) as port, httpx.AsyncClient(http1=False, http2=True) as http:
        yield lambda: post_json(http, "fcm", f"http://127.0.0.1:{port}/", {"a": "b"}, {})


@pytest.mark.parametrize(("code", "kind"), [(ErrorCodes.REFUSED_STREAM, TryLater), (ErrorCodes.INTERNAL_ERROR, Ambiguous)])
async def test_a_stream_that_was_refused_was_not_processed(code: ErrorCodes, kind: type[ChannelError]) -> None:
    """RFC 9113, 8.7: REFUSED_STREAM vouches for it; another reset does not."""
    async with posting(lambda state, stream: state.reset_stream(stream, code)) as post:
        with pytest.raises(kind):
            await post()  # type: ignore[misc]


@pytest.mark.parametrize(("last", "kind"), [(0, TryLater), (1, Ambiguous)])
async def test_a_request_beyond_the_last_one_of_a_connection_was_not_processed(last: int, kind: type[ChannelError]) -> None:
    """RFC 9113, 6.8: GOAWAY names the last stream that the provider may have acted on; ours is stream 1."""
    async with posting(lambda state, _: state.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, last_stream_id=last)) as post:
        with pytest.raises(kind):
            await post()  # type: ignore[misc]
