"""What providers call: WhatsApp's webhook, whose statuses and replies become events like any other.

Promise: nothing is taken without Meta's signature, nothing that was taken is lost, and the same news may come in any
order and any number of times.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from activities.channels.suppression import suppression_digests
from activities.channels.whatsapp.errors import GONE, OPTED_OUT
from api.config import ApiConfig
from api.problems import Problem, responses
from api.state import Config, Db
from api.webhooks.whatsapp import Fault, Notice, ReplyNotice, StatusNotice, instant, notices
from api.webhooks.wishes import Wish, wish_of
from journeys.contracts import Channel, Purpose, Reason
from store import Connection
from store.customers.consent import Subject, address_written_to, both, take_back, take_back_kept, withdraw
from store.deliveries.feedback import (
    Delivered,
    NewEvent,
    Status,
    advance_deliveries,
    answered,
    heard_from,
    invalidate_endpoints,
    living,
    match_statuses,
    reached,
    revive_endpoints,
    store_events,
)
from store.ingest.dead_letters import DeadLetter, bury

_CHANNEL = Channel.WHATSAPP.value
_SOURCE = "whatsapp"
_LIMIT = 4 * 1024 * 1024  # bytes; Meta sends at most 3 MB
_ABOUT = ("channel", "journey", "run_id", "step", "occurrence", "template")
_EVENTS = {"sent": "Message Sent", "delivered": "Message Delivered", "read": "Message Read", "failed": "Message Failed"}

_log = structlog.get_logger(__name__)
router = APIRouter(tags=["webhooks"])


class Taken(BaseModel):
    """How much of a notification was news."""

    taken: int = Field(description="events that were stored", examples=[3])
    dead_letters: int = Field(description="items that could not be used, kept with their reason", examples=[0])


@router.get("/v1/webhooks/whatsapp", response_class=PlainTextResponse, responses=responses(403))
async def verify(
    config: Config,
    mode: Annotated[str, Query(alias="hub.mode", max_length=32)],
    token: Annotated[str, Query(alias="hub.verify_token", max_length=1024)],
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=1024)],
) -> str:
    """Meta's check that this address is ours: answers its challenge when the verify token is the configured one."""
    if mode != "subscribe" or not _same(token, config.whatsapp_verify_token):
        raise Problem(403, "the verify token is not the one in JOURNEYS_WHATSAPP_VERIFY_TOKEN")
    return challenge


