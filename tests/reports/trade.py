"""A shop of plain rows: customers, what went out to them, what they ordered. Written straight into the tables, in any order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from store import Database
from store.customers.merge import merge

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Trade:
    """What is written at the end, by `write`."""

    database: Database
    random: Random = field(default_factory=lambda: Random(1))
    profiles: list[UUID] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    messages: list[tuple[Any, ...]] = field(default_factory=list)

    def customer(self) -> UUID:
        self.profiles.append(UUID(int=len(self.profiles) + 1))
        return self.profiles[-1]

    def does(self, who: UUID, type_: str, at: datetime, *, campaign: str | None = None, **said: Any) -> None:
        context = {} if campaign is None else {"campaign": {"source": campaign}}
        self.events.append((who, at, type_, f"m{len(self.events)}", said, context))

    def orders(self, who: UUID, at: datetime, **said: Any) -> None:
        self.does(who, "Order Completed", at, **said)

    def gets(self, who: UUID, channel: str, at: datetime, *, run: UUID | None = None, **told: Any) -> UUID:
        """A message went out, unless it is told otherwise; in a run of its own, unless in this one. Returns the run."""
        known = {
            "state": "sent",
            "journey": "carts",
            "step": f"{channel}:note",
            "template": "note",
            "purpose": "marketing",
        } | told
        if run is None:
            run = UUID(int=1_000_000 + len(self.runs))
            self.runs.append((run, known["journey"], who, at))
        last = (known.get("opened_human_at"), known.get("clicked_human_at"), known.get("cost"), known.get("currency"))
        row = (run, known["step"], len(self.messages) + 1, who, known["journey"], channel, known["purpose"], known["template"])
        self.messages.append((*row, known["state"], at, at, *last))
        return run

    async def write(self) -> None:
        self.random.shuffle(self.events)
        self.random.shuffle(self.messages)
        async with self.database.transaction() as connection:
            await connection.executemany(
                "insert into profile (id, created_at, updated_at) values ($1, $2, $2)",
                [(each, START) for each in self.profiles],
            )
            await connection.executemany(
                "insert into event (profile_id, ts, type, kind, message_id, properties, context, source,"
                " received_at)"
                " values ($1, $2, $3, 'track', $4, $5, $6, 'shop', $2)",
                self.events,
            )
            await connection.executemany(
                "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version,"
                " ended_at, outcome) values ($1::uuid, $2, $3, 'segment', 'all', $4, $1::text, $4, 'v1', $4, 'finished')",
                self.runs,
            )
            await connection.executemany(
                "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
                " due_at, claimed_at, opened_human_at, clicked_human_at, cost, currency)"
                " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                self.messages,
            )

    async def merged(self, survivor: UUID, absorbed: UUID) -> None:
        async with self.database.transaction() as connection:
            await merge(connection, survivor, absorbed, START)
