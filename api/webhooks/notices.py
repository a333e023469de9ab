"""What a provider tells, taken: statuses and replies become events like any other, a no binds, the ledger knows.

Promise: nothing that was told is lost, and the same news may come in any order and any number of times, from any provider.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from pydantic import BaseModel, Field

from activities.channels.feedback import Notice, Reply, Status, Unreadable
from activities.channels.kinds import Kind
from activities.channels.suppression import suppression_digests
from api.config import ApiConfig
from api.webhooks.bounces import suppress_where_due
from api.webhooks.wishes import Wish, wish_of
from journeys.contracts import Purpose, Reason
from segments.language.events import (
    MESSAGE_CLICKED,
    MESSAGE_CLOSED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELIVERED,
    MESSAGE_FAILED,
    MESSAGE_READ,
    MESSAGE_REPLIED,
    MESSAGE_SENT,
    UNSUBSCRIBED,
)
from store import Connection
from store.customers.consent import Subject, address_written_to, both, take_back, take_back_kept, withdraw
from store.deliveries.feedback import (
    Became,
    Delivered,
    NewEvent,
    advance_deliveries,
    answered,
    first_heard,
    heard_from,
    invalidate_endpoints,
    living,
    match_statuses,
    reached,
    revive_endpoints,
    store_events,
)
from store.deliveries.replies import Unread, heard
from store.ingest.dead_letters import DeadLetter, bury

_ABOUT = ("channel", "journey", "run_id", "step", "occurrence", "template")
_EVENTS = {
    "sent": MESSAGE_SENT,
    "delivered": MESSAGE_DELIVERED,
    "read": MESSAGE_READ,
    "clicked": MESSAGE_CLICKED,
    "closed": MESSAGE_CLOSED,
    "failed": MESSAGE_FAILED,
    "complained": MESSAGE_COMPLAINED,
}
#: What the ledger counts of it.
_BECAME: dict[str, Became] = {"read": "opened", "clicked": "clicked", "failed": "returned", "complained": "complained"}

_log = structlog.get_logger(__name__)


class Taken(BaseModel):
    """How much of a notification was news."""

    taken: int = Field(description="events that were stored; the ledger may have said 'sent' itself", examples=[3])
    dead_letters: int = Field(description="items that could not be used, kept with their reason", examples=[0])


class Notices:
    """One request's news of a channel, taken in one transaction."""

    def __init__(
        self, kind: Kind, config: ApiConfig, connection: Connection, traceparent: str | None, provider: str | None = None
    ) -> None:
        self._kind = kind
        self._channel = kind.name
        self._provider = provider  # that tells it, where it is one
        self._config = config
        self._connection = connection
        self._traceparent = traceparent[:55] if traceparent else None  # the length of version 00
        self._now = config.clock.now()
        self._letters: list[DeadLetter] = []
        self._wanted: dict[str, _Wanted] = {}  # by the message id of the event that says so

    async def take(self, told: Sequence[Notice]) -> Taken:
        """Take all that was told."""
        self._letters += [self._letter(n.item, n.reason) for n in told if isinstance(n, Unreadable)]
        events = await self._statuses([n for n in told if isinstance(n, Status)])
        events += await self._replies([n for n in told if isinstance(n, Reply)])
        new = await self._store(events)
        in_order = sorted(new, key=lambda said: said.ts)
        new += await self._store([event for said in in_order for event in await self._follow(said)])
        await bury(self._connection, self._letters)
        return Taken(taken=len(new), dead_letters=len(self._letters))

    async def _store(self, events: Sequence[NewEvent]) -> list[NewEvent]:
        return await store_events(self._connection, events, source=self._channel, at=self._now, traceparent=self._traceparent)

    async def _statuses(self, told: Sequence[Status]) -> list[NewEvent]:
        if not told:
            return []
        matched = await match_statuses(self._connection, self._channel, told, self._provider)
        if len(matched) < len(told):
            _log.info("statuses of messages that are not ours", count=len(told) - len(matched))
        alive = await living(self._connection, {to.profile_id for _, to in matched})
        await advance_deliveries(self._connection, matched, Reason.REFUSED.value)
        await self._consequences(matched)
        await suppress_where_due(self._config, self._connection, self._kind, matched)
        for said, to in matched:
            if said.wants_out:
                address = await address_written_to(self._connection, to.key)
                why = "complaint" if said.status == "complained" else f"code {said.code}"
                self._wanted[self._id_of(said)] = _Wanted(Wish.STOP, f"{self._channel}: {why}", address)
        return [self._status_event(said, to, alive[to.profile_id]) for said, to in matched if to.profile_id in alive]

    async def _consequences(self, matched: Sequence[tuple[Status, Delivered]]) -> None:
        """An address is dead when a message that reached nobody says so, and alive when another reached it since."""
        alive = await reached(self._connection, {to.key for _, to in matched})
        for code in {said.code for said, _ in matched if said.gone}:
            told = [(to.endpoint_id, said.at) for said, to in matched if said.code == code and to.key not in alive]
            died = [(endpoint_id, at) for endpoint_id, at in told if endpoint_id is not None]
            await invalidate_endpoints(self._connection, died, f"{self._channel} code {code}")
        await revive_endpoints(self._connection, list(alive.values()))

    async def _replies(self, told: Sequence[Reply]) -> list[NewEvent]:
        if not told:
            return []
        senders = await heard_from(self._connection, self._channel, {n.address: n.at for n in told})
        alive = await living(self._connection, {sender.profile_id for sender in senders.values()})
        whose = {address: alive[sender.profile_id] for address, sender in senders.items() if sender.profile_id in alive}
        known = [(whose[n.address], n) for n in told if n.address in whose]
        await self._strangers([n for n in told if n.address not in whose])
        to = await answered(self._connection, self._channel, [(who, n.quoted, n.at) for who, n in known])
        self._wanted |= {self._id_of(n): wanted for _, n in known if (wanted := self._wish(n))}
        if self._kind.shows_read:
            noticed = [Unread(n.id, who, n.at) for (who, n), message in zip(known, to, strict=True) if message]
            await heard(self._connection, self._channel, noticed)
        return [
            self._reply_event(n, who, senders[n.address].endpoint_id, message)
            for (who, n), message in zip(known, to, strict=True)
        ]

    async def _follow(self, said: NewEvent) -> list[NewEvent]:
        """What follows from news that means no, or takes one back: it binds the address, and the customer as a whole."""
        wanted = self._wanted.get(said.message_id)
        if wanted is None:
            return []
        row = await self._obey(wanted, both(said.profile_id, self._channel, wanted.address), said.ts)
        if row is None:
            return []
        about = {name: value for name, value in said.properties.items() if name in _ABOUT}
        properties = {**about, "purpose": Purpose.MARKETING.value, "source": wanted.source}
        return [
            NewEvent(said.profile_id, f"unsubscribe:{row}", UNSUBSCRIBED, said.ts, properties, said.clamped, "unsubscribed")
        ]

    async def _obey(self, wanted: "_Wanted", subjects: Sequence[Subject], at: datetime) -> int | None:
        """Write a wish down; returns the id of a no that is news."""
        if wanted.wish is Wish.STOP:
            return await withdraw(self._connection, subjects, source=wanted.source, at=at, received_at=self._now)
        await take_back(self._connection, subjects, source=wanted.source, at=at, received_at=self._now)
        if wanted.address and self._config.secret:
            digests = suppression_digests(self._config.secret, self._config.former_secrets, self._channel, wanted.address)
            await take_back_kept(self._connection, self._channel, digests, min(at, self._now))
        return None

    async def _strangers(self, told: Sequence[Reply]) -> None:
        """Nobody has this address: the text is kept, and a STOP holds for whoever turns up with the address later.

        What was heard before, from a stranger or from the customer who has been erased since, is no news: a provider may send
        an old START again, and where it says no time that would be a new one.
        """
        what = self._kind.address.split()[-1]
        self._letters += [self._letter(reply.item, f"no customer has this {what}") for reply in told]
        wishes = [(reply, wanted) for reply in told if (wanted := self._wish(reply))]
        news = await first_heard(self._connection, {self._id_of(reply) for reply, _ in wishes}, self._now)
        for reply, wanted in sorted(wishes, key=lambda each: each[0].at):
            if (id_ := self._id_of(reply)) in news:
                news.discard(id_)
                await self._obey(wanted, [Subject(None, self._channel, reply.address)], reply.at)

    def _wish(self, reply: Reply) -> "_Wanted | None":
        wish = Wish(reply.means) if reply.means else wish_of(reply.text, self._config.stop_languages)
        return _Wanted(wish, f"{self._channel}: {wish.name}", reply.address) if wish else None

    def _letter(self, item: str, reason: str) -> DeadLetter:
        return DeadLetter(self._channel, self._now, None, reason, item)

    def _id_of(self, told: Status | Reply) -> str:
        """The message id of the event that tells it."""
        if isinstance(told, Reply):
            return f"{self._channel}:{told.id}"
        which = f":{told.which}" if told.which else ""
        return f"{self._channel}:{told.provider_message_id}:{told.status}{which}"

    def _status_event(self, said: Status, to: Delivered, who: UUID) -> NewEvent:
        bounce = "hard" if said.gone else "soft" if said.soft else None
        more = {"code": said.code, "bounce": bounce, "machine": said.machine, "link": said.link}
        told = {name: value for name, value in more.items() if value is not None}
        properties = {"channel": self._channel, **to.properties, **told}
        became, id_ = _BECAME.get(said.status), self._id_of(said)
        if said.status == "sent":  # the ledger says it itself, under this id (migration 0045): once per message
            id_ = f"{self._channel}:{to.key.run_id}/{to.key.step}/{to.key.occurrence}:sent"
        return NewEvent(who, id_, _EVENTS[said.status], said.at, properties, said.clamped, became)

    def _reply_event(self, reply: Reply, who: UUID, endpoint_id: UUID, to: Delivered | None) -> NewEvent:
        wanted = self._wanted.get(self._id_of(reply))
        stops = wanted is not None and wanted.wish is Wish.STOP
        properties = {"channel": self._channel, "text": reply.text, "kind": reply.kind, "stops": stops}
        properties["endpoint_id"] = str(endpoint_id)
        properties |= {"choice": reply.choice} if reply.choice else {}
        properties |= {"form": reply.form} if reply.form else {}
        about, at = (to.properties, to.after(reply.at)) if to else ({}, reply.at)
        return NewEvent(who, self._id_of(reply), MESSAGE_REPLIED, at, {**properties, **about}, reply.clamped, "replied")


class _Wanted(NamedTuple):
    """A wish about our messages: what, how the log names its source, and the address that it comes from, where known."""

    wish: Wish
    source: str
    address: str | None
