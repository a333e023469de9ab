"""A random ledger, written as the house writes it, and its sums in plain Python: from rows and events, knowing none of ours."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from store import Connection, Database
from store.customers.merge import merge
from store.deliveries import feedback, ledger
from store.deliveries.feedback import Delivered, NewEvent, Status
from store.deliveries.ledger import Entry, MessageKey, Settlement
from store.runs import exposures

START = datetime(2026, 3, 2, 20, tzinfo=UTC)
JOURNEYS, CHANNELS = ("carts", "winback"), ("push", "email", "whatsapp")
NEWS = {"read": "Message Read", "clicked": "Message Clicked", "complained": "Message Complained", "failed": "Message Failed"}

#: day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason
Key = tuple[date, str, str, str, str, str, str, str, str, str, str]
Sums = dict[Key, tuple[int, Decimal]]


@dataclass
class RandomLedger:
    """Messages to a few customers, whose news come in any order."""

    database: Database
    random: Random
    runs: list[tuple[UUID, UUID, str]] = field(default_factory=list)
    steps: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def instant(self) -> datetime:
        return START + timedelta(minutes=self.random.randrange(60 * 96), microseconds=self.random.randrange(1_000))

    async def customers(self, count: int) -> None:
        for n in range(count):
            journey, profile, run = self.random.choice(JOURNEYS), UUID(int=n + 1), UUID(int=10_000 + n)
            await self.database.pool.execute(
                "insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, START
            )
            await self.database.pool.execute(
                "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version)"
                " values ($1::uuid, $2, $3, 'segment', $4, $5, $1::text, $5, $6)",
                run, journey, profile, self.random.choice(["carts", "vips"]), START, self.random.choice(["v1", "v2"]),
            )  # fmt: skip
            self.runs.append((run, profile, journey))
            if self.random.random() < 0.7:
                arm = self.random.choice(["withheld", "written to"])
                async with self.database.transaction() as connection:
                    await exposures.holdout_asked(connection, run, f"$holdout/{journey}", arm, 0.5, self.instant())
                    if self.random.random() < 0.3:
                        await exposures.holdout_asked(connection, run, "$holdout", "written to", 0.95, self.instant())

    def messages(self, count: int) -> None:
        """Each message's own steps stay in their order; those of different messages do not."""
        lives = [list(self._life(n)) for n in range(count)]
        while lives:
            life = self.random.choice(lives)
            self.steps.append(life.pop(0))
            lives = [each for each in lives if each]

    def _life(self, n: int) -> Iterator[Callable[[], Awaitable[None]]]:
        run, profile, journey = self.random.choice(self.runs)
        channel, random = self.random.choice(CHANNELS), self.random
        due = self.instant()
        key = MessageKey(run, f"{channel}:note", n + 1)

        def entry(state: str, **known: Any) -> Callable[[], Awaitable[None]]:
            made = Entry(
                key=key, profile_id=profile, journey=journey, channel=channel, purpose="marketing", template="note",
                due_at=due, state=state, provider=random.choice(["one", "other"]), **known,
            )  # fmt: skip
            return lambda: self._record(made)

        for _ in range(random.randrange(3)):
            yield entry("deferred", reason="quiet hours", retry_at=due + timedelta(hours=8), settled_at=due)
        if random.random() < 0.3:
            state, reason = random.choice(
                [("skipped", "goal reached"), ("skipped", "no consent"), ("withheld", "holdout"), ("failed", "useless")]
            )
            yield entry(state, reason=reason, settled_at=due + timedelta(minutes=random.randrange(900)))
            return
        claimed = due + timedelta(minutes=random.randrange(900))
        yield entry("claimed", claimed_at=claimed, attempts=1)
        state = random.choice(["sent", "sent", "sent", "sent", "failed", "unconfirmed"])
        money = {"cost": random.randrange(100_000), "currency": "EUR"} if random.random() < 0.6 else {}
        settled = Settlement(state, claimed + timedelta(seconds=2), provider_message_id=f"m{n}", **money)  # type: ignore[arg-type]
        if state != "sent":
            settled = Settlement(state, claimed, "refused by the provider", provider_message_id=f"m{n}")
        yield lambda: ledger.settle(self.database, key, settled, 1)
        if state != "failed":
            news = [self._news(key, journey, channel, profile, claimed, n) for _ in range(random.randrange(5))]
            yield from news

    async def _record(self, entry: Entry) -> None:
        async with self.database.transaction() as connection:
            await ledger.record(connection, entry)

    def _news(
        self, key: MessageKey, journey: str, channel: str, profile: UUID, sent: datetime, n: int
    ) -> Callable[[], Awaitable[None]]:
        kind = self.random.choice(["delivered", "read", "read", "clicked", "failed", "complained", "replied", "unsubscribed"])
        at = sent + timedelta(minutes=self.random.randrange(60 * 40))
        machine = self.random.choice([True, False, None])
        bounce = self.random.choice(["hard", "soft", None])
        which = f"{kind}:{n}:{self.random.randrange(3)}"  # some news come twice
        to = Delivered(key, journey, "note", "marketing", profile)

        back = kind == "clicked" and bool(machine) and self.random.random() < 0.5
        about: dict[str, Any] = {"which": which, "machine": machine, "bounce": bounce, "looks_back": back}

        async def tell() -> None:
            async with self.database.transaction() as connection:
                await hear(connection, to, channel, kind, at, **about)

        return tell

    async def merges(self, survivor: int, absorbed: int) -> None:
        async with self.database.transaction() as connection:
            await merge(connection, self.runs[survivor][1], self.runs[absorbed][1], START)


