"""What Twilio posts: the status callbacks of a message, and what a customer texts; forms, signed.

Source: Twilio, "Validating signatures" (HMAC-SHA1 under the account's token of the address and the sorted parameters, base64),
"Track the Message Status of Outbound Messages", "Messaging webhooks". What is not taken is not repeated, as Twilio does.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import httpx

from workers.sandbox.messages import Message, MessageLog, Status
from workers.sandbox.sms.twilio_message import sid

_log = logging.getLogger(__name__)

ACCOUNT_SID = "AC" + "0" * 31 + "1"
SENDER = "+15550001234"
_FAILED = {"30003": "undelivered", "30005": "undelivered", "30006": "undelivered", "30007": "undelivered", "21610": "failed"}
_SHOWN = {"sent": Status.SENT, "delivered": Status.DELIVERED, "undelivered": Status.FAILED, "failed": Status.FAILED}


class Callbacks:
    """Posts them after a while. Without a `url`, that of the number's own webhook, nothing is posted."""

    def __init__(self, log: MessageLog, token: str, url: str | None, delays: tuple[float, float, float]) -> None:
        self.url = url
        self._log, self._token, self._delays = log, token.encode(), delays
        self._posts: set[asyncio.Task[None]] = set()

    def statuses(self, message: Message, callback: str | None) -> None:
        """What the sender of a message will hear, as its fault wants it."""
        self._start(self._tell(message, callback))

    def reply(self, to: str, sender: str, text: str, **more: str) -> str:
        """A customer writes; the id of the inbound message."""
        id_ = sid()
        form = {"MessageSid": id_, "AccountSid": ACCOUNT_SID, "From": sender, "To": to, "Body": text, "NumMedia": "0"}
        if self.url is not None:
            self._start(self._post(self.url, form | {"SmsMessageSid": id_, "SmsStatus": "received"} | more))
        return id_

    def signature(self, url: str, form: Mapping[str, str]) -> str:
        """The value of X-Twilio-Signature."""
        signed = url + "".join(name + form[name] for name in sorted(form))
        return base64.b64encode(hmac.new(self._token, signed.encode(), hashlib.sha1).digest()).decode()

    async def close(self) -> None:
        """Post no more."""
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)

    def _start(self, post: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(post)
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _tell(self, message: Message, callback: str | None) -> None:
        """One after the other, so that they arrive as planned."""
        waited = 0.0
        for delay, status, code in _plan(message.fault or "", self._delays):
            await asyncio.sleep(delay - waited)
            waited = delay
            await self._status(message, callback, status, code)

    async def _status(self, message: Message, callback: str | None, status: str, code: str | None) -> None:
        if status in _SHOWN:
            self._log.advance(message.id, _SHOWN[status])
        if callback is None or self.url is None:
            return
        id_ = message.provider_id
        form = {"MessageSid": id_, "SmsSid": id_, "AccountSid": ACCOUNT_SID, "From": message.sender, "To": message.to}
        told = {"MessageStatus": status, "SmsStatus": status, "ApiVersion": "2010-04-01"}
        await self._post(callback, form | told | ({"ErrorCode": code} if code else {}))

    async def _post(self, url: str, form: dict[str, str]) -> None:
        headers = {"X-Twilio-Signature": self.signature(url, form), "Content-Type": "application/x-www-form-urlencoded"}
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=10) as client:
                answer = await client.post(url, content=urlencode(form), headers=headers)
                if not answer.is_success:
                    _log.warning("the Twilio webhook answered %d", answer.status_code)


def _plan(fault: str, delays: tuple[float, float, float]) -> Iterator[tuple[float, str, str | None]]:
    """When which status is told."""
    order = ["queued", "sent", "delivered"]
    if fault == "no_statuses":
        return
    if fault.startswith("failed_"):
        code = fault.removeprefix("failed_")
        yield from ((delays[0], "sent", None), (delays[1], _FAILED[code], code))
        return
    for delay, status in zip(delays, reversed(order) if fault == "statuses_out_of_order" else order, strict=True):
        for _ in range(2 if fault == "statuses_twice" else 1):
            yield delay, status, None
