"""A shop of plain rows: customers, what went out to them, what they ordered. Written straight into the tables, in any order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from store import Database
from store.customers.merge import merge

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
CHANNELS = ("email", "push", "whatsapp", "sms")


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


@dataclass
class RandomTrade(Trade):
    """Orders that are told again, refunded, shared by customers, and messages of every state."""

    def happen(self, people: int) -> None:
        random = self.random
        for n in range(people):
            who = self.customer()
            for _ in range(random.randrange(12)):
                self._message(who)
            ids: list[Any] = [f"o{n}-{each}" for each in range(3)] + [n, str(n), f"shared{n // 4}", "", None, True]
            for _ in range(random.randrange(8)):
                self._order(who, random.choice(ids[: random.choice([3, 9])]))

    def instant(self) -> datetime:
        """Coarse, so that much is at the same instant."""
        return START + timedelta(hours=6 * self.random.randrange(4 * 40))

    def _message(self, who: UUID) -> None:
        random, at = self.random, self.instant()
        told: dict[str, Any] = {
            "state": random.choice(["sent"] * 6 + ["failed", "skipped", "withheld", "unconfirmed"]),
            "journey": random.choice(["carts", "winback"]),
            "template": random.choice(["note", "hello"]),
            "purpose": random.choice(["marketing"] * 4 + ["transactional"]),
        }
        if random.random() < 0.5:
            told["opened_human_at"] = at + random.choice([timedelta(), DAY, 3 * DAY])
        if random.random() < 0.3:
            told["clicked_human_at"] = at + random.choice([timedelta(), DAY, 3 * DAY])
        self.gets(who, random.choice(CHANNELS), at, **told)

    def _order(self, who: UUID, id_: Any) -> None:
        random = self.random
        kind = random.choice(["Order Completed"] * 4 + ["Order Refunded", "Order Refunded", "Order Cancelled"])
        said: dict[str, Any] = {} if id_ is None else {"order_id": id_}
        amount = random.choice([0, 10, "12.50", 99.99, 1000, "much", None, True, -5, " 7.1 ", "1e2", "NaN", "Infinity", [3]])
        said |= {random.choice(["revenue", "total"]): amount, "currency": random.choice(["EUR", "eur", "USD", None, ""])}
        if random.random() < 0.3:
            said["revenue"] = random.choice([33.333333, "5", "nothing"])
        self.does(who, kind, self.instant(), **said)


async def raw(database: Database) -> duckdb.DuckDBPyConnection:
    """The rows of events, messages and profiles in DuckDB, and nothing else of ours."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    columns = {
        "event": "profile_id::text, ts, type, message_id, source, properties::text as properties, context::text as context",
        "delivery": "run_id::text, step, occurrence, profile_id::text, journey, channel, purpose, template, state, claimed_at,"
        " opened_human_at, clicked_human_at, cost, currency",
        "profile": "id::text, merged_into::text",
    }
    for table, names in columns.items():
        rows = await database.pool.fetch(f"select {names} from {table}")
        assert rows != []
        whole = pa.table({name: pa.array([row[name] for row in rows]) for name in rows[0].keys()})  # noqa: SIM118 - a record
        duck.register("whole", whole)
        duck.execute(f"create table {table} as select * from whole")
        duck.unregister("whole")
    return duck
