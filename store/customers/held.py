"""All that is held of one customer, by kind, for the customer who asks; and every word about their consent, as a proof.

Promise: reads only, in one snapshot. Addresses and texts stand in full: whoever is answered sees personal data.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.customers.traces import Traces
from store.database import Connection, Database
from store.named import queries

_SQL = queries("held")
_PAGE = 500

#: The kinds of which there are many rows, in the order in which they are told; each has its statement in `held.sql`.
KINDS = (
    *("names", "addresses", "consents", "topics", "events", "segments", "moves", "journeys", "refused_entries", "messages"),
    *("inbox", "passes", "tasks", "service_answers", "experiments", "choices", "counted", "merges", "changes"),
    *("campaigns", "told", "audiences", "foretold", "due"),
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word about consent; `own` where the customer's profile said it, and not somebody else at one of their addresses."""

    id: int
    channel: str
    address: str | None = field(repr=False)
    purpose: str
    state: str
    said_by: str
    source: str
    text_version: str | None
    message_id: str | None
    at: datetime
    received_at: datetime
    own: bool


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds at an address for a purpose, and the word that decides it."""

    channel: str
    address: str = field(repr=False)
    purpose: str
    state: str
    said_by: str | None
    source: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """A customer's consent: what holds as of an instant, and every word from which that follows."""

    customer_id: UUID
    as_of: datetime
    holds: tuple[Holding, ...]
    #: Why addresses are not written to whatever holds: channel, address, scope, reason, since.
    suppressed: tuple[Mapping[str, Any], ...]
    words: tuple[Word, ...]


async def held(
    database: Database, customer: UUID, digests: Callable[[str, str], Sequence[bytes]], at: datetime
) -> dict[str, Any] | None:
    """What is held of a customer, by kind; None where there is none. `digests`: under what (channel, address) is suppressed."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        parts = await _parts(connection, customer)
        if parts is None:
            return None
        told: dict[str, Any] = {"as_of": at, "profile": await connection.fetchval(_SQL["profile"], parts)}
        for kind in KINDS:
            told[kind] = [row[0] for row in await connection.fetch(_SQL[kind], parts)]
        addresses = {(each["channel"], each["address"]) for each in told["addresses"]}
        told["suppressed"] = await _suppressed(connection, addresses, digests)
        subject = await connection.fetchrow(queries("erasure")["subject"], parts)
        told["not_taken_in"] = await _not_taken_in(connection, Traces.of(dict(subject or {})))
        return told


async def proof(
    database: Database, customer: UUID, digests: Callable[[str, str], Sequence[bytes]], at: datetime
) -> Proof | None:
    """The proof of a customer's consent; None where there is no such customer."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        parts = await _parts(connection, customer)
        if parts is None:
            return None
        holds = [Holding(**dict(row)) for row in await connection.fetch(_SQL["holding"], parts)]
        words = [Word(**dict(row)) for row in await connection.fetch(_SQL["words"], parts)]
        suppressed = await _suppressed(connection, {(each.channel, each.address) for each in holds}, digests)
        return Proof(customer, at, tuple(holds), tuple(suppressed), tuple(words))


async def _parts(connection: Connection, customer: UUID) -> list[UUID] | None:
    row = await connection.fetchrow(_SQL["customer"], customer)
    return row["profiles"] if row else None


async def _suppressed(
    connection: Connection, addresses: Iterable[tuple[str, str]], digests: Callable[[str, str], Sequence[bytes]]
) -> list[Mapping[str, Any]]:
    whose = {(channel, digest): address for channel, address in addresses for digest in digests(channel, address)}
    rows = await connection.fetch(_SQL["suppressed"], [digest for _, digest in whose])
    found = [(whose.get((row["channel"], bytes(row["digest"]))), row["told"]) for row in rows]
    return [told | {"address": address} for address, told in found if address is not None]


async def _not_taken_in(connection: Connection, traces: Traces) -> list[Mapping[str, Any]]:
    found, last = list[Mapping[str, Any]](), 0
    while rows := await connection.fetch(_SQL["not_taken_in"], last, _PAGE):
        last = rows[-1]["id"]
        found += [row["told"] for row in rows if traces.are_in_letter(row["message_id"], row["kept"])]
    return found
