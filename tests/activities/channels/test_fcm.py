"""FCM against the sandbox's real HTTP v1: the payload, the token, and each way of failing."""

import time
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from activities.channels import (
    Ambiguous,
    ChannelError,
    EmailContent,
    EndpointGone,
    Fcm,
    PushContent,
    Refused,
    TryLater,
)  # fmt: skip
from activities.channels.push.fcm import refusal
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox

TOKEN = "d" * 22 + ":APA91b" + "x" * 134
PUSH = PushContent(
    title="Your cart",
    body="Still here",
    image="https://cdn.example/boots.jpg",
    link="shop://cart/c1",
    data={"product_id": "p1"},
)
PLAIN = PushContent(title="a", body="b")


async def test_a_push_carries_picture_deep_link_and_key(fcm: Fcm, sandbox: Sandbox) -> None:
    accepted = await fcm.send(to(TOKEN, PUSH, key="r/cart-reminder/1"))
    [message] = sandbox.messages
    assert accepted.provider_message_id == message.provider_id
    assert (message.title, message.body, message.image) == ("Your cart", "Still here", "https://cdn.example/boots.jpg")
    assert (message.link, message.key, message.to) == ("shop://cart/c1", "r/cart-reminder/1", TOKEN)
    assert message.raw["data"]["product_id"] == "p1"
    assert message.raw["apns"]["payload"]["aps"]["mutable-content"] == 1


async def test_two_attempts_share_one_tag_on_the_phone(fcm: Fcm, sandbox: Sandbox) -> None:
    for key in ("r/s/1", "r/s/1", "r/s/2"):
        await fcm.send(to(TOKEN, PLAIN, key=key))
    tags = [message.raw["android"]["notification"]["tag"] for message in sandbox.messages]
    assert tags[0] == tags[1] != tags[2]


