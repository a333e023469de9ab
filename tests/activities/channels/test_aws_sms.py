"""AWS End User Messaging SMS: our request against Amazon's own description and signer; each failure told apart."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore
import httpx
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AmazonsCredentials
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from activities.channels import (
    Ambiguous,
    AwsSms,
    ChannelError,
    EndpointGone,
    PushContent,
    Refused,
    SmsContent,
    TryLater,
)  # fmt: skip
from activities.channels.aws import Credentials, signed
from activities.channels.sms.aws import refusal
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox
from workers.sandbox.server import SES_SECRET
from workers.settings import Settings

NUMBER = "+34600111222"
TEXT = SmsContent(text="¡Hola! 😀", parts=1)
KEYS = Credentials("AKIAEXAMPLE", SES_SECRET)
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "PinpointSMSVoiceV2.SendTextMessage"}


@pytest.fixture
def aws(sandbox: Sandbox, http: httpx.AsyncClient) -> AwsSms:
    return AwsSms("eu-west-1", KEYS, {"*": "Shop", "US": "+12065550100"}, http, url=sandbox.url, configuration_set="news")


async def test_the_request_is_one_that_amazon_describes(aws: AwsSms, sandbox: Sandbox) -> None:
    folder = Path(botocore.__file__).parent / "data" / "pinpoint-sms-voice-v2" / "2022-03-31"
    (file,) = folder.glob("service-2.json*")
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    operation = ServiceModel(json.loads(text), "pinpoint-sms-voice-v2").operation_model("SendTextMessage")
    for useful_for in (None, timedelta(0), timedelta(hours=1), timedelta(days=30)):
        await aws.send(to(NUMBER, TEXT, key="r/sms:ready/1").model_copy(update={"useful_for": useful_for}))
        report = ParamValidator().validate(sandbox.messages[-1].raw, operation.input_shape)
        assert not report.has_errors(), report.generate_report()
    assert [each.raw.get("TimeToLive") for each in sandbox.messages] == [None, 5, 3600, 259_200]
    [*_, last] = sandbox.messages
    assert (last.key, last.sender, last.raw["ConfigurationSetName"]) == ("r/sms:ready/1", "Shop", "news")


@pytest.mark.parametrize("body", [b"{}", orjson.dumps({"MessageBody": "¡Hola! 😀"})])
def test_it_is_signed_as_amazons_own_library_signs_it(body: bytes) -> None:
    at, url = datetime.now(UTC), "https://sms-voice.eu-west-1.amazonaws.com/"
    ours = signed(url, body, "sms-voice", "eu-west-1", KEYS, at, HEADERS)
    theirs = AWSRequest("POST", url, headers=HEADERS | {"x-amz-date": ours["x-amz-date"], "host": ours["host"]}, data=body)
    signer = SigV4Auth(AmazonsCredentials(KEYS.key_id, KEYS.secret), "sms-voice", "eu-west-1")
    theirs.context["timestamp"] = ours["x-amz-date"]
    text = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    assert ours["authorization"].endswith(f"Signature={signer.signature(text, theirs)}")
    assert "x-amz-target" in ours["authorization"]


async def test_the_sender_is_that_of_the_country(aws: AwsSms, sandbox: Sandbox) -> None:
    accepted = await aws.send(to("+12125550123", TEXT))
    assert sandbox.messages[0].sender == "+12065550100"
    assert accepted.provider_message_id == sandbox.messages[0].provider_id


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", TryLater), ("quota", TryLater), ("disabled", TryLater), ("country", TryLater), ("opted_out", Refused),
        ("500", Ambiguous), ("502", Ambiguous), ("html", Ambiguous), ("timeout_after_accept", Ambiguous),
        ("drop_before_accept", Ambiguous),
    ],
)  # fmt: skip
async def test_each_failure_is_told_apart(aws: AwsSms, sandbox: Sandbox, fault: str, kind: type[ChannelError]) -> None:
    sandbox.faults.tell("aws-sms", fault)
    with pytest.raises(ChannelError) as caught:
        await aws.send(to(NUMBER, TEXT))
    assert type(caught.value) is kind
    assert NUMBER.removeprefix("+") not in str(caught.value)


async def test_what_is_no_number_is_dead(aws: AwsSms) -> None:
    with pytest.raises(EndpointGone):
        await aws.send(to("+0", TEXT))


async def test_a_wrong_secret_waits_for_whoever_repairs_it(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    wrong = AwsSms("eu-west-1", Credentials("AKIAEXAMPLE", "wrong"), {"*": "Shop"}, http, url=sandbox.url)
    with pytest.raises(TryLater, match="JOURNEYS_AWS_SMS_REGION"):
        await wrong.send(to(NUMBER, TEXT))


async def test_content_of_another_channel_is_refused(aws: AwsSms) -> None:
    with pytest.raises(Refused, match="PushContent"):
        await aws.send(to(NUMBER, PushContent(title="t", body="b")))


def test_other_content_that_is_not_valid_is_refused() -> None:
    told = {"__type": "x#ValidationException", "Reason": "FIELD_VALIDATION_FAILED", "Fields": [{"Name": "MessageBody"}]}
    assert type(refusal(httpx.Response(400, json=told))) is Refused


def test_a_region_configures_it() -> None:
    found = AwsSms.configured(Settings(_env_file=None, aws_sms_region="eu-west-1", sms_senders="Shop"))  # type: ignore[arg-type]
    assert found is not None
    assert found.tells_within == timedelta(0)
    events = {"aws_sms_configuration_set": "news", "aws_sms_topic_arn": "arn:aws:sns:eu-west-1:1:texts"}
    listened = AwsSms.configured(Settings(_env_file=None, aws_sms_region="eu-west-1", sms_senders="Shop", **events))  # type: ignore[arg-type]
    assert listened is not None
    assert listened.tells_within == timedelta(minutes=2)
