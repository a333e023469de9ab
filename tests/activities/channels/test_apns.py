"""APNs against the sandbox's real HTTP/2: the headers, the token, each way of failing, and whose fault that is."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from activities.channels import (
    Ambiguous,
    ChannelError,
    EmailContent,
    EndpointGone,
    PushContent,
    Refused,
    TryLater,
)  # fmt: skip
from activities.channels.http import http_client
from activities.channels.push.apns import Apns
from activities.channels.push.apns_errors import refusal
from activities.channels.push.apns_token import ApnsToken
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox
from workers.sandbox.push.apns_account import KEY_ID, TEAM_ID, TOPIC
from workers.settings import Settings

DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
PLAIN = PushContent(title="a", body="b")
WHOLE = PushContent(
    title="Your order", body="It is on its way", image="https://cdn.example/boots.jpg", link="shop://orders/7",
    data={"order": "7"}, priority="normal", sound="ding.caf", badge=3, category="ORDERS", collapse="order o7",
)  # fmt: skip


def settings(sandbox: Sandbox, **changes: Any) -> Settings:
    told = {name.removeprefix("JOURNEYS_").lower(): value for name, value in sandbox.environment.items() if "APNS" in name}
    return Settings(_env_file=None, **(told | changes))


@pytest.fixture
async def apns(sandbox: Sandbox) -> AsyncIterator[Apns]:
    apns = Apns.configured(settings(sandbox))
    assert apns is not None
    yield apns
    await apns.close()


async def test_a_push_says_all_that_apple_wants_to_know(apns: Apns, sandbox: Sandbox) -> None:
    before = int(time.time())
    outgoing = to(DEVICE, WHOLE, key="r/reminder/1").model_copy(update={"useful_for": timedelta(minutes=30)})
    accepted = await apns.send(outgoing)
    [message] = sandbox.messages
    headers, told = message.raw["headers"], message.raw["payload"]
    assert accepted.provider_message_id == message.provider_id == headers["apns-id"] == str(UUID(headers["apns-id"]))
    assert (headers["apns-topic"], headers["apns-push-type"], headers["apns-priority"]) == (TOPIC, "alert", "5")
    assert int(headers["apns-expiration"]) - before in (1800, 1801, 1802)
    assert told.pop("aps") == {
        "alert": {"title": "Your order", "body": "It is on its way"},
        "sound": "ding.caf", "badge": 3, "category": "ORDERS", "mutable-content": 1,
    }  # fmt: skip
    assert told == {"order": "7", "link": "shop://orders/7", "image": WHOLE.image, "message_key": "r/reminder/1"}
    assert (message.title, message.to, message.key) == ("Your order", DEVICE, "r/reminder/1")


async def test_two_attempts_are_one_notification_and_what_replaces_another_has_its_name(apns: Apns, sandbox: Sandbox) -> None:
    for key, content in (("r/s/1", PLAIN), ("r/s/1", PLAIN), ("r/s/2", PLAIN), ("r/s/3", WHOLE), ("r/s/4", WHOLE)):
        await apns.send(to(DEVICE, content, key=key))
    ids, names = ([m.raw["headers"][f"apns-{name}"] for m in sandbox.messages] for name in ("id", "collapse-id"))
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert names[0] == names[1] != names[2]
    assert names[3] == names[4] != names[2]


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("unregistered", EndpointGone, "410 Unregistered"), ("expired_token", EndpointGone, "410 ExpiredToken"),
        ("bad_device_token", EndpointGone, "400 BadDeviceToken"), ("other_topic", EndpointGone, "400 DeviceTokenNotForTopic"),
        ("payload_too_large", Refused, "413 PayloadTooLarge"), ("429", TryLater, "429 TooManyRequests"),
        ("500", TryLater, "500 InternalServerError"), ("503", TryLater, "503 ServiceUnavailable"),
        ("shutdown", TryLater, "503 Shutdown"), ("expired_provider_token", TryLater, "check this machine's clock"),
        ("html", Ambiguous, "200: no proof"), ("timeout_after_accept", Ambiguous, "no answer"),
        ("drop_before_accept", Ambiguous, "no answer"),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(
    apns: Apns, sandbox: Sandbox, fault: str, kind: type[ChannelError], told: str
) -> None:
    await apns.send(to(DEVICE, PLAIN))
    sandbox.faults.tell("apns", fault, times=1, hold_seconds=0)
    with pytest.raises(ChannelError, match=told) as caught:
        await apns.send(to(DEVICE, PLAIN))
    assert type(caught.value) is kind
    assert DEVICE not in str(caught.value)
    assert caught.value.__cause__ is None
    await apns.send(to(DEVICE, PLAIN))


async def test_a_token_is_called_dead_only_when_the_settings_cannot_be_wrong(apns: Apns, sandbox: Sandbox) -> None:
    """With the other environment's address, or another app's topic, every customer's token would be refused."""
    for fault, setting in (("bad_device_token", "JOURNEYS_APNS_URL"), ("other_topic", "JOURNEYS_APNS_TOPIC")):
        sandbox.faults.tell("apns", fault, times=1)
        with pytest.raises(TryLater, match=setting):
            await apns.send(to(DEVICE, PLAIN))
    sandbox.faults.tell("apns", "unregistered", times=1)  # this one is Apple's word for it
    with pytest.raises(EndpointGone):
        await apns.send(to(DEVICE, PLAIN))


