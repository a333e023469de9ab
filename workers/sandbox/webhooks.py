"""WhatsApp's webhooks: delivery statuses and customers' replies, signed, and repeated until they are taken.

One message's statuses go one after the other, so that they arrive in the order that a test asks for.

Source: Meta's "Status messages webhook reference" and "Messages webhook reference". Several changes may share one
request, as Meta batches them; `X-Hub-Signature-256` is the HMAC-SHA256 of the body under the app secret.
"""

import asyncio
import hashlib
import heapq
import hmac
import itertools
import logging
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from journeys.clock import Clock
from workers.sandbox import graph_errors
from workers.sandbox.messages import Message, MessageLog, Provider, Status

_log = logging.getLogger(__name__)

BUSINESS_NUMBER = "15550001234"
ACCOUNT_ID = "100000000000002"
_IN_ONE_REQUEST = 50
_REQUESTS_AT_ONCE = 8
_MAX_PENDING = 150_000
_ATTEMPTS = 20
_LONGEST_PAUSE = 30.0
_ORDER = (Status.SENT, Status.DELIVERED, Status.READ)


def wamid() -> str:
    """A fresh message id in WhatsApp's shape."""
    return "wamid." + b64encode(b"\x1c\x18" + secrets.token_bytes(28)).decode()


@dataclass(frozen=True, order=True)
class _Due:
    at: float
    number: int
    change: dict[str, Any] = field(compare=False)
    about: str = field(default="", compare=False)  # a message or a template, whose notices go one after the other
    status: Status | None = field(default=None, compare=False)


