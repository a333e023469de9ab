"""Which failures of a request leave a doubt, and how long a provider asks us to wait."""

from datetime import timedelta

import httpx
import pytest

from activities.channels import Ambiguous, ChannelError, Refused, TryLater
from activities.channels.http import broken, post_json, retry_after


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("x"), TryLater), (httpx.ConnectTimeout("x"), TryLater), (httpx.PoolTimeout("x"), TryLater),
        (httpx.ProxyError("x"), TryLater), (httpx.ReadTimeout("x"), Ambiguous), (httpx.WriteTimeout("x"), Ambiguous),
        (httpx.WriteError("x"), Ambiguous), (httpx.ReadError("x"), Ambiguous), (httpx.RemoteProtocolError("x"), Ambiguous),
        (httpx.DecodingError("x"), Ambiguous), (httpx.LocalProtocolError("x"), Refused), (httpx.InvalidURL("x"), Refused),
        (httpx.UnsupportedProtocol("x"), Refused),
    ],
)  # fmt: skip
def test_only_what_was_certainly_not_written_is_without_doubt(error: Exception, kind: type[ChannelError]) -> None:
    assert isinstance(broken("fcm", error), kind)


async def test_a_provider_that_lives_elsewhere_is_a_fault_of_the_settings() -> None:
    moved = httpx.MockTransport(lambda _: httpx.Response(301, headers={"location": "https://elsewhere.example/"}))
    with pytest.raises(TryLater, match="settings"):
        await post_json(httpx.AsyncClient(transport=moved), "fcm", "http://provider.example/", {}, {})


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "30"}, timedelta(seconds=30)),
        ({"retry-after": " 0 "}, timedelta(0)),
        ({"retry-after": "9" * 40}, timedelta(days=7)),
        ({"retry-after": "Fri, 31 Dec 2027 23:59:59 GMT", "date": "Fri, 31 Dec 2027 23:58:59 GMT"}, timedelta(minutes=1)),
        ({"retry-after": "Fri, 31 Dec 2087 23:59:59 GMT", "date": "Fri, 31 Dec 2027 23:58:59 GMT"}, timedelta(days=7)),
        ({"retry-after": "Fri, 31 Dec 2027 23:00:00 GMT", "date": "Fri, 31 Dec 2027 23:58:59 GMT"}, timedelta(0)),
        ({"retry-after": "Fri, 31 Dec 2027 23:59:59 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], wait: timedelta | None) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert retry_after(httpx.Response(503, headers=raw)) == wait
