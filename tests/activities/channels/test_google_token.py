"""Google's access token: asked for once however many wait, renewed before it ages, and never a doubt."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from activities.channels import TryLater
from activities.channels.push.google_token import GoogleToken


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, shape, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return {
        "token_uri": "https://oauth2.example/token",
        "client_email": "journeys@project.example",
        "private_key": key.private_bytes(encoding, shape, bare).decode(),
        "private_key_id": "k1",
    }


class Google:
    """A token endpoint that numbers its tokens."""

    def __init__(self, expires_in: int = 3600) -> None:
        self.asked = 0
        self.expires_in = expires_in

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        self.asked += 1
        return httpx.Response(200, json={"access_token": f"t{self.asked}", "expires_in": self.expires_in})

    def token(self, account: dict[str, str]) -> GoogleToken:
        return GoogleToken(account, httpx.AsyncClient(transport=httpx.MockTransport(self)))


async def test_all_who_wait_share_one_request(account: dict[str, str]) -> None:
    google = Google()
    token = google.token(account)
    assert set(await asyncio.gather(*(token.current() for _ in range(50)))) == {"t1"}
    assert google.asked == 1


async def test_a_token_close_to_its_end_is_renewed(account: dict[str, str]) -> None:
    google = Google(expires_in=60)
    token = google.token(account)
    assert [await token.current(), await token.current()] == ["t1", "t2"]


async def test_all_whose_token_was_refused_share_one_renewal(account: dict[str, str]) -> None:
    google = Google()
    token = google.token(account)
    assert await token.current() == "t1"
    for _ in range(10):
        token.refused("t1")
    assert set(await asyncio.gather(*(token.current() for _ in range(10)))) == {"t2"}
    token.refused("t1")
    assert await token.current() == "t2"
    assert google.asked == 2


async def test_all_who_wait_share_one_failure(account: dict[str, str]) -> None:
    """A2: an endpoint that hangs keeps each message waiting once, not once for each message before it."""
    asked = []

    async def hang(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        await asyncio.sleep(0.05)
        raise httpx.ReadTimeout("no answer")

    token = GoogleToken(account, httpx.AsyncClient(transport=httpx.MockTransport(hang)))
    failed = await asyncio.gather(*(token.current() for _ in range(20)), return_exceptions=True)
    assert {type(error) for error in failed} == {TryLater}
    assert len(asked) == 1


async def test_who_stops_waiting_leaves_the_request_to_the_others(account: dict[str, str]) -> None:
    google = Google()
    token = google.token(account)
    first, second = asyncio.create_task(token.current()), asyncio.create_task(token.current())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "t1"
    assert google.asked == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"access_token": 7}', b'{"error": "invalid_grant"}'])
async def test_an_answer_without_a_token_is_try_later(account: dict[str, str], body: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    with pytest.raises(TryLater, match="JOURNEYS_FCM_SERVICE_ACCOUNT"):
        await GoogleToken(account, httpx.AsyncClient(transport=transport)).current()


async def test_a_busy_endpoint_names_its_time(account: dict[str, str]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503, headers={"retry-after": "9"}))
    with pytest.raises(TryLater) as caught:
        await GoogleToken(account, httpx.AsyncClient(transport=transport)).current()
    assert caught.value.retry_after == timedelta(seconds=9)