async def test_a_refused_access_token_is_renewed_and_the_push_goes(fcm: Fcm, sandbox: Sandbox) -> None:
    """For the next attempt: a new token may be long in coming, and is waited for without a claim (A2)."""
    sandbox.faults.tell("fcm", "401", times=1)
    with pytest.raises(TryLater, match="401"):
        await fcm.send(to(TOKEN, PLAIN))
    asked = fcm._token._value
    await fcm.send(to(TOKEN, PLAIN))
    assert fcm._token._value != asked
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unregistered", EndpointGone), ("invalid_argument", EndpointGone), ("sender_id_mismatch", Refused),
        ("429", TryLater), ("500", TryLater), ("503", TryLater), ("401", TryLater),
        ("502", Ambiguous), ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(fcm: Fcm, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("fcm", fault)
    with pytest.raises(ChannelError) as caught:
        await fcm.send(to(TOKEN, PLAIN))
    assert type(caught.value) is kind
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_wait_that_was_asked_for_is_passed_on(fcm: Fcm, sandbox: Sandbox) -> None:
    sandbox.faults.tell("fcm", "503", retry_after=17)
    with pytest.raises(TryLater) as caught:
        await fcm.send(to(TOKEN, PLAIN))
    assert caught.value.retry_after == timedelta(seconds=17)


async def test_too_large_a_payload_is_refused_before_it_is_sent_and_says_what_is_too_large(fcm: Fcm, sandbox: Sandbox) -> None:
    """A7: counted in bytes, as FCM counts them."""
    with pytest.raises(Refused, match=r"4096 bytes, and this push has 50\d\d of notification and \d\d of data; shorten"):
        await fcm.send(to(TOKEN, PushContent(title="a", body="b" * 5000)))
    with pytest.raises(Refused, match="4096"):
        await fcm.send(to(TOKEN, PushContent(title="a", body="ñ" * 2100)))
    await fcm.send(to(TOKEN, PushContent(title="a", body="ñ" * 1900)))
    assert len(sandbox.messages) == 1


async def test_a_push_ends_with_its_message(fcm: Fcm, sandbox: Sandbox) -> None:
    """A7: on both platforms; never longer than FCM keeps one."""
    before = int(time.time())
    for left in (timedelta(minutes=30, seconds=0.9), timedelta(days=60), timedelta(0), None):
        await fcm.send(to(TOKEN, PLAIN).model_copy(update={"useful_for": left}))
    android, apns = ([m.raw[platform] for m in sandbox.messages] for platform in ("android", "apns"))
    assert [a.get("ttl") for a in android] == ["1800s", "2419200s", "0s", None]
    assert {a["priority"] for a in android} == {"HIGH"}
    ends = [int(a["headers"]["apns-expiration"]) - before for a in apns[:3]]
    assert [end // 60 for end in ends] == [30, 60 * 24 * 60, 0]
    assert {a["headers"]["apns-priority"] for a in apns} == {"10"}
    assert "apns-expiration" not in apns[3]["headers"]


WHOLE = PushContent(
    title="a", body="b", image="https://cdn.example/boots.jpg", link="https://shop.example/o/7", click_action="OPEN",
    priority="normal", sound="ding.caf", badge=3, category="ORDERS", collapse="order o7", mutable=True,
)  # fmt: skip


async def test_how_it_is_shown_is_said_to_each_platform_in_its_words(fcm: Fcm, sandbox: Sandbox) -> None:
    await fcm.send(to(TOKEN, WHOLE).model_copy(update={"useful_for": timedelta(minutes=30)}))
    [raw] = [message.raw for message in sandbox.messages]
    android, apple, web = raw["android"], raw["apns"], raw["webpush"]
    tag = android["notification"].pop("tag")
    assert android["notification"] == {
        "click_action": "OPEN", "sound": "ding.caf", "channel_id": "ORDERS", "notification_count": 3
    }  # fmt: skip
    assert (android["priority"], android["collapse_key"]) == ("NORMAL", tag)
    assert apple["payload"]["aps"] == {"sound": "ding.caf", "badge": 3, "category": "ORDERS", "mutable-content": 1}
    assert (apple["headers"]["apns-priority"], apple["headers"]["apns-collapse-id"]) == ("5", tag)
    assert apple["fcm_options"] == {"image": WHOLE.image}
    assert web["headers"] == {"Urgency": "normal", "Topic": tag, "TTL": "1800"}
    assert web["notification"] == {"tag": tag, "image": WHOLE.image}
    assert web["fcm_options"] == {"link": WHOLE.link}
    assert "order" not in tag, "it travels in the clear"


async def test_messages_that_replace_each_other_share_a_tag_and_others_have_no_collapse_key(fcm: Fcm, sandbox: Sandbox) -> None:
    """FCM keeps four collapse keys a phone, and would throw others away."""
    for key, content in (("r/s/1", WHOLE), ("r/s/2", WHOLE), ("r/s/1", PLAIN)):
        await fcm.send(to(TOKEN, content, key=key))
    first, second, plain = (message.raw["android"] for message in sandbox.messages)
    assert first["notification"]["tag"] == second["notification"]["tag"] == second["collapse_key"]
    assert "collapse_key" not in plain


@pytest.mark.parametrize(("platform", "part"), [("ios", "apns"), ("android", "android"), ("web", "webpush")])
async def test_a_device_gets_the_part_of_its_platform(fcm: Fcm, sandbox: Sandbox, platform: str, part: str) -> None:
    outgoing = to(TOKEN, WHOLE)
    address = outgoing.address.model_copy(update={"platform": platform})
    await fcm.send(outgoing.model_copy(update={"address": address}))
    assert {"android", "apns", "webpush"} & set(sandbox.messages[0].raw) == {part}


async def test_nothing_listening_is_try_later(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    account = orjson.loads(sandbox.service_account.read_bytes())
    with pytest.raises(TryLater):
        await Fcm(account, "http://127.0.0.1:1", http).send(to(TOKEN, PLAIN))
    with pytest.raises(TryLater):
        await Fcm(account | {"token_uri": "http://127.0.0.1:1"}, sandbox.url, http).send(to(TOKEN, PLAIN))


async def test_a_bad_key_waits_for_whoever_repairs_it(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    account = orjson.loads(sandbox.service_account.read_bytes())
    for broken in ({"private_key": "not a key"}, {"client_email": "someone@else"}):
        with pytest.raises(TryLater, match="JOURNEYS_FCM_SERVICE_ACCOUNT"):
            await Fcm(account | broken, sandbox.url, http).send(to(TOKEN, PLAIN))


async def test_another_project_waits_for_whoever_repairs_it(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    account = orjson.loads(sandbox.service_account.read_bytes()) | {"project_id": "other"}
    with pytest.raises(TryLater, match="JOURNEYS_FCM_SERVICE_ACCOUNT"):
        await Fcm(account, sandbox.url, http).send(to(TOKEN, PLAIN))


async def test_content_of_another_channel_is_refused(fcm: Fcm) -> None:
    with pytest.raises(Refused, match="EmailContent"):
        await fcm.send(to(TOKEN, EmailContent(subject="s", html="h", text="t")))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": 7}', b'{"error": {"details": [7, {"fieldViolations": 3}]}}']
)
def test_an_answer_that_is_not_googles_never_breaks_us(body: bytes) -> None:
    assert isinstance(refusal(httpx.Response(400, content=body)), Refused)
    assert isinstance(refusal(httpx.Response(504, content=body)), Ambiguous)


def test_a_violation_of_the_token_field_is_a_dead_token() -> None:
    violation: dict[str, Any] = {"fieldViolations": [{"field": "message.token", "description": "…"}]}
    answer = httpx.Response(400, json={"error": {"status": "INVALID_ARGUMENT", "details": [violation]}})
    assert isinstance(refusal(answer), EndpointGone)
