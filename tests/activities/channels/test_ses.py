"""Amazon SES: our request against Amazon's own description and signer, and an independent receiver (moto); each failure."""

import base64
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore
import httpx
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AmazonsCredentials
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import (
    Ambiguous,
    ChannelError,
    EmailContent,
    EndpointGone,
    PushContent,
    Refused,
    Ses,
    TryLater,
)
from activities.channels.aws import Credentials, signed
from activities.channels.email.letter import Sender, letter
from activities.channels.email.ses import refusal
from tests.activities.channels.outgoing import SENDER, to
from tests.activities.channels.reader import read
from tests.extent import examples
from workers.sandbox import Sandbox
from workers.sandbox.server import SES_SECRET
from workers.settings import Settings

ANA = "ana@mail.example"
LETTER = EmailContent(
    subject="Ana, your boots ☃", html="<p>Olé</p>", text="Olé\n", unsubscribe_url="https://shop.example/u/" + "t" * 300
)
KEYS = Credentials("AKIAEXAMPLE", SES_SECRET)


@pytest.fixture
def ses(sandbox: Sandbox, http: httpx.AsyncClient) -> Ses:
    return Ses("eu-west-1", KEYS, SENDER, http, url=sandbox.url)


def the_model() -> ServiceModel:
    folder = Path(botocore.__file__).parent / "data" / "sesv2" / "2019-09-27"
    (file,) = folder.glob("service-2.json*")
    return ServiceModel(json.loads(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()), "sesv2")


@given(
    body=st.binary(max_size=300), region=st.sampled_from(["eu-west-1", "us-east-1"]), token=st.sampled_from(["", "temporary"])
)
@examples(50)
def test_our_signature_is_amazons(body: bytes, region: str, token: str) -> None:
    url, at = f"https://email.{region}.amazonaws.com/v2/email/outbound-emails", datetime(2026, 11, 29, 4, 5, 6, tzinfo=UTC)
    ours = signed(url, body, "ses", region, Credentials("AKIAEXAMPLE", "wJalr/+X", token), at)
    request = AWSRequest(
        "POST", url, data=body, headers={"content-type": "application/json", "host": f"email.{region}.amazonaws.com"}
    )
    request.context["timestamp"] = "20261129T040506Z"
    auth = SigV4Auth(AmazonsCredentials("AKIAEXAMPLE", "wJalr/+X", token or None), "ses", region)
    request.headers["x-amz-date"] = "20261129T040506Z"
    if token:
        request.headers["x-amz-security-token"] = token
    auth._inject_signature_to_request(
        request, auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    )
    assert ours["authorization"] == request.headers["Authorization"]


