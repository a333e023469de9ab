"""Messages in doubt, for operators: listed with their reason, settled by what somebody found out, or repeated on purpose.

Promise: what a provider says meanwhile stands; a word and the row that it settles are one statement; a repetition is a row
here before anything is sent, and its attempt has a number, so that it is tried once. Nothing here is personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from store.audit import note
from store.database import Connection, Database, Pool
from store.deliveries.ledger import MessageKey
from store.named import queries

_SQL = queries("doubts")

#: What an operator can say of a message.
Word = Literal["sent", "failed"]
#: Where a run has done all its steps, a message of it may be repeated; what ended it before that ends its messages, too.
FINISHED = "finished"
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Which:
    """Messages in doubt: all that these allow, or the one of a key; since and until are of when it was last handed over."""

    provider: str | None = None
    channel: str | None = None
    journey: str | None = None
    run_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    message: MessageKey | None = None

    @property
    def args(self) -> tuple[object, ...]:
        """The first arguments of each statement."""
        key = self.message
        run, step, occurrence = (key.run_id, key.step, key.occurrence) if key else (self.run_id, None, None)
        return self.provider, self.channel, self.journey, run, step, occurrence, self.since, self.until

    @property
    def named(self) -> str:
        """What they are called: the key of one message, else the journey of which they are, else nothing."""
        key = self.message
        return f"{key.run_id}/{key.step}/{key.occurrence}" if key else self.journey or ""

    @property
    def told(self) -> dict[str, str | None]:
        """The rest of the choice, for those who look at it later."""
        told = {name: getattr(self, name) for name in ("provider", "channel", "run_id", "since", "until")}
        return {name: None if value is None else str(value) for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message that a provider may have, and nobody knows."""

    run_id: UUID
    step: str
    occurrence: int
    journey: str
    channel: str
    purpose: str
    template: str
    provider: str | None
    state: str
    attempts: int
    copies: int
    reason: str
    since: datetime
    retry_at: datetime | None
    run_over: str | None
    repeat_asked_at: datetime | None = None
    repeat_by: str | None = None
    repeat_refused: str | None = None
    repeat_after: int | None = None  # the attempt that it was to follow

    @property
    def key(self) -> str:
        """The message's idempotency key."""
        return f"{self.run_id}/{self.step}/{self.occurrence}"

    @property
    def not_repeatable(self) -> str | None:
        """Why it is not repeated, in a sentence; None where it may be."""
        if self.state == "claimed":
            return f"it is tried again by itself at {self.retry_at:%Y-%m-%d %H:%M:%S} UTC" if self.retry_at else None
        if self.run_over not in (None, FINISHED):
            return f"its run is over ({self.run_over}), and what ended that ended its messages, too"
        if self.repeat_asked_at is not None and self.repeat_refused is None and self.repeat_after == self.attempts:
            return f"{self.repeat_by} asked for that at {self.repeat_asked_at:%Y-%m-%d %H:%M:%S} UTC, and it is under way"
        return None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many messages in doubt there are, and how many of them may be repeated."""

    messages: int
    repeatable: int


@dataclass(frozen=True, slots=True)
class Said:
    """What an operator said of a message, and of a repetition why nothing was sent, if nothing was."""

    id: int
    run_id: UUID
    step: str
    occurrence: int
    said: str
    at: datetime
    by: str
    begun_at: datetime | None
    refused: str | None

    @property
    def key(self) -> str:
        """The message's idempotency key."""
        return f"{self.run_id}/{self.step}/{self.occurrence}"


@dataclass(frozen=True, slots=True)
class ToRepeat:
    """A repetition that is to begin: after the message's attempt of this number; `message` where it is a campaign's."""

    id: int
    run_id: UUID
    step: str
    occurrence: int
    attempt: int
    workflow_id: str
    journey: str
    entered_at: datetime
    version: str | None
    message: dict[str, Any] | None

    @property
    def key(self) -> MessageKey:
        """The message's idempotency key."""
        return MessageKey(self.run_id, self.step, self.occurrence)


async def page(
    database: Database, which: Which, *, before: tuple[datetime, MessageKey] | None = None, limit: int
) -> list[Doubt]:
    """Messages in doubt, those handed over last first, from a place in that order on."""
    place = (before[0], before[1].run_id, before[1].step, before[1].occurrence) if before else (None,) * 4
    return [Doubt(**row) for row in await database.pool.fetch(_SQL["page"], *which.args, *place, limit)]


async def count(database: Database, which: Which) -> Counted:
    """How many they are."""
    (row,) = await database.pool.fetch(_SQL["count"], *which.args)
    return Counted(**row)


async def settle(
    database: Database, which: Which, word: Word, at: datetime, by: str, *, id_: str | None = None, most: int = _ALL
) -> int:
    """Write what became of them, with the provider's id of the message where it is known; returns of how many."""
    told = word, at, id_, by, most
    async with database.transaction() as connection:
        found: int = await connection.fetchval(_SQL["settle"], *which.args, *told)
        if found:
            await note(connection, "settle", "messages", which.named, became={"outcome": word, "messages": found, **which.told})
    return found


async def repeat(database: Database, which: Which, at: datetime, by: str, *, most: int = _ALL) -> int:
    """Ask that they be sent once more, if they may be; returns how many will be tried."""
    async with database.transaction() as connection:
        found: int = await connection.fetchval(_SQL["repeat"], *which.args, at, by, most)
        if found:
            await note(connection, "repeat", "messages", which.named, became={"messages": found, **which.told})
    return found


async def settled_as(database: Database, key: MessageKey) -> str | None:
    """How a message that is not in doubt stands, in a sentence; None where there is no such message."""
    row = await database.pool.fetchrow(_SQL["state_of"], key.run_id, key.step, key.occurrence)
    if row is None:
        return None
    if row["state"] == "claimed":
        return "a worker has it in hand, and is about to say what became of it"
    return f"it is in doubt no more: {row['state']}" + (f", {row['reason']}" if row["reason"] else "")


async def said(database: Database, *, before: int | None = None, limit: int) -> list[Said]:
    """What operators said, newest first."""
    return [Said(**row) for row in await database.pool.fetch(_SQL["said"], before, limit)]


async def to_repeat(database: Database, limit: int) -> Sequence[ToRepeat]:
    """Repetitions that Temporal does not know of yet."""
    return [ToRepeat(**row) for row in await database.pool.fetch(_SQL["to_repeat"], limit)]


async def begun(database: Database, id_: int, at: datetime) -> None:
    """Temporal has a repetition."""
    await database.pool.execute(_SQL["begun"], id_, at)


async def refused(connection: "Connection | Pool", key: MessageKey, attempt: int, why: str) -> None:
    """Nothing was sent for the repetition after an attempt, and why."""
    await connection.execute(_SQL["refused"], key.run_id, key.step, key.occurrence, attempt, why)
