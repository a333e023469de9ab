"""Resend against the sandbox, which knows a letter again by its key: what is sent, what is in doubt, each failure."""

import re
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from activities.channels import Ambiguous, ChannelError, EmailContent, EndpointGone, PushContent, Refused, Resend, TryLater
from activities.channels.email.letter import Sender
from activities.channels.email.resend import key_in, message, refusal, tag_of
from activities.channels.message import Campaign
from tests.activities.channels.outgoing import SENDER, SENDER_TEXT, to
from workers.sandbox import Sandbox

ANA = "ana@mail.example"
LINK = "https://shop.example/u/" + "t" * 300
LETTER = EmailContent(subject="Ana, your boots ☃", html="<p>Olé</p>", text="Olé\n", unsubscribe_url=LINK)
KEY = "0190a1b2-0000-7000-8000-000000000001/cart-alternatives/1"


@pytest.fixture
def resend(sandbox: Sandbox, http: httpx.AsyncClient) -> Resend:
    return Resend("re_key", SENDER, http, url=sandbox.url)


async def test_a_letter_has_both_forms_the_way_out_and_our_key(resend: Resend, sandbox: Sandbox) -> None:
    accepted = await resend.send(to(ANA, LETTER, key=KEY))
    [sent] = sandbox.messages
    assert (sent.title, sent.body, sent.html) == ("Ana, your boots ☃", "Olé\n", "<p>Olé</p>")
    assert (sent.to, sent.key, sent.provider_id) == (ANA, KEY, accepted.provider_message_id)
    headers = dict(sent.raw["headers"])
    assert headers["List-Unsubscribe"] == f"<{LINK}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (tag,) = sent.raw["tags"]
    assert key_in(tag["value"]) == KEY


async def test_a_letter_in_doubt_goes_again_under_its_key_and_arrives_once(resend: Resend, sandbox: Sandbox) -> None:
    sandbox.faults.tell("resend", "timeout_after_accept", times=1)
    with pytest.raises(Ambiguous):
        await resend.send(to(ANA, LETTER, key=KEY))
    again = await resend.send(to(ANA, LETTER, key=KEY))
    [sent] = sandbox.messages
    assert again.provider_message_id == sent.provider_id


async def test_another_content_under_one_key_is_a_doubt_and_sends_nothing(resend: Resend, sandbox: Sandbox) -> None:
    await resend.send(to(ANA, LETTER, key=KEY))
    with pytest.raises(Ambiguous, match="before, with another content"):
        await resend.send(to(ANA, LETTER.model_copy(update={"subject": "Beatriz"}), key=KEY))
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", TryLater), ("quota", TryLater), ("403", TryLater), ("503", TryLater), ("in_progress", TryLater),
        ("rejected", Refused), ("500", Ambiguous), ("502", Ambiguous), ("html", Ambiguous),
        ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(resend: Resend, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("resend", fault)
    with pytest.raises(ChannelError) as caught:
        await resend.send(to(ANA, LETTER))
    assert type(caught.value) is kind
    assert ANA not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_waits_that_are_asked_for_are_passed_on(resend: Resend, sandbox: Sandbox) -> None:
    for fault, asked, wait in (("429", 3, 3), ("quota", None, 3600), ("in_progress", None, 10)):
        sandbox.faults.tell("resend", fault, times=1, **({"retry_after": asked} if asked else {}))
        with pytest.raises(TryLater) as caught:
            await resend.send(to(ANA, LETTER))
        assert caught.value.retry_after == timedelta(seconds=wait)


async def test_what_resend_cannot_take_is_refused_before_it_is_asked(resend: Resend, sandbox: Sandbox) -> None:
    with pytest.raises(EndpointGone):
        await resend.send(to("nobody", LETTER))
    with pytest.raises(Refused, match="not ASCII"):
        await resend.send(to("añá@mail.example", LETTER))
    with pytest.raises(Refused, match="PushContent"):
        await resend.send(to(ANA, PushContent(title="a", body="b")))
    assert sandbox.messages == []


async def test_nothing_listening_is_try_later(http: httpx.AsyncClient) -> None:
    with pytest.raises(TryLater):
        await Resend("re_key", SENDER, http, url="http://127.0.0.1:1").send(to(ANA, LETTER))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"name": 7}', b'{"id": 7}'])
def test_an_answer_that_is_not_resends_never_breaks_us(body: bytes) -> None:
    assert isinstance(refusal(httpx.Response(400, content=body)), Refused)
    assert isinstance(refusal(httpx.Response(504, content=body)), Ambiguous)


def test_what_is_ours_stands_in_the_letter() -> None:
    campaign = Campaign(journey="cart_abandonment", template="cart: alternatives", purpose="marketing")
    sender = Sender('O\'Hara "Boots"', "hello@shop.example", reply_to="care@shop.example", unsubscribe="out@shop.example")
    told = message(to(ANA, LETTER, key=KEY).model_copy(update={"campaign": campaign}), LETTER, sender)
    assert told["from"] == r'"O' + r"'Hara \"Boots\"" + r'" <hello@shop.example>'
    assert told["reply_to"] == ["care@shop.example"]
    assert told["headers"]["Feedback-ID"] == "cart--alternatives:cart_abandonment:marketing:shop"
    assert told["headers"]["List-Unsubscribe"] == f"<{LINK}>, <mailto:out@shop.example?subject={'t' * 300}>"
    orjson.dumps(told)
    assert SENDER_TEXT


@pytest.mark.parametrize("key", [KEY, "ñ/☃/1", "r/" + "s" * 150 + "/1"])
def test_a_key_comes_back_by_its_tag(key: str) -> None:
    tag = tag_of(key)
    assert tag is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag)
    assert key_in(tag) == key


@pytest.mark.parametrize("tag", ["%", "a", "ñ", "____" * 3, ""])
def test_a_tag_of_others_is_no_key(tag: str) -> None:
    found: Any = key_in(tag)
    assert found is None or "/" not in found


def test_a_key_that_no_tag_can_hold_has_none() -> None:
    assert tag_of("r/" + "s" * 300 + "/1") is None
