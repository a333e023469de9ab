"""The delivery ledger: facts for the gate, the claim under the message's idempotency key, and its settlement."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database, columns
from store.locks import Lock
from store.named import queries

_SQL = queries("deliveries")
_LOCKS = re.compile(r"for update of \w+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to which a message may go: alive, not replaced by a newer one, and with consent where it needs that.

    Where a channel has no addresses, the customer's id is theirs, and it has none of its own.
    """

    id: UUID | None
    address: str
    platform: str | None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the gate needs to know of a run and its customer."""

    profile_id: UUID
    drawn_as: UUID
    entered_at: datetime
    in_since: datetime
    exit_reason: str | None
    ended_at: datetime | None
    holdout: bool
    params: dict[str, Any]
    entry: dict[str, Any]
    traceparent: str | None
    traits: dict[str, Any]
    asked: int
    consent: str | None
    endpoints: tuple[Endpoint, ...]
    device_zone: str | None = None
    device_locale: str | None = None
    phone: str | None = None
    outcome: str | None = None
    held_by: tuple[str, ...] = ()  # the journeys of the customer's other runs that want to speak alone
    control: str = "live"
    others: tuple[str, ...] = ()  # the journeys of the customer's other open runs
    waking: tuple[str, ...] = ()  # of those that were to begin just now, and have asked for nothing yet
    fetched: dict[str, Any] = field(default_factory=dict)
    segment: str | None = None  # by which they entered
    foretold: Mapping[str, float] = field(default_factory=dict)  # the predictions that let them in, with the share left alone
    user_id: str | None = field(default=None, repr=False)  # by which the company knows them: the first of several

    @property
    def over(self) -> bool:
        """Whether the run has ended, or has been told to."""
        return self.exit_reason is not None or self.ended_at is not None


_LISTS = ("held_by", "others", "waking")
_NEIGHBOUR = "counted_at", "channel", "purpose", "coming", "priority", "journey"


@dataclass(frozen=True, slots=True)
class MessageKey:
    """The idempotency key of a message."""

    run_id: UUID
    step: str
    occurrence: int

    @classmethod
    def parse(cls, text: str) -> "MessageKey":
        """From run / step / occurrence, as a request has it (`DeliverRequest.key`).

        Raises:
            ValueError: it is none of ours.
        """
        run_id, _, rest = text.partition("/")
        step, _, occurrence = rest.rpartition("/")
        return cls(UUID(run_id), step, int(occurrence))


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What is known of a message already."""

    state: str
    reason: str | None
    attempts: int
    copies: int
    retry_at: datetime | None
    detail: dict[str, Any] = field(default_factory=dict)
    first_at: datetime | None = None  # when it was first claimed
    provider: str | None = None  # of a claim: who may have it
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to write: a claim, or an answer that needs none."""

    key: MessageKey
    profile_id: UUID
    journey: str
    channel: str
    purpose: str
    template: str
    due_at: datetime
    state: str
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    endpoint_id: UUID | None = None
    provider: str | None = None
    retry_at: datetime | None = None
    claimed_at: datetime | None = None
    settled_at: datetime | None = None
    attempts: int = 0
    priority: int = 0
    budget_since: datetime | None = None  # the period of its journey's budget that a claim counts in
    price: int = 0  # in millionths
    #: What the gate was asked and said this time.
    gate: dict[str, Any] = field(default_factory=dict)


#: What of an entry stands in its row, after its key.
_RECORDED = (
    *("profile_id", "journey", "channel", "purpose", "template", "due_at", "state", "reason", "detail", "endpoint_id"),
    *("provider", "retry_at", "claimed_at", "settled_at", "attempts", "priority", "budget_since", "price", "gate"),
)


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A message in the inbox: what it shows, until when, and which predicates, as JSON, take it away once they come true."""

    id: UUID
    content: dict[str, Any]
    expires_at: datetime
    ends: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed message."""

    state: str
    at: datetime
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    provider_message_id: str | None = None
    retry_at: datetime | None = None
    endpoint_id: UUID | None = None
    refused: bool = False  # this copy was certainly not accepted
    provider: str | None = None  # which of several accepted it
    cost: int | None = None  # what this copy costs by the declared price, in millionths of the currency
    currency: str | None = None
    inbox: "InboxRow | None" = None  # what the customer's inbox in the app shows of it from now on


@dataclass(frozen=True, slots=True)
class Claimed:
    """How often a message has been claimed, and how many copies of it the provider may have accepted by now."""

    attempts: int = 0
    copies: int = 0


async def facts(
    connection: Connection,
    run_id: UUID,
    channel: str,
    purpose: str,
    begun: tuple[datetime, datetime],
    *,
    without_address: bool = False,
) -> RunFacts | None:
    """What the gate needs, with the run locked until the transaction ends; None for a run that is not there.

    `begun` is when others were to begin that may be about to ask for their first message. On a channel `without_address`
    consent is the customer's word as a whole.
    """
    asking = [(run_id, *begun)]
    return (await facts_of(connection, asking, channel, purpose, without_address=without_address)).get(run_id)


async def facts_of(
    connection: Connection,
    asking: Sequence[tuple[UUID, datetime, datetime]],
    channel: str,
    purpose: str,
    *,
    without_address: bool = False,
    wait: bool = True,
) -> dict[UUID, RunFacts]:
    """The same of many runs, by id, each with when others were to begin. Without `wait` of those that nobody else locks."""
    runs, since, until = columns(asking, 3)
    asked = Lock.SWITCH, runs, channel, purpose, since, until, without_address
    found = await connection.fetch(_locking("run_facts", wait=wait), *asked)
    return {row["run_id"]: _facts(dict(row)) for row in found}


def _facts(row: dict[str, Any]) -> RunFacts:
    del row["run_id"]
    endpoints = tuple(Endpoint(UUID(e["id"]), e["address"], e["platform"]) for e in row["endpoints"])
    return RunFacts(**{**row, "endpoints": endpoints, **{name: tuple(row[name]) for name in _LISTS}})


async def ledger_row(connection: Connection, key: MessageKey) -> tuple[str, LedgerRow | None]:
    """How the operator's switches stand for a message's run, after `facts`, and what is known of the message already."""
    return (await ledger_rows(connection, [key]))[key.run_id]


async def ledger_rows(
    connection: Connection, keys: Sequence[MessageKey], *, wait: bool = True
) -> dict[UUID, tuple[str, LedgerRow | None]]:
    """The same of many messages of different runs, by run. Without `wait` those are missing that somebody else has locked."""
    asked = columns([(key.run_id, key.step, key.occurrence) for key in keys], 3)
    found: dict[UUID, tuple[str, LedgerRow | None]] = {}
    for run_id, there, control, *known in await connection.fetch(_locking("ledger_rows", wait=wait), *asked):
        if known[0] is not None or not there:
            found[run_id] = control, LedgerRow(*known) if known[0] is not None else None
    return found


def _locking(name: str, *, wait: bool) -> str:
    """A statement that waits for the rows that it locks, or passes over those that somebody else has locked."""
    return _SQL[name] if wait else _LOCKS.sub(r"\g<0> skip locked", _SQL[name])


async def told_to_end(database: Database, run_id: UUID) -> str | None:
    """Why a run is over by now; None while it is not."""
    found: str | None = await database.pool.fetchval(_SQL["told_to_end"], run_id)
    return found


async def suppressed(connection: Connection, channel: str, digests: Sequence[bytes], purpose: str, at: datetime) -> set[bytes]:
    """Which of these addresses must not be written to at an instant."""
    found = await suppressed_at(connection, channel, purpose, [(digest, at) for digest in digests])
    return {digest for digest, _ in found}


async def suppressed_at(
    connection: Connection, channel: str, purpose: str, asking: Sequence[tuple[bytes, datetime]]
) -> set[tuple[bytes, datetime]]:
    """The same, each with an instant of its own."""
    if not asking:
        return set()
    digests, instants = columns(asking, 2)
    rows = await connection.fetch(_SQL["suppressed"], channel, digests, purpose, instants)
    return {(bytes(row["digest"]), row["at"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another message of the customer: one that counts, or one that is `coming`, then or as soon as it can."""

    at: datetime
    channel: str
    purpose: str
    coming: bool
    priority: int
    journey: str