async def test_the_request_is_what_amazon_describes() -> None:
    operation = the_model().operation_model("SendEmail")
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"MessageId": "m-1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as client:
        ses = Ses("eu-west-1", KEYS, SENDER, client)
        ses.configuration_set = "events"
        accepted = await ses.send(to(ANA, LETTER))
    asked = seen[-1]
    assert accepted.provider_message_id == "m-1"
    assert (asked.method, asked.url.path) == (operation.http["method"], operation.http["requestUri"])
    assert asked.url.host == "email.eu-west-1.amazonaws.com"
    report = ParamValidator().validate(orjson.loads(asked.content), operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert orjson.loads(asked.content)["ConfigurationSetName"] == "events"


async def test_the_letter_is_the_one_that_a_relay_gets(ses: Ses, sandbox: Sandbox) -> None:
    outgoing = to(ANA, LETTER, key="r/cart-alternatives/1")
    await ses.send(outgoing)
    [message] = sandbox.messages
    assert (message.provider, message.title, message.body.strip(), message.key) == (
        "ses",
        "Ana, your boots ☃",
        "Olé",
        outgoing.key,
    )
    by_relay = read(letter(outgoing, LETTER, SENDER, {}))
    got = dict(message.raw["headers"])
    assert {"Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Message-Key"} <= set(got)
    assert [name for name, _ in message.raw["headers"]] == [name for name, _ in by_relay.headers]


@pytest.fixture(scope="module")
def moto_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def at_moto(moto_server: str) -> AsyncIterator[Ses]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield Ses("eu-west-1", KEYS, SENDER, client, url=moto_server)
        await client.post(f"{moto_server}/moto-api/reset")


async def test_an_independent_receiver_takes_the_letter(at_moto: Ses, moto_server: str) -> None:
    import boto3

    with pytest.raises(Refused, match="MessageRejected"):
        await at_moto.send(to(ANA, LETTER))  # it does not know our address yet
    amazons = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1", "endpoint_url": moto_server}
    boto3.client("sesv2", **amazons).create_email_identity(EmailIdentity=SENDER.address)
    outgoing = to(ANA, LETTER, key="r/cart/1")
    accepted = await at_moto.send(outgoing)
    async with httpx.AsyncClient() as client:
        (sent,) = (await client.get(f"{moto_server}/moto-api/data.json")).json()["ses"]["RawMessage"]
    assert accepted.provider_message_id == sent["id"]
    assert set(sent["destinations"]) == {ANA}
    assert "X-Message-Key: r/cart/1" in sent["raw_data"]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in sent["raw_data"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", TryLater), ("quota", TryLater), ("paused", TryLater), ("unverified", TryLater), ("503", TryLater),
        ("rejected", Refused), ("500", Ambiguous), ("502", Ambiguous), ("html", Ambiguous),
        ("timeout_after_accept", Ambiguous), ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(ses: Ses, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("ses", fault)
    with pytest.raises(ChannelError) as caught:
        await ses.send(to(ANA, LETTER))
    assert type(caught.value) is kind
    assert ANA not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_waits_that_are_asked_for_are_passed_on(ses: Ses, sandbox: Sandbox) -> None:
    sandbox.faults.tell("ses", "429", retry_after=7, times=1)
    with pytest.raises(TryLater) as caught:
        await ses.send(to(ANA, LETTER))
    assert caught.value.retry_after == timedelta(seconds=7)
    sandbox.faults.tell("ses", "quota", times=1)
    with pytest.raises(TryLater, match="quota") as caught:
        await ses.send(to(ANA, LETTER))
    assert caught.value.retry_after == timedelta(hours=1)


async def test_wrong_credentials_wait_for_whoever_repairs_them(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    ses = Ses("eu-west-1", Credentials("AKIAEXAMPLE", "another"), SENDER, http, url=sandbox.url)
    with pytest.raises(TryLater, match=r"SignatureDoesNotMatch; check JOURNEYS_SES_REGION"):
        await ses.send(to(ANA, LETTER))
    assert sandbox.messages == []


async def test_what_ses_cannot_take_is_refused_before_it_is_asked(ses: Ses, sandbox: Sandbox) -> None:
    with pytest.raises(EndpointGone):
        await ses.send(to("nobody", LETTER))
    with pytest.raises(Refused, match="not ASCII"):
        await ses.send(to("añá@mail.example", LETTER))
    with pytest.raises(Refused, match="at most"):
        await ses.send(to(ANA, LETTER.model_copy(update={"html": "é" * 11_000_000})))
    with pytest.raises(Refused, match="PushContent"):
        await ses.send(to(ANA, PushContent(title="a", body="b")))
    assert sandbox.messages == []


async def test_nothing_listening_is_try_later(http: httpx.AsyncClient) -> None:
    with pytest.raises(TryLater):
        await Ses("eu-west-1", KEYS, SENDER, http, url="http://127.0.0.1:1").send(to(ANA, LETTER))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"__type": 7}', b'{"MessageId": 7}'])
def test_an_answer_that_is_not_amazons_never_breaks_us(body: bytes) -> None:
    assert isinstance(refusal(httpx.Response(400, content=body)), Refused)
    assert isinstance(refusal(httpx.Response(504, content=body)), Ambiguous)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"__type": "com.amazonaws.ses#MailFromDomainNotVerifiedException"}, TryLater),
        ({"__type": "LimitExceededException:http://internal.amazon.com/"}, TryLater),
        ({"__type": "BadRequestException"}, Refused),
    ],
)
def test_an_error_is_named_in_the_body_too(told: dict[str, Any], kind: type[ChannelError]) -> None:
    assert isinstance(refusal(httpx.Response(400, json=told)), kind)


def test_raw_data_is_base64_of_the_letter() -> None:
    ses = Ses("eu-west-1", KEYS, Sender.parse("a@shop.example"), httpx.AsyncClient())
    assert base64.b64decode(ses._request(ANA, b"letter")["Content"]["Raw"]["Data"]) == b"letter"


@pytest.mark.parametrize(("topic", "told"), [("", timedelta(0)), ("arn:aws:sns:eu-west-1:1:letters", timedelta(minutes=2))])
async def test_a_letter_in_doubt_waits_for_news_where_there_is_a_topic_that_tells_it(topic: str, told: timedelta) -> None:
    ses = Ses.configured(Settings(_env_file=None, ses_region="eu-west-1", email_from="a@shop.example", ses_topic_arn=topic))
    assert ses is not None
    assert ses.tells_within == told
    await ses.close()
