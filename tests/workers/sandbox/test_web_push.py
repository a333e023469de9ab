"""The sandbox's push service refuses what the specifications say; asked here by a client that knows nothing of ours."""

import time
from typing import Any

import http_ece
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from workers.sandbox import Sandbox
from workers.sandbox.push.browsers import MadeUpBrowser

ANA = MadeUpBrowser("ana")
KEY = ec.generate_private_key(ec.SECP256R1())


def body(content: bytes = b'{"title": "hi"}', browser: MadeUpBrowser = ANA) -> bytes:
    sender = ec.generate_private_key(ec.SECP256R1())
    how = {"private_key": sender, "dh": browser.public, "auth_secret": browser.auth, "version": "aes128gcm"}
    sealed: bytes = http_ece.encrypt(content, **how)
    return sealed


def vapid(sandbox: Sandbox, key: Any = KEY, shown: Any = KEY, **claims: Any) -> str:
    told = {"aud": sandbox.url, "exp": int(time.time()) + 3600, "sub": "mailto:a@b.example"} | claims
    point = jwt.utils.base64url_encode(http_ece_point(shown)).decode()
    return f"vapid t={jwt.encode({k: v for k, v in told.items() if v is not None}, key, 'ES256')}, k={point}"


def http_ece_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def headers(sandbox: Sandbox, **changes: str | None) -> dict[str, str]:
    told: dict[str, str | None] = {
        "authorization": vapid(sandbox), "ttl": "60", "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
    }  # fmt: skip
    told |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in told.items() if value is not None}


async def test_a_message_is_taken_and_read(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await http.post("/push/ana", content=body(), headers=headers(sandbox))
    assert (answer.status_code, answer.headers["ttl"]) == (201, "60")
    [message] = sandbox.messages
    assert (message.to, message.title) == ("ana", "hi")
    assert answer.headers["location"].endswith(message.provider_id)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"ttl": None}, 400), ({"ttl": "soon"}, 400), ({"content_encoding": "aesgcm"}, 400), ({"content_type": None}, 400),
        ({"content_type": "text/plain"}, 400), ({"urgency": "now"}, 400), ({"topic": "x" * 33}, 400), ({"topic": "a b"}, 400),
        ({"authorization": None}, 401), ({"authorization": "Bearer x"}, 401), ({"authorization": "vapid t=a.b.c, k=x"}, 403),
    ],
)  # fmt: skip
async def test_a_header_that_is_wrong_is_refused(
    http: httpx.AsyncClient, sandbox: Sandbox, changed: dict[str, str | None], status: int
) -> None:
    assert (await http.post("/push/ana", content=body(), headers=headers(sandbox, **changed))).status_code == status
    assert sandbox.messages == []


async def test_a_token_is_for_this_service_for_a_day_at_most_and_signed_by_the_key_that_is_shown(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    now, other = int(time.time()), ec.generate_private_key(ec.SECP256R1())
    for wrong in (
        {"aud": "https://elsewhere.example"}, {"exp": now - 60}, {"exp": now + 90_000}, {"exp": None}, {"sub": None},
        {"sub": "somebody"}, {"key": other}, {"shown": other},
    ):  # fmt: skip
        told = headers(sandbox, authorization=vapid(sandbox, **wrong))
        assert (await http.post("/push/ana", content=body(), headers=told)).status_code == 403


async def test_what_the_browser_could_not_read_is_refused(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for wrong in (b"", b"plain text", body(browser=MadeUpBrowser("bea")), body()[:-1], body(b"not JSON")):
        assert (await http.post("/push/ana", content=wrong, headers=headers(sandbox))).status_code == 400
    large = await http.post("/push/ana", content=body(b'"' + b"x" * 4_000 + b'"'), headers=headers(sandbox))
    assert large.status_code == 413
