"""The sandbox's APNs refuses what Apple does, with Apple's reasons; asked here by a client that knows nothing of ours."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from workers.sandbox import Sandbox
from workers.sandbox.push.apns_account import KEY_ID, TEAM_ID, TOPIC

DEVICE = "ab" * 32
ID = "eabeae54-14a8-11e5-b60b-1697f925ec7b"
BODY = {"aps": {"alert": "hi"}}


@pytest.fixture
async def apple(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.apns_url, http1=False, http2=True) as http:
        yield http


def token(sandbox: Sandbox, age: int = 60, key: Any = None, kid: str = KEY_ID, team: str = TEAM_ID) -> str:
    claims = {"iss": team, "iat": int(time.time()) - age}
    return jwt.encode(claims, key or sandbox.apns_key.read_text(), "ES256", {"kid": kid})


def headers(sandbox: Sandbox, **changes: str | None) -> dict[str, str]:
    told: dict[str, str | None] = {
        "authorization": f"bearer {token(sandbox)}", "apns-topic": TOPIC, "apns-push-type": "alert", "apns-id": ID,
    }  # fmt: skip
    told |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in told.items() if value is not None}


async def test_a_push_is_taken_under_its_id_over_http_2(apple: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await apple.post(f"/3/device/{DEVICE}", json=BODY, headers=headers(sandbox))
    assert (answer.status_code, answer.content, answer.headers["apns-id"], answer.http_version) == (200, b"", ID, "HTTP/2")
    [message] = sandbox.messages
    assert (message.provider_id, message.to, message.body) == (ID, DEVICE, "hi")
    without = await apple.post(f"/3/device/{DEVICE}", json=BODY, headers=headers(sandbox, apns_id=None))
    assert without.headers["apns-id"] == without.headers["apns-id"].upper() != ID


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"authorization": None}, 403, "MissingProviderToken"),
        ({"authorization": "bearer x.y.z"}, 403, "InvalidProviderToken"),
        ({"apns_topic": None}, 400, "MissingTopic"),
        ({"apns_topic": "other.app"}, 400, "TopicDisallowed"),
        ({"apns_id": "7"}, 400, "BadMessageId"),
        ({"apns_expiration": "tomorrow"}, 400, "BadExpirationDate"),
        ({"apns_priority": "7"}, 400, "BadPriority"),
        ({"apns_push_type": "shout"}, 400, "InvalidPushType"),
        ({"apns_push_type": None}, 400, "InvalidPushType"),
        ({"apns_collapse_id": "x" * 65}, 400, "BadCollapseId"),
    ],
)
async def test_a_header_that_is_wrong_has_apples_reason(
    apple: httpx.AsyncClient, sandbox: Sandbox, changed: dict[str, str | None], status: int, reason: str
) -> None:
    answer = await apple.post(f"/3/device/{DEVICE}", json=BODY, headers=headers(sandbox, **changed))
    assert (answer.status_code, answer.json()) == (status, {"reason": reason})
    assert sandbox.messages == []


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/3/devices/x", b"{}", "BadPath"), ("/3/device/", b"{}", "MissingDeviceToken"),
        ("/3/device/xyz", b"{}", "BadDeviceToken"),
        (f"/3/device/{DEVICE}", b"", "PayloadEmpty"), (f"/3/device/{DEVICE}", b'{"a": 1}', "PayloadEmpty"),
        (f"/3/device/{DEVICE}", b'{"aps": {"alert": "%s"}}' % (b"x" * 4_076), "PayloadTooLarge"),
        (f"/3/device/{DEVICE}", b" " * 200_000, "PayloadTooLarge"),
    ],
)  # fmt: skip
async def test_a_path_or_body_that_is_wrong_has_apples_reason(
    apple: httpx.AsyncClient, sandbox: Sandbox, path: str, body: bytes, reason: str
) -> None:
    assert (await apple.post(path, content=body, headers=headers(sandbox))).json() == {"reason": reason}
    assert (await apple.get(path, headers=headers(sandbox))).json() == {"reason": "MethodNotAllowed"}


async def test_a_token_is_the_teams_fresh_and_seldom_renewed(apple: httpx.AsyncClient, sandbox: Sandbox) -> None:
    async def told(made: str = "", **how: Any) -> str | None:
        shown = headers(sandbox, authorization=f"bearer {made or token(sandbox, **how)}")
        answer = await apple.post(f"/3/device/{DEVICE}", json=BODY, headers=shown)
        return answer.json()["reason"] if answer.content else None

    assert await told(age=3_700) == "ExpiredProviderToken"
    assert await told(age=-600) == "ExpiredProviderToken"
    assert await told(key=ec.generate_private_key(ec.SECP256R1())) == "InvalidProviderToken"
    assert await told(kid="OTHERKEYID") == "InvalidProviderToken"
    assert await told(team="OTHERTEAMS") == "InvalidProviderToken"
    used = token(sandbox, age=3_000)
    assert await told(used) is None
    assert await told(used) is None, "the same again"
    assert await told(age=2_000) == "TooManyProviderTokenUpdates"
    assert await told(age=1_700) is None


async def test_after_shutdown_a_new_connection_is_needed(apple: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.tell("apns", "shutdown", times=1)
    shown = headers(sandbox)  # one token: a newer one within the same minutes is refused
    answers = [await apple.post(f"/3/device/{DEVICE}", json=BODY, headers=shown) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 200, 200]
