"""Twilio against its sandbox: the form, senders by country, error codes, and a doubtful message looked for in Twilio's list."""

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from activities.channels import (
    Ambiguous,
    ChannelError,
    EndpointGone,
    PushContent,
    Refused,
    SmsContent,
    TryLater,
    Twilio,
)  # fmt: skip
from activities.channels.errors import Unable
from activities.channels.message import Outgoing
from activities.channels.sms.senders import read_senders, sender_for
from activities.channels.sms.twilio_errors import refusal
from tests.activities.channels.outgoing import to
from tests.activities.channels.scripted import Http, answering, listening
from workers.sandbox import Sandbox
from workers.sandbox.server import TWILIO_TOKEN
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER
from workers.settings import Settings

NUMBER = "+34600111222"
TEXT = SmsContent(text="Your order is ready. STOP to opt out.", parts=1)
POOL = "MG" + "a" * 32
SENDERS = {"*": SENDER, "FR": "Shop", "US": POOL}


def of(
    sandbox: Sandbox, http: httpx.AsyncClient, url: str = "", login: tuple[str, str] = (ACCOUNT_SID, TWILIO_TOKEN)
) -> Twilio:
    return Twilio(ACCOUNT_SID, login, SENDERS, url or sandbox.url, http, "https://shop.example/v1/webhooks/twilio")


@pytest.fixture
async def twilio(sandbox: Sandbox, http: httpx.AsyncClient) -> Twilio:
    return of(sandbox, http)


def lasting(useful_for: timedelta | None) -> Outgoing:
    return to(NUMBER, TEXT).model_copy(update={"useful_for": useful_for})


async def test_a_text_carries_its_key_in_the_callback(twilio: Twilio, sandbox: Sandbox) -> None:
    accepted = await twilio.send(to(NUMBER, TEXT, key="r/sms:ready & steady/1"))
    [message] = sandbox.messages
    assert accepted.provider_message_id == message.provider_id
    assert (message.to, message.body, message.sender, message.key) == (NUMBER, TEXT.text, SENDER, "r/sms:ready & steady/1")
    callback = urlsplit(message.raw["StatusCallback"])
    assert (callback.hostname, parse_qs(callback.query)) == ("shop.example", {"key": ["r/sms:ready & steady/1"]})


@pytest.mark.parametrize(
    ("number", "field", "sender"),
    [("+33612345678", "From", "Shop"), ("+12125550123", "MessagingServiceSid", POOL), ("+447400123456", "From", SENDER)],
)
async def test_the_sender_is_that_of_the_country(
    twilio: Twilio, sandbox: Sandbox, number: str, field: str, sender: str
) -> None:
    await twilio.send(to(number, TEXT))
    assert sandbox.messages[0].raw[field] == sender
    assert len({"From", "MessagingServiceSid"} & set(sandbox.messages[0].raw)) == 1