async def test_since_when_a_token_is_dead_is_told(apns: Apns, sandbox: Sandbox) -> None:
    for fault, age in (("unregistered", timedelta(0)), ("unregistered_long_ago", timedelta(days=365))):
        sandbox.faults.tell("apns", fault, times=1)
        with pytest.raises(EndpointGone) as caught:
            await apns.send(to(DEVICE, PLAIN))
        assert caught.value.since is not None
        assert abs(datetime.now(UTC) - age - caught.value.since) < timedelta(minutes=1)


@pytest.mark.parametrize("token", ["token-ana", "../../etc", "0" * 7, "é" * 64])
async def test_what_is_no_token_of_apples_never_leaves(apns: Apns, sandbox: Sandbox, token: str) -> None:
    with pytest.raises(EndpointGone, match="not a device token"):
        await apns.send(to(token, PLAIN))


async def test_a_wait_that_was_asked_for_is_passed_on_and_one_that_was_not_is_a_minute(apns: Apns, sandbox: Sandbox) -> None:
    for told, wait in ((17, timedelta(seconds=17)), (None, timedelta(minutes=1))):
        sandbox.faults.tell("apns", "429", times=1, retry_after=told)
        with pytest.raises(TryLater) as caught:
            await apns.send(to(DEVICE, PLAIN))
        assert caught.value.retry_after == wait


async def test_too_large_a_push_is_refused_before_it_is_sent(apns: Apns, sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match=r"apns takes 4096 bytes, and this push has 4\d\d\d, 4\d\d\d of them title and body"):
        await apns.send(to(DEVICE, PushContent(title="a", body="ñ" * 2_040)))
    await apns.send(to(DEVICE, PushContent(title="a", body="ñ" * 1_950)))
    assert len(sandbox.messages) == 1


async def test_content_of_another_channel_is_refused(apns: Apns) -> None:
    with pytest.raises(Refused, match="EmailContent"):
        await apns.send(to(DEVICE, EmailContent(subject="s", html="h", text="t")))


def test_all_processes_show_tokens_of_one_stretch_of_forty_minutes(sandbox: Sandbox) -> None:
    """Apple takes a token for an hour, and no new one within twenty minutes of the last."""
    now = [1_800_000_000.0 - 1]
    one, other = (ApnsToken(sandbox.apns_key.read_text(), KEY_ID, TEAM_ID, lambda: now[0]) for _ in range(2))
    shown = []
    for _ in range(200):
        now[0] += 60
        first, second = (jwt.decode(each.current(), options={"verify_signature": False}) for each in (one, other))
        assert first == second
        assert first["iss"] == TEAM_ID
        assert 0 <= now[0] - first["iat"] < 2_400
        shown.append(first["iat"])
    assert {later - earlier for earlier, later in pairwise(shown)} == {0, 2_400}
    assert one.current() == one.current(), "signed once"
    assert jwt.get_unverified_header(one.current()) == {"alg": "ES256", "typ": "JWT", "kid": KEY_ID}


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"apns_topic": "example.other"}, "JOURNEYS_APNS_TOPIC"),
        ({"apns_key_id": "OTHERKEYID"}, "JOURNEYS_APNS_KEY_ID"),
        ({"apns_team_id": "OTHERTEAMS"}, "JOURNEYS_APNS_TEAM_ID"),
    ],
)
async def test_wrong_settings_wait_for_whoever_repairs_them(sandbox: Sandbox, changed: dict[str, str], setting: str) -> None:
    apns = Apns.configured(settings(sandbox, **changed))
    assert apns is not None
    with pytest.raises(TryLater, match=setting):
        await apns.send(to(DEVICE, PLAIN))
    await apns.close()


async def test_a_bad_key_and_a_server_that_is_not_there_wait_too(sandbox: Sandbox) -> None:
    async with http_client(http1=False) as http:
        bad = Apns(ApnsToken("no key", KEY_ID, TEAM_ID), TOPIC, sandbox.apns_url, http)
        with pytest.raises(TryLater, match=r"bad key.*JOURNEYS_APNS_KEY"):
            await bad.send(to(DEVICE, PLAIN))
        nowhere = Apns(ApnsToken(sandbox.apns_key.read_text(), KEY_ID, TEAM_ID), TOPIC, "http://127.0.0.1:1", http)
        with pytest.raises(TryLater, match="no connection"):
            await nowhere.send(to(DEVICE, PLAIN))


def test_a_key_goes_with_its_ids(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="JOURNEYS_APNS_KEY_ID and JOURNEYS_APNS_TOPIC"):
        Settings(_env_file=None, apns_key=sandbox.apns_key, apns_team_id="T")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"reason": 7}', b'{"reason": "New", "timestamp": "x"}'])
def test_an_answer_that_is_not_apples_never_breaks_us(body: bytes) -> None:
    assert isinstance(refusal(httpx.Response(400, content=body), proved=True), Refused)
    assert isinstance(refusal(httpx.Response(504, content=body), proved=True), Ambiguous)


@pytest.mark.parametrize("told", [None, "x", 10**30, -(10**30), 1.5])
def test_a_time_that_is_none_is_no_time(told: object) -> None:
    body = json.dumps({"reason": "Unregistered", "timestamp": told})
    error = refusal(httpx.Response(410, content=body), proved=True)
    assert isinstance(error, EndpointGone)
    assert error.since is None
