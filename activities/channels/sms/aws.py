"""Text messages by AWS End User Messaging SMS, version 2 of its API.

Promise: at most once in doubt. It has no idempotency key and no list of messages, so a marketing message whose answer was
lost is not sent again, and a transactional one may arrive twice. Our key travels in the message's context, so that its events
settle a doubt.
Source: Amazon Pinpoint SMS Voice V2 API (2022-03-31), "SendTextMessage", its errors and their reasons.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

import httpx
import orjson
from pydantic import SecretStr

from activities.channels.aws import Credentials, signed
from activities.channels.base import wrong_content
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.http import CONNECTIONS, body_of, http_client, post, retry_after
from activities.channels.message import Accepted, Outgoing, SmsContent
from activities.channels.over_http import OverHttp
from activities.channels.sms.senders import sender_for, sender_of
from activities.channels.tracing import sending

_TARGET = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "PinpointSMSVoiceV2.SendTextMessage"}
#: Under which our key of a message comes back in its events.
CONTEXT_KEY = "key"
_TIME_TO_LIVE = (5, 259_200)  # seconds
_QUOTA_PAUSE = timedelta(hours=1)
#: The destination is what is wrong: the customer's, not ours.
_THEIRS = frozenset({"DESTINATION_PHONE_NUMBER_OPTED_OUT", "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"})
_OUR_FAULT = frozenset({"INVALID_PARAMETER", "MISSING_PARAMETER", "MAXIMUM_SIZE_EXCEEDED", "FIELD_VALIDATION_FAILED"})
_SETTINGS = "check JOURNEYS_AWS_SMS_REGION, JOURNEYS_AWS_SMS_ACCESS_KEY_ID, JOURNEYS_SMS_SENDERS and the account in the console"


class _Settings(Protocol):
    @property
    def aws_sms_region(self) -> str: ...
    @property
    def aws_sms_access_key_id(self) -> str: ...
    @property
    def aws_sms_secret_access_key(self) -> SecretStr: ...
    @property
    def aws_sms_configuration_set(self) -> str: ...
    @property
    def aws_sms_topic_arn(self) -> str: ...
    @property
    def aws_sms_url(self) -> str: ...
    @property
    def sms_senders(self) -> Mapping[str, str]: ...


class AwsSms(OverHttp):
    """AWS End User Messaging SMS in one region; `listened_to`: its events come back to us."""

    name = "aws-sms"
    needs = "JOURNEYS_AWS_SMS_REGION"
    goes_with = ("JOURNEYS_AWS_SMS_ACCESS_KEY_ID", "JOURNEYS_AWS_SMS_SECRET_ACCESS_KEY", "JOURNEYS_SMS_SENDERS")
    idempotent = False
    tells_within = timedelta(minutes=2)  # an event follows within seconds as a rule

    def __init__(
        self,
        region: str,
        credentials: Credentials,
        senders: Mapping[str, str],
        http: httpx.AsyncClient,
        *,
        url: str = "",
        configuration_set: str = "",
        listened_to: bool = False,
        connections: int = CONNECTIONS,
    ) -> None:
        if not listened_to:
            self.tells_within = timedelta(0)
        self._region, self._credentials, self._senders = region, credentials, senders
        self._configuration_set = configuration_set
        self._base = (url or f"https://sms-voice.{region}.amazonaws.com").rstrip("/") + "/"
        super().__init__(http, self._base, connections)

    @classmethod
    def configured(cls, settings: _Settings) -> Self | None:
        """The region that is given."""
        if not (region := settings.aws_sms_region):
            return None
        credentials = Credentials(settings.aws_sms_access_key_id, settings.aws_sms_secret_access_key.get_secret_value())
        events = settings.aws_sms_configuration_set
        return cls(
            region,
            credentials,
            settings.sms_senders,
            http_client(),
            url=settings.aws_sms_url,
            configuration_set=events,
            listened_to=bool(events and settings.aws_sms_topic_arn),
        )

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["AwsSmsLine"]:
        """A place, and a provider that answers."""
        async with self._place():
            yield AwsSmsLine(self)

    @property
    def senders(self) -> frozenset[str]:
        """Those of all countries."""
        return frozenset(self._senders.values())

    def number(self, address: str) -> str:
        """The sender of its country."""
        return sender_of(self._senders, address) or ""

    def request(self, outgoing: Outgoing, content: SmsContent) -> dict[str, Any]:
        """Amazon's request for a message.

        Raises:
            Refused: no sender is set for its country.
        """
        asked: dict[str, Any] = {
            "DestinationPhoneNumber": outgoing.address.value,
            "OriginationIdentity": sender_for(self._senders, outgoing.address.value),
            "MessageBody": content.text,
            "Context": {CONTEXT_KEY: outgoing.key},
        }
        if outgoing.useful_for is not None:
            least, most = _TIME_TO_LIVE
            asked["TimeToLive"] = max(min(int(outgoing.useful_for.total_seconds()), most), least)
        return asked | ({"ConfigurationSetName": self._configuration_set} if self._configuration_set else {})

    async def post(self, asked: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
        """Post a message."""
        body = orjson.dumps(asked)
        proof = signed(self._base, body, "sms-voice", self._region, self._credentials, datetime.now(UTC), _TARGET)
        with self._on_the_way():
            return await post(self._http, self.name, self._base, body, {**headers, **proof})


class AwsSmsLine:
    """The way to Amazon."""

    def __init__(self, aws: AwsSms) -> None:
        self._aws = aws

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Send one text."""
        if not isinstance(outgoing.content, SmsContent):
            wrong_content(AwsSms.name, outgoing)
        asked = self._aws.request(outgoing, outgoing.content)
        with sending(AwsSms.name, outgoing) as headers:
            return _accepted(await self._aws.post(asked, headers))


def _accepted(answer: httpx.Response) -> Accepted:
    """Amazon's id of the message: its only proof that it took it."""
    found = body_of(answer).get("MessageId")
    if answer.is_success and isinstance(found, str) and found:
        return Accepted(provider_message_id=found)
    raise refusal(answer)


def refusal(answer: httpx.Response) -> ChannelError:
    """The channel's error for an answer without the proof of acceptance."""
    told = body_of(answer)
    kind, reason = str(told.get("__type", "")).rpartition("#")[2], str(told.get("Reason", ""))
    detail = " ".join(filter(None, (f"aws-sms {answer.status_code}", kind, reason)))
    if kind == "ThrottlingException" or answer.status_code in (408, 429, 503):
        return TryLater(detail, retry_after(answer))
    if kind == "ServiceQuotaExceededException":
        return TryLater(detail, _QUOTA_PAUSE)
    if answer.status_code < 400 or answer.status_code >= 500:  # noqa: PLR2004 - what may have been taken all the same
        return Ambiguous(f"{detail}: no proof that it was accepted")
    if kind == "ValidationException" and "DestinationPhoneNumber" in _fields(told):
        return EndpointGone(detail)
    if reason in _THEIRS or (kind == "ValidationException" and reason in _OUR_FAULT):
        return Refused(detail)
    return TryLater(f"{detail}; {_SETTINGS}")


def _fields(told: Mapping[str, Any]) -> list[str]:
    fields = told.get("Fields")
    return [str(each.get("Name")) for each in fields if isinstance(each, dict)] if isinstance(fields, list) else []