@dataclass(frozen=True, slots=True)
class AskingPast:
    """Whose messages are asked for, claimed after an instant, by which message; and those expected after another instant.

    The copy of the asking message that went at `copy_at` is none of its neighbours.
    """

    profile_id: UUID
    since: datetime
    key: MessageKey
    expected: datetime
    copy_at: datetime | None = None


async def free_customers(connection: Connection, profile_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these customers nobody else claims a marketing message of; they are locked as by `past_under_lock`."""
    rows = await connection.fetch(_SQL["free_customers"], Lock.CUSTOMER, profile_ids)
    return {row["customer"] for row in rows}


async def past_under_lock(connection: Connection, asking: Sequence[AskingPast]) -> dict[UUID, list[Neighbour]]:
    """By asking run: the customer's messages that were claimed, with those withheld from this run; and those that are coming.

    Until the transaction ends, no other delivery of these customers gets an answer: what is claimed on it stays true.
    """
    given = [(each.profile_id, each.since, each.key.run_id, each.expected) for each in asking]
    found: dict[UUID, list[Neighbour]] = {each.key.run_id: [] for each in asking}
    own = {each.key.run_id: each for each in asking}
    for row in await connection.fetch(_SQL["past"], Lock.CUSTOMER, *columns(given, 4)):
        mine = own[row["asking"]]
        if (row["run_id"], row["step"]) != (mine.key.run_id, mine.key.step) or not (
            row["coming"] or row["counted_at"] == mine.copy_at
        ):
            found[row["asking"]].append(Neighbour(*(row[name] for name in _NEIGHBOUR)))
    return found


async def wrote_from(connection: Connection, profile_id: UUID, channel: str, since: datetime, replied: str) -> set[UUID | None]:
    """From which addresses a customer wrote to us after an instant, None: it is not told; `replied` is the event's type."""
    rows = await connection.fetch(_SQL["wrote_from"], profile_id, channel, since, replied)
    return {row["endpoint_id"] for row in rows}


async def record(connection: Connection, entry: Entry) -> Claimed:
    """Write a message's row and return how often it was claimed; one that is final already stays as it is."""
    return (await record_all(connection, [entry]))[0]


async def record_all(connection: Connection, entries: Sequence[Entry]) -> list[Claimed]:
    """The same of many messages, in their order."""
    given = [(*_key(each.key), *(getattr(each, name) for name in _RECORDED)) for each in entries]
    rows = await connection.fetch(_SQL["record"], *columns(given, len(_RECORDED) + 3))
    found = {MessageKey(*row[:3]): Claimed(*row[3:]) for row in map(tuple, rows)}
    return [found.get(each.key, Claimed()) for each in entries]


async def settle(database: Database, key: MessageKey, settlement: Settlement, attempt: int) -> None:
    """Write what became of a claimed message, as the attempt with this number saw it."""
    if settlement.inbox is not None:
        await _settle_in_inbox(database, key, settlement, settlement.inbox, attempt)
    else:
        await settle_all(database, [(key, settlement, attempt)])


async def settle_all(
    database: Database, settlements: Sequence[tuple[MessageKey, Settlement, int]], *, wait: bool = True
) -> set[MessageKey]:
    """The same of many messages that no inbox shows; returns which there are, without `wait` that nobody else has locked."""
    given = [(*_key(key), *_settled(said, attempt)) for key, said, attempt in settlements]
    rows = await database.pool.fetch(_locking("settle", wait=wait), *columns(given, len(given[0])))
    return {MessageKey(*row) for row in map(tuple, rows)}


def _key(key: MessageKey) -> tuple[UUID, str, int]:
    return key.run_id, key.step, key.occurrence


def _settled(said: Settlement, attempt: int) -> tuple[Any, ...]:
    what = said.state, said.reason, said.detail, said.provider_message_id, said.retry_at, said.at, said.endpoint_id
    return *what, attempt, said.refused, said.provider, said.cost, said.currency


async def _settle_in_inbox(database: Database, key: MessageKey, settlement: Settlement, row: InboxRow, attempt: int) -> None:
    """The same of a message that is delivered by being settled."""
    await database.pool.execute(
        _SQL["settle_in_inbox"],
        key.run_id,
        key.step,
        key.occurrence,
        settlement.detail,
        settlement.provider_message_id,
        settlement.at,
        attempt,
        row.id,
        row.content,
        row.ends,
        row.expires_at,
    )


async def invalidate_endpoint(
    database: Database, endpoint_id: UUID, at: datetime, reason: str, since: datetime | None = None
) -> None:
    """The provider says that this address is dead; since then, where it says so: one that was heard of later is not."""
    await database.pool.execute(_SQL["invalidate_endpoint"], endpoint_id, at, reason, since)


async def suppress(database: Database, channel: str, digest: bytes, scope: str, reason: str, at: datetime) -> None:
    """Never write to this address again, for marketing or for all."""
    await database.pool.execute(_SQL["suppress"], channel, digest, scope, reason, at)