class Webhooks:
    """What WhatsApp tells the sender afterwards. `url` may be set late: until then nothing is posted."""

    def __init__(
        self,
        log: MessageLog,
        clock: Clock,
        app_secret: str,
        url: str | None,
        delays: tuple[float, float, float] = (0.05, 0.25, 1.0),
    ) -> None:
        self.url = url
        self._log, self._clock, self._secret, self._delays = log, clock, app_secret.encode(), delays
        self._pending: list[_Due] = []
        self._behind: dict[str, list[_Due]] = {}  # by what something is on its way about: what comes after it
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(_REQUESTS_AT_ONCE)

    async def run(self) -> None:
        """Tell what is due, until cancelled."""
        self._resume()
        async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as posts:
            while True:
                await self._next_due()
                due = list(itertools.islice(self._due(), _IN_ONE_REQUEST))
                changes = [self._told(notice) for notice in due]
                if changes and self.url is not None:
                    subjects = {notice.about for notice in due if notice.about}
                    self._behind |= {about: [] for about in subjects}
                    await self._slots.acquire()
                    posts.create_task(self._post(client, self.url, changes, subjects))

    def statuses(self, message: Message) -> None:
        """Plan what a message's sender will hear, as its fault wants it."""
        fault = message.fault or ""
        if fault == "no_statuses" or len(self._pending) > _MAX_PENDING:
            return
        if fault.startswith("failed_"):
            self._plan_status(message, Status.FAILED, self._delays[1], int(fault.removeprefix("failed_")))
            return
        order = reversed(_ORDER) if fault == "statuses_out_of_order" else _ORDER
        for delay, status in zip(self._delays, order, strict=True):
            for _ in range(2 if fault == "statuses_twice" else 1):
                self._plan_status(message, status, delay)

    def template(self, name: str, language: str, event: str, category: str) -> None:
        """A template stands otherwise from now on."""
        self._plan(stands(name, language, event, category), 0, f"{name}/{language}")

    def reply(
        self, phone_number_id: str, sender: str, text: str, context_id: str | None, tapped: dict[str, Any] | None = None
    ) -> str:
        """A customer writes, or taps what a message lets them tap; the id of the inbound message."""
        inbound: dict[str, Any] = {
            "from": sender,
            "id": wamid(),
            "timestamp": self._timestamp(),
            **(tapped or {"type": "text", "text": {"body": text}}),
        }
        if context_id is not None:
            inbound["context"] = {"from": BUSINESS_NUMBER, "id": context_id}
        contact = {"profile": {"name": "Sandbox customer"}, "wa_id": sender}
        self._plan(_change(phone_number_id, contacts=[contact], messages=[inbound]), 0)
        return str(inbound["id"])

    def signature(self, body: bytes) -> str:
        """The value of X-Hub-Signature-256."""
        return "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    def _plan_status(self, message: Message, status: Status, delay: float, code: int | None = None) -> None:
        told: dict[str, Any] = {"id": message.provider_id, "status": status.value, "recipient_id": _digits(message.to)}
        if message.key is not None:
            told["biz_opaque_callback_data"] = message.key
        if status in (Status.SENT, Status.DELIVERED):
            told["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
        if code is not None:
            told["errors"] = [graph_errors.in_webhook(code)]
        change = _change(message.sender, statuses=[told])
        self._plan(change, delay, message.id, status)

    def _plan(self, change: dict[str, Any], delay: float, about: str = "", status: Status | None = None) -> None:
        at = asyncio.get_running_loop().time() + delay
        heapq.heappush(self._pending, _Due(at, next(self._numbers), change, about, status))
        self._wake.set()

    async def _next_due(self) -> None:
        """Sleep until the earliest notice is due; an earlier one wakes it."""
        self._wake.clear()
        pause = self._pending[0].at - asyncio.get_running_loop().time() if self._pending else None
        if pause is None or pause > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _due(self) -> Iterator[_Due]:
        now = asyncio.get_running_loop().time()
        while self._pending and self._pending[0].at <= now:
            notice = heapq.heappop(self._pending)
            if (behind := self._behind.get(notice.about)) is None:
                yield notice
            else:
                behind.append(notice)

    def _told(self, notice: _Due) -> dict[str, Any]:
        """The notice as it goes out now, noted on the message."""
        if notice.status is not None:
            self._log.advance(notice.about, notice.status)
            notice.change["value"]["statuses"][0]["timestamp"] = self._timestamp()
        return notice.change

    async def _post(self, client: httpx.AsyncClient, url: str, changes: list[dict[str, Any]], subjects: set[str]) -> None:
        body = orjson.dumps(
            {
                "object": "whatsapp_business_account",
                "entry": [{"id": ACCOUNT_ID, "time": int(self._timestamp()), "changes": changes}],
            }
        )
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": self.signature(body)}
        try:
            for attempt in range(_ATTEMPTS):
                if await _taken(client, url, body, headers):
                    return
                await asyncio.sleep(min(0.2 * 2**attempt, _LONGEST_PAUSE))
            _log.warning("the WhatsApp webhook refused %d changes %d times; dropped", len(changes), _ATTEMPTS)
        finally:
            self._slots.release()
            for notice in itertools.chain.from_iterable(self._behind.pop(about) for about in subjects):
                heapq.heappush(self._pending, notice)
            self._wake.set()

    def _resume(self) -> None:
        """After a restart, tell what was not told before."""
        for message in self._log:
            if message.provider is Provider.WHATSAPP and message.status not in (Status.READ, Status.FAILED):
                self.statuses(message)

    def _timestamp(self) -> str:
        return str(int(self._clock.business(datetime.now(UTC)).timestamp()))


async def _taken(client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return (await client.post(url, content=body, headers=headers)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def stands(name: str, language: str, event: str, category: str | None) -> dict[str, Any]:
    """The change that tells how a template stands."""
    told = {"message_template_name": name, "message_template_language": language}
    told |= {"message_template_category": category} if category else {}
    return {"field": "message_template_status_update", "value": {"event": event, "reason": "NONE", **told}}


def _change(phone_number_id: str, **what: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": BUSINESS_NUMBER, "phone_number_id": phone_number_id}
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **what}}


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def tap(message: dict[str, Any], choice: str, title: str) -> dict[str, Any]:
    """What WhatsApp says of somebody who taps a button of a template, a button of ours, or a row of a list."""
    if message.get("type") != "interactive":
        return {"type": "button", "button": {"payload": choice, "text": title}}
    kind = "list_reply" if message["interactive"]["type"] == "list" else "button_reply"
    told = {"id": choice, "title": title} | ({"description": ""} if kind == "list_reply" else {})
    return {"type": "interactive", "interactive": {"type": kind, kind: told}}
