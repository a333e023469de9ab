"""APNs over HTTP/2: `POST /3/device/{token}`, answering as Apple does, in the order in which Apple's table can be met.

Source: Apple's "Sending notification requests to APNs" and "Handling notification responses from APNs".
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from journeys.clock import Clock
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider
from workers.sandbox.push.apns_account import TeamKey
from workers.sandbox.push.apns_request import Violation, aps_of, check_headers, check_payload, check_token
from workers.sandbox.push.http2 import Answer, Request

_YEAR = 365 * 86_400
#: fault → HTTP status, reason
_ERRORS = {
    "429": (429, "TooManyRequests"),
    "500": (500, "InternalServerError"),
    "503": (503, "ServiceUnavailable"),
    "shutdown": (503, "Shutdown"),
    "unregistered": (410, "Unregistered"),
    "unregistered_long_ago": (410, "Unregistered"),
    "expired_token": (410, "ExpiredToken"),
    "bad_device_token": (400, "BadDeviceToken"),
    "other_topic": (400, "DeviceTokenNotForTopic"),
    "expired_provider_token": (403, "ExpiredProviderToken"),
    "payload_too_large": (413, "PayloadTooLarge"),
}
_FRONT_END_PAGE = b"<!DOCTYPE html><title>Welcome to the hotel's network</title>"


@dataclass
class Apns:
    """The provider: who may send, what it accepted and how it fails."""

    key: TeamKey
    log: MessageLog
    faults: Faults
    clock: Clock
    #: The beginnings of the tokens that were shown, for "no more than one in twenty minutes".
    shown: list[float] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer | None:
        """Answer one request."""
        id_ = request.headers.get("apns-id") or str(uuid4()).upper()
        try:
            device = self._checked(request)
        except Violation as violation:
            return _refused(id_, violation.status, violation.reason)
        rule = self.faults.draw(Provider.APNS, device)
        if rule is not None and rule.fault == "drop_before_accept":
            await asyncio.sleep(rule.hold_seconds)
            return None
        if rule is not None and rule.fault == "html":
            return Answer(200, {"content-type": "text/html"}, _FRONT_END_PAGE)
        if rule is not None and rule.fault in _ERRORS:
            return _refused(id_, *_ERRORS[rule.fault], rule=rule)
        self.log.add(self._message(id_, device, request, rule))
        if rule is not None:  # timeout_after_accept, slow
            await asyncio.sleep(rule.hold_seconds)
        return None if rule is not None and rule.fault == "timeout_after_accept" else Answer(200, {"apns-id": id_})

    def _checked(self, request: Request) -> str:
        """The device's token.

        Raises:
            Violation: the first that Apple would find.
        """
        device = check_token(request)
        self.shown = self.key.checked(request.headers.get("authorization", ""), self.shown)
        check_headers(request.headers, self.key.topic)
        check_payload(bytes(request.body))
        return device

    def _message(self, id_: str, device: str, request: Request, rule: FaultRule | None) -> Message:
        real, told = datetime.now(UTC), orjson.loads(request.body)
        headers = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
        alert = aps_of(told).get("alert", {})
        shown = alert if isinstance(alert, dict) else {"body": alert}
        return Message(
            provider=Provider.APNS,
            provider_id=id_,
            sender=self.key.topic,
            to=device,
            accepted_at=self.clock.business(real),
            received_at=real,
            key=told.get("message_key"),
            title=str(shown.get("title", "")),
            body=str(shown.get("body", "")),
            image=told.get("image"),
            link=told.get("link"),
            fault=rule.fault if rule else None,
            raw={"headers": headers, "payload": told},
        )


def _refused(id_: str, status: int, reason: str, rule: FaultRule | None = None) -> Answer:
    told: dict[str, Any] = {"reason": reason}
    if status == 410:  # noqa: PLR2004 - Gone
        ago = _YEAR if rule is not None and rule.fault == "unregistered_long_ago" else 0
        told["timestamp"] = int((time.time() - ago) * 1000)
    headers = {"apns-id": id_, "content-type": "application/json"}
    if rule is not None and rule.retry_after is not None:
        headers["retry-after"] = str(rule.retry_after)
    return Answer(status, headers, orjson.dumps(told), last=reason == "Shutdown")
