"""AWS End User Messaging SMS: `SendTextMessage`, which looks at signature, number and sender, and answers as Amazon does.

Source: Amazon Pinpoint SMS Voice V2 API (2022-03-31), "SendTextMessage".
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journeys.clock import Clock
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.mail_api import answered, struck
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.ses import not_genuine
from workers.sandbox.sms.twilio_message import told as length_of

_TARGET = "PinpointSMSVoiceV2.SendTextMessage"
_TYPE = "application/x-amz-json-1.0"
_RULES = {
    "DestinationPhoneNumber": re.compile(r"\+?[1-9][0-9]{1,18}"),
    "OriginationIdentity": re.compile(r"[A-Za-z0-9_:/\+-]{1,256}"),
    "MessageBody": re.compile(r"(?!\s*$)[\s\S]{1,1600}"),
}
_OTHERS = frozenset({"Context", "TimeToLive", "ConfigurationSetName", "MessageType"})
#: What a fault answers: status, Amazon's name for it, its reason.
_ERRORS = {
    "429": (400, "ThrottlingException", None),
    "quota": (400, "ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"),
    "disabled": (400, "AccessDeniedException", "ACCOUNT_DISABLED"),
    "country": (400, "ValidationException", "COUNTRY_NOT_ENABLED"),
    "opted_out": (400, "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    "500": (500, "InternalServerException", None),
}


@dataclass(frozen=True)
class AwsSms:
    """The provider: what it accepted and how it fails. Any access key id; the secret is told to senders."""

    log: MessageLog
    faults: Faults
    clock: Clock
    secret: str = field(repr=False)

    def routes(self) -> list[Route]:
        """Its one endpoint."""
        return [Route("/", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """Send a message."""
        body = await request.body()
        if wrong := not_genuine(self.secret, request, body):
            return _error(400, wrong[0], None)
        if request.headers.get("x-amz-target") != _TARGET or request.headers.get("content-type") != _TYPE:
            return _error(400, "UnknownOperationException", None)
        asked = orjson.loads(body)
        wrong_fields = [name for name, rule in _RULES.items() if not rule.fullmatch(str(asked.get(name, "")))]
        wrong_fields += sorted(set(asked) - set(_RULES) - _OTHERS)
        if wrong_fields:
            fields = [{"Name": name, "Message": "is not valid"} for name in wrong_fields]
            return _error(400, "ValidationException", "FIELD_VALIDATION_FAILED", Fields=fields)
        rule = self.faults.draw(Provider.AWS_SMS, asked["DestinationPhoneNumber"])
        if refusal := await struck(request, rule, _refusal):
            return refusal
        message = self._message(asked, rule)
        self.log.add(message)
        return await answered(request, rule, JSONResponse({"MessageId": message.provider_id}, media_type=_TYPE))

    def _message(self, asked: dict[str, Any], rule: FaultRule | None) -> Message:
        real = datetime.now(UTC)
        return Message(
            provider=Provider.AWS_SMS,
            provider_id=str(uuid4()),
            sender=asked["OriginationIdentity"],
            to=asked["DestinationPhoneNumber"],
            accepted_at=self.clock.business(real),
            received_at=real,
            key=asked.get("Context", {}).get("key"),
            body=asked["MessageBody"],
            title=length_of(asked["MessageBody"]),
            fault=rule.fault if rule else None,
            raw=asked,
        )


def _refusal(rule: FaultRule) -> Response | None:
    return _error(*_ERRORS[rule.fault]) if rule.fault in _ERRORS else None


def _error(status: int, kind: str, reason: str | None, **more: Any) -> Response:
    told = {"__type": f"com.amazonaws.pinpointsmsvoicev2#{kind}", "Message": kind} | ({"Reason": reason} if reason else {})
    return JSONResponse(told | more, status, media_type=_TYPE)