async def hear(
    connection: Connection,
    to: Delivered,
    channel: str,
    kind: str,
    at: datetime,
    *,
    which: str,
    machine: bool | None = None,
    bounce: str | None = None,
    looks_back: bool = False,
) -> None:
    """What became of a message, as webhooks store it; who `looks_back` sees that clicks of before were a machine's, too."""
    if kind in ("delivered", *NEWS):
        said = Status("", to.key, kind, at, soft=bounce == "soft", machine=machine)
        await feedback.advance_deliveries(connection, [(said, to)], "refused by the provider")
    type_ = {**NEWS, "replied": "Message Replied", "unsubscribed": "Unsubscribed"}.get(kind, "Message Delivered")
    more: dict[str, Any] = {"machine": machine} if kind in ("read", "clicked") and machine is not None else {}
    more |= {"bounce": bounce} if kind == "failed" and bounce else {}
    alive = (await feedback.living(connection, [to.profile_id]))[to.profile_id]
    became = {"read": "opened", "failed": "returned", "delivered": None}.get(kind, kind)
    event = NewEvent(alive, which, type_, at, {"channel": channel, **to.properties, **more}, became=became)  # type: ignore[arg-type]
    await feedback.store_events(connection, [event], source=channel, at=at)
    if looks_back:
        await feedback.called_machines(connection, to.key, at - timedelta(minutes=300), at)


async def summed(database: Database) -> Sums:
    """The sums of messages that there are."""
    rows = await database.pool.fetch(
        "select day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y"
        " from daily_sum where step <> ''"
    )
    return {tuple(row)[:11]: (row["n"], row["y"]) for row in rows}


async def counted(database: Database) -> Sums:
    """The same from the ledger's rows and from what events say, by hand."""
    heard: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
    for event in await database.pool.fetch("select type, ts, properties from event"):
        said = event["properties"]
        if "occurrence" in said:
            heard[said["run_id"], said["step"], said["occurrence"]].append(event)
    n, y = Counter[Key](), defaultdict[Key, Decimal](Decimal)
    rows = await database.pool.fetch(
        "select d.*, r.version as run_version, r.segment as run_segment from delivery d join run r on r.id = d.run_id"
    )
    for row in rows:
        news = heard[str(row["run_id"]), row["step"], row["occurrence"]]
        for metric, reason, at, money in _facts(row, news):
            took = row["state"] in ("sent", "failed", "unconfirmed")
            about = (row["journey"], row["run_version"], row["step"], row["channel"])
            about += (row["provider"] if took else "", row["run_segment"])
            for experiment, arm in [("", ""), *row["arms"].items()]:
                key = (at.astimezone(UTC).date(), *about, experiment, arm, metric, reason)
                n[key] += 1
                y[key] += money
    return {key: (count, y[key]) for key, count in n.items()}


def _facts(row: Any, news: list[Any]) -> Iterator[tuple[str, str, datetime, int]]:
    failed = [event for event in news if event["type"] == "Message Failed"]
    sent = row["state"] == "sent" or bool(failed)
    yield "due", "", row["due_at"], 0
    if sent:
        at = row["claimed_at"] or row["settled_at"]
        yield "sent", "", at, 0
        if row["raced"]:
            yield "raced", "", at, 0
    elif row["state"] in ("skipped", "withheld", "failed", "unconfirmed"):
        at = row["settled_at"]
        yield row["state"], row["reason"], at, 0
    if row["delivered_at"] is not None:
        yield "delivered", "", row["delivered_at"], 0
    elif failed:
        kinds = {event["properties"].get("bounce") for event in failed}
        how = "hard" if "hard" in kinds else "soft" if "soft" in kinds else ""
        yield "bounced", how, min(event["ts"] for event in failed), 0
    firsts: dict[tuple[str, str], datetime] = {}
    for event in news:
        named = _named(event)
        if named:
            firsts[named] = min(firsts.get(named, event["ts"]), event["ts"])
    yield from ((*named, at, 0) for named, at in firsts.items())
    if row["cost"] is not None:
        yield "cost", row["currency"], at, row["cost"]


def _named(event: Any) -> tuple[str, str] | None:
    machine, channel = event["properties"].get("machine"), event["properties"]["channel"]
    match event["type"]:
        case "Message Read":
            return "opened", "machine" if machine else "unknown" if machine is None and channel == "email" else "human"
        case "Message Clicked":
            return "clicked", "machine" if machine else "human"
        case "Message Complained":
            return "complained", ""
        case "Message Replied":
            return "replied", ""
        case "Unsubscribed":
            return "unsubscribed", ""
    return None