@router.post(
    "/v1/webhooks/whatsapp",
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def receive(request: Request, config: Config, database: Db) -> Taken:
    """WhatsApp's statuses and replies, signed by Meta in `X-Hub-Signature-256`."""
    body = await _body(request)
    if not _signed(body, request.headers.get("x-hub-signature-256", ""), config.whatsapp_app_secret):
        raise Problem(401, "the signature in X-Hub-Signature-256 is not that of JOURNEYS_WHATSAPP_APP_SECRET")
    try:
        told = notices(body)
    except ValueError as error:
        raise Problem(400, f"the body is not a JSON object ({type(error).__name__})") from error
    async with database.transaction() as connection:
        return await _Reception(config, connection, request.headers.get("traceparent")).take(told)


class _Reception:
    """One request's news, taken in one transaction."""

    def __init__(self, config: ApiConfig, connection: Connection, traceparent: str | None) -> None:
        self._config = config
        self._connection = connection
        self._traceparent = traceparent[:55] if traceparent else None  # the length of version 00
        self._now = config.clock.now()
        self._letters: list[DeadLetter] = []
        self._wanted: dict[str, _Wanted] = {}  # by the message id of the event that says so

    async def take(self, told: Sequence[Notice]) -> Taken:
        self._letters += [self._letter(n.item, n.reason) for n in told if isinstance(n, Fault)]
        events = await self._statuses([n for n in told if isinstance(n, StatusNotice)])
        events += await self._replies([n for n in told if isinstance(n, ReplyNotice)])
        new = await self._store(events)
        in_order = sorted(new, key=lambda said: said.ts)
        new += await self._store([event for said in in_order for event in await self._follow(said)])
        await bury(self._connection, self._letters)
        return Taken(taken=len(new), dead_letters=len(self._letters))

    async def _store(self, events: Sequence[NewEvent]) -> list[NewEvent]:
        return await store_events(self._connection, events, source=_SOURCE, at=self._now, traceparent=self._traceparent)

    async def _statuses(self, told: Sequence[StatusNotice]) -> list[NewEvent]:
        if not told:
            return []
        statuses = [Status(n.id, n.key, n.status, at, n.code, c) for n in told for at, c in [self._at(n)]]
        matched = await match_statuses(self._connection, _CHANNEL, statuses)
        if len(matched) < len(statuses):
            _log.info("statuses of messages that are not ours", count=len(statuses) - len(matched))
        alive = await living(self._connection, {to.profile_id for _, to in matched})
        await advance_deliveries(self._connection, matched, Reason.REFUSED.value)
        await self._consequences(matched)
        for said, to in matched:
            if said.code in OPTED_OUT:
                address = await address_written_to(self._connection, to.key)
                self._wanted[_id_of(said)] = _Wanted(Wish.STOP, f"whatsapp: code {said.code}", address)
        return [_status_event(said, to, alive[to.profile_id]) for said, to in matched if to.profile_id in alive]

    async def _consequences(self, matched: Sequence[tuple[Status, Delivered]]) -> None:
        """An address is dead when a message that reached nobody says so, and alive when another reached it since."""
        alive = await reached(self._connection, {to.key for _, to in matched})
        for code in GONE:
            told = [(to.endpoint_id, said.at) for said, to in matched if said.code == code and to.key not in alive]
            died = [(endpoint_id, at) for endpoint_id, at in told if endpoint_id is not None]
            await invalidate_endpoints(self._connection, died, f"whatsapp code {code}")
        await revive_endpoints(self._connection, list(alive.values()))

    async def _replies(self, told: Sequence[ReplyNotice]) -> list[NewEvent]:
        if not told:
            return []
        senders = await heard_from(self._connection, _CHANNEL, {n.address: self._at(n)[0] for n in told})
        alive = await living(self._connection, set(senders.values()))
        known = [(alive[senders[n.address]], n) for n in told if senders.get(n.address) in alive]
        await self._strangers([n for n in told if senders.get(n.address) not in alive])
        to = await answered(self._connection, _CHANNEL, [(who, n.quoted, self._at(n)[0]) for who, n in known])
        self._wanted |= {_id_of(n): wanted for _, n in known if (wanted := self._wish(n))}
        return [
            _reply_event(n, self._at(n), who, message, self._wanted.get(_id_of(n)))
            for (who, n), message in zip(known, to, strict=True)
        ]

    async def _follow(self, said: NewEvent) -> list[NewEvent]:
        """What follows from news that means no, or takes one back: it binds the number, and the customer as a whole."""
        wanted = self._wanted.get(said.message_id)
        if wanted is None:
            return []
        row = await self._obey(wanted, both(said.profile_id, _CHANNEL, wanted.address), said.ts)
        if row is None:
            return []
        about = {name: value for name, value in said.properties.items() if name in _ABOUT}
        properties = {**about, "purpose": Purpose.MARKETING.value, "source": wanted.source}
        return [NewEvent(said.profile_id, f"unsubscribe:{row}", "Unsubscribed", said.ts, properties, said.clamped)]

    async def _obey(self, wanted: "_Wanted", subjects: Sequence[Subject], at: datetime) -> int | None:
        """Write a wish down; returns the id of a no that is news."""
        if wanted.wish is Wish.STOP:
            return await withdraw(self._connection, subjects, source=wanted.source, at=at, received_at=self._now)
        await take_back(self._connection, subjects, source=wanted.source, at=at, received_at=self._now)
        if wanted.address and self._config.secret:
            secrets = self._config.secret, self._config.former_secrets
            await take_back_kept(self._connection, _CHANNEL, suppression_digests(*secrets, _CHANNEL, wanted.address))
        return None

    async def _strangers(self, told: Sequence[ReplyNotice]) -> None:
        """Nobody has this number: the text is kept, and a STOP holds for whoever turns up with the number later."""
        for notice in sorted(told, key=lambda each: each.timestamp):
            self._letters.append(self._letter(notice.model_dump_json(by_alias=True), "no customer has this number"))
            if wanted := self._wish(notice):
                await self._obey(wanted, [Subject(None, _CHANNEL, notice.address)], self._at(notice)[0])

    def _wish(self, notice: ReplyNotice) -> "_Wanted | None":
        wish = wish_of(notice.said, self._config.stop_languages)
        return _Wanted(wish, f"whatsapp: {wish.name}", notice.address) if wish else None

    def _at(self, notice: ReplyNotice | StatusNotice) -> tuple[datetime, bool]:
        return instant(notice.timestamp, self._now)

    def _letter(self, item: str, reason: str) -> DeadLetter:
        return DeadLetter(_SOURCE, self._now, None, reason, item)


class _Wanted(NamedTuple):
    """A wish about our messages: what, how the log names its source, and the number that it comes from, where that is known."""

    wish: Wish
    source: str
    address: str | None


def _id_of(told: Status | ReplyNotice) -> str:
    """The message id of the event that tells it."""
    return f"whatsapp:{told.provider_message_id}:{told.status}" if isinstance(told, Status) else f"whatsapp:{told.id}"


def _status_event(said: Status, to: Delivered, profile_id: UUID) -> NewEvent:
    properties = {"channel": _CHANNEL, **to.properties} | ({} if said.code is None else {"code": said.code})
    return NewEvent(profile_id, _id_of(said), _EVENTS[said.status], said.at, properties, said.clamped)


def _reply_event(
    notice: ReplyNotice, at: tuple[datetime, bool], who: UUID, to: Delivered | None, wanted: _Wanted | None
) -> NewEvent:
    stops = wanted is not None and wanted.wish is Wish.STOP
    properties = {"channel": _CHANNEL, "text": notice.said, "kind": notice.type, "stops": stops}
    about = to.properties if to else {}
    return NewEvent(who, _id_of(notice), "Message Replied", at[0], {**properties, **about}, at[1])


async def _body(request: Request) -> bytes:
    """The raw body, which is what was signed."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LIMIT:
            raise Problem(413, f"a notification has at most {_LIMIT} bytes")
    return bytes(received)


def _signed(body: bytes, signature: str, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(expected.encode(), signature.encode())


def _same(given: str, configured: str) -> bool:
    return bool(configured) and hmac.compare_digest(given.encode(), configured.encode())
