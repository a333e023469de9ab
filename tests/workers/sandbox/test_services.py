"""The sandbox's services: whom they believe, and what they answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from activities.web.signing import key_of, signed
from workers.sandbox import Sandbox
from workers.sandbox.server import SERVICE_SECRET

BODY = {"type": "points", "timestamp": "2026-01-05T09:00:00Z", "data": {"user_id": "ana"}}


async def call(
    http: httpx.AsyncClient, body: Any = None, secret: str = SERVICE_SECRET, ago: timedelta = timedelta(0), **headers: str
) -> httpx.Response:
    content = orjson.dumps(BODY if body is None else body)
    proof = signed([key_of(secret)], "msg_1", datetime.now(UTC) - ago, content)
    return await http.post("/services/points", content=content, headers=proof | headers)


async def test_what_is_signed_is_answered_as_told(http: httpx.AsyncClient) -> None:
    assert (await call(http)).json() == {}
    told = {"service": "points", "body": {"balance": 1}, "match": "ana"}
    assert (await http.post("/_sandbox/services", json=told)).status_code == 204
    assert (await http.post("/_sandbox/services", json=told | {"body": {"balance": 2}, "times": 1})).status_code == 204
    assert [(await call(http)).json() for _ in range(3)] == [{"balance": 2}, {"balance": 1}, {"balance": 1}]
    about_eve = BODY | {"data": {"anonymous_id": "eve"}}
    assert (await call(http, about_eve)).json() == {}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "no webhook-signature fits"),
        ({"ago": timedelta(minutes=6)}, "five minutes"),
        ({"ago": timedelta(minutes=-6)}, "five minutes"),
        ({"webhook-signature": "v2,AAAA"}, "no webhook-signature fits"),
        ({"webhook-id": "msg_2"}, "no webhook-signature fits"),
        ({"webhook-timestamp": "soon"}, "are missing"),
    ],
)
async def test_what_is_not_from_us_is_refused(http: httpx.AsyncClient, sandbox: Sandbox, how: Any, told: str) -> None:
    answer = await call(http, **how)
    assert answer.status_code == 401
    assert told in answer.json()["error"]
    assert sandbox.messages == []