@pytest.mark.parametrize(
    ("useful_for", "validity"),
    [(None, None), (timedelta(days=2), None), (timedelta(hours=1), "3600"), (timedelta(microseconds=1), "1")],
)
async def test_nobody_gets_it_later_than_it_is_useful(
    twilio: Twilio, sandbox: Sandbox, useful_for: timedelta | None, validity: str | None
) -> None:
    await twilio.send(lasting(useful_for))
    assert sandbox.messages[0].raw.get("ValidityPeriod") == validity


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", TryLater), ("429", TryLater), ("500", TryLater), ("503", TryLater), ("21408", TryLater), ("21606", TryLater),
        ("21611", TryLater), ("21211", EndpointGone), ("21614", EndpointGone), ("21610", Refused), ("21612", Unable),
        ("502", Ambiguous), ("html", Ambiguous), ("lost", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(twilio: Twilio, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("twilio", fault)
    with pytest.raises(ChannelError) as caught:
        await twilio.send(to(NUMBER, TEXT))
    assert type(caught.value) is kind
    assert NUMBER.removeprefix("+") not in str(caught.value)
    assert TEXT.text not in str(caught.value)


async def test_a_message_whose_answer_was_lost_is_found_in_the_list(twilio: Twilio, sandbox: Sandbox) -> None:
    sandbox.faults.tell("twilio", "timeout_after_accept")
    accepted = await twilio.send(to(NUMBER, TEXT))
    assert [accepted.provider_message_id] == [message.provider_id for message in sandbox.messages]


async def test_the_same_words_sent_just_before_are_not_taken_for_it(twilio: Twilio, sandbox: Sandbox) -> None:
    await twilio.send(to(NUMBER, TEXT))
    sandbox.faults.tell("twilio", "lost")
    with pytest.raises(Ambiguous):
        await twilio.send(to(NUMBER, TEXT))


async def test_other_words_or_another_number_are_not_taken_for_it(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await of(sandbox, http).send(to(NUMBER, SmsContent(text="Something else", parts=1)))
    await of(sandbox, http).send(to("+34600111223", TEXT))
    sandbox.faults.tell("twilio", "lost")
    with pytest.raises(Ambiguous):
        await of(sandbox, http).send(to(NUMBER, TEXT))


async def test_where_the_list_cannot_be_asked_the_doubt_stays() -> None:
    async with listening(Http(answering("502 Bad Gateway", b""))) as port, httpx.AsyncClient() as http:
        twilio = Twilio(ACCOUNT_SID, (ACCOUNT_SID, "t"), SENDERS, f"http://127.0.0.1:{port}", http)
        with pytest.raises(Ambiguous):
            await twilio.send(to(NUMBER, TEXT))


@pytest.mark.parametrize("date", [b"Mon, 20 Nov 1995 19:12:08 +" + b"9" * 20, b"soon"])
async def test_where_the_list_tells_no_time_the_doubt_stays(date: bytes) -> None:
    """Also where the dates in the list are none."""
    listed = b'{"messages": [{"sid": "SM1", "direction": "outbound-api", "body": "%s", "date_created": "%s"}]}'
    body = listed % (TEXT.text.encode(), date)

    async def lost_then_listed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"POST"):
            told = body if head.startswith(b"GET /2010") else b""  # else it is asked whether it answers
            writer.write(b"HTTP/1.1 200 OK\r\ndate: %s\r\ncontent-length: %d\r\n\r\n%s" % (date, len(told), told))
            await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(lost_then_listed, "127.0.0.1", 0)
    async with server, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Ambiguous):
            await Twilio(ACCOUNT_SID, (ACCOUNT_SID, "t"), SENDERS, url, http).send(to(NUMBER, TEXT))


async def test_an_api_key_is_a_login_too(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await of(sandbox, http, login=("SK" + "1" * 32, "secret")).send(to(NUMBER, TEXT))
    with pytest.raises(TryLater, match="JOURNEYS_TWILIO_ACCOUNT_SID"):
        await of(sandbox, http, login=(ACCOUNT_SID, "wrong")).send(to(NUMBER, TEXT))


async def test_a_wrong_path_waits_for_whoever_repairs_it(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    with pytest.raises(TryLater, match="JOURNEYS_TWILIO_URL"):
        await of(sandbox, http, f"{sandbox.url}/nowhere").send(to(NUMBER, TEXT))


async def test_content_of_another_channel_is_refused(twilio: Twilio) -> None:
    with pytest.raises(Refused, match="PushContent"):
        await twilio.send(to(NUMBER, PushContent(title="t", body="b")))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(21635, EndpointGone), (30005, EndpointGone), (20005, TryLater), (21703, TryLater), (30003, Refused), (99999, Refused)],
)
def test_the_table_of_codes(code: int, kind: type[ChannelError]) -> None:
    assert type(refusal(httpx.Response(400, json={"code": code}))) is kind


def test_senders_are_read_by_country() -> None:
    assert read_senders("+34600000001") == {"*": "+34600000001"}
    assert read_senders(f"*=+34600000001, US={POOL} ,FR=My Shop") == {"*": "+34600000001", "US": POOL, "FR": "My Shop"}
    assert sender_for({"US": "12345"}, "+12125550123") == "12345"
    with pytest.raises(Refused, match="no sender for ES: JOURNEYS_SMS_SENDERS"):
        sender_for({"US": "12345"}, NUMBER)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("es=Shop", "two capital letters"),
        ("ES=", "neither a number"),
        ("ES=A name too long", "neither"),
        ("FR=a,FR=b", "twice"),
    ],
)
def test_a_wrong_sender_is_told_where_it_is_set(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(_env_file=None, sms_senders=text)


def test_an_account_is_configured_by_its_settings() -> None:
    given = {"twilio_account_sid": ACCOUNT_SID, "sms_senders": "Shop", "_env_file": None}
    assert Twilio.configured(Settings(**given)).tells_within == timedelta(0)  # type: ignore[arg-type, union-attr]
    told = Twilio.configured(Settings(**given, twilio_auth_token=SecretStr("t"), public_url="https://shop.example/"))  # type: ignore[arg-type]
    assert told is not None
    assert told.tells_within == timedelta(minutes=2)
    assert told.form(to(NUMBER, TEXT, key="k"), TEXT)["StatusCallback"] == "https://shop.example/v1/webhooks/twilio?key=k"
