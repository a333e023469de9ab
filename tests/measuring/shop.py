"""A random shop with experiments, written as the house writes it, and what its customers did, by hand: from events alone."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from store import Database
from store.customers.merge import merge
from store.deliveries.feedback import NewEvent, living, store_events
from store.measuring import values
from store.runs import exposures

START = datetime(2026, 3, 2, 20, tzinfo=UTC)
DAY = timedelta(days=1)
JOURNEYS = ("carts", "drives", "silent")
KINDS = ["Order Completed"] * 5 + ["Order Refunded"] * 3 + ["Order Cancelled", "Drive Completed", "Page Viewed"]
Sums = dict[tuple[date, str, str, str, str, str, str], tuple[Any, ...]]


@dataclass
class RandomShop:
    """Customers in experiments, who order, cancel, come back under another name: in any order, late, and more than once."""

    database: Database
    random: Random
    people: list[tuple[UUID, UUID, str]] = field(default_factory=list)
    steps: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def customers(self, count: int) -> None:
        for n in range(count):
            journey, profile, run = self.random.choice(JOURNEYS), UUID(int=n + 1), UUID(int=10_000 + n)
            entered = START + timedelta(hours=self.random.randrange(48))
            await self.database.pool.execute(
                "insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, START
            )
            await self.database.pool.execute(
                "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version)"
                " values ($1::uuid, $2, $3, 'segment', 'all', $4, $1::text, $4, $5)",
                run, journey, profile, entered, self.random.choice(["v1", "v2"]),
            )  # fmt: skip
            self.people.append((profile, run, journey))
            at = entered + timedelta(minutes=self.random.randrange(60 * 30))
            self.steps.append(lambda run=run, journey=journey, at=at: self._exposed(run, f"$holdout/{journey}", at))  # type: ignore[misc]
            if self.random.random() < 0.4:
                self.steps.append(lambda run=run, at=at: self._exposed(run, "$holdout", at))  # type: ignore[misc]
            orders = [f"o{n}-{each}" for each in range(2)] if n % 3 else [f"o{n // 3}"]  # some ids are of several customers
            self.steps += [self._does(profile, entered, orders, f"{n}-{each}") for each in range(self.random.randrange(14))]
            if n % 5 == 0:  # an order of long ago, of which there may be news
                long_ago, said = entered - 60 * DAY, {"order_id": orders[0], "total": 30}
                self.steps.append(self._told(profile, f"{n}-old", "Order Completed", long_ago, said))
        self.random.shuffle(self.steps)

    async def _exposed(self, run: UUID, experiment: str, at: datetime) -> None:
        arm = self.random.choice(["withheld", "written to"])
        async with self.database.transaction() as connection:
            await exposures.holdout_asked(connection, run, experiment, arm, 0.5, at)

    def _does(self, profile: UUID, around: datetime, orders: list[str], message_id: str) -> Callable[[], Awaitable[None]]:
        random = self.random
        kind = random.choice(
            ["Order Completed"] * 5 + ["Order Refunded"] * 3 + ["Order Cancelled", "Drive Completed", "Page Viewed"]
        )
        at = around + timedelta(minutes=random.randrange(-60 * 24 * 5, 60 * 24 * 11))
        said: dict[str, Any] = {"order_id": random.choice(orders)}
        if random.random() < 0.1:
            said = {}
        amount = random.choice([0, 10, "12.50", 99.99, 1000, "much", None, True, -5])
        said |= {random.choice(["revenue", "total"]): amount, "currency": random.choice(["EUR", "eur", "USD", None])}

        return self._told(profile, message_id, kind, at, said)

    def _told(
        self, profile: UUID, message_id: str, kind: str, at: datetime, said: dict[str, Any]
    ) -> Callable[[], Awaitable[None]]:
        async def hear() -> None:
            for _ in range(self.random.choice([1, 1, 2])):
                async with self.database.transaction() as connection:
                    alive = (await living(connection, [profile]))[profile]
                    events = [NewEvent(alive, message_id, kind, at, said)]
                    if await store_events(connection, events, source="shop", at=at):
                        await values.touch(connection, [(alive, kind)])  # as the tick does with the mark, which it takes
                        await connection.execute("delete from dirty where profile_id = $1", alive)

        return hear

    async def merges(self, survivor: int, absorbed: int) -> None:
        async with self.database.transaction() as connection:
            await merge(connection, self.people[survivor][0], self.people[absorbed][0], START)


async def summed(database: Database) -> Sums:
    """The sums of customers that there are."""
    rows = await database.pool.fetch("select * from daily_sum where step = ''")
    return {
        (row["day"], row["journey"], row["version"], row["segment"], row["experiment"], row["arm"], row["metric"]): tuple(
            row[name] for name in ("n", "y", "yy", "x", "xx", "xy", "nonzero")
        )
        for row in rows
    }


@dataclass(frozen=True)
class Rule:
    """How a journey counts, as its author said it to the test."""

    goals: tuple[str, ...]
    within: timedelta
    before: timedelta = 28 * DAY
    from_entry: bool = False
    currency: str | None = None
    cap: int | None = None


async def counted(database: Database, rules: dict[str, Rule | None], company: Rule) -> Sums:
    """What the sums must be: for each customer all over again at the end of each day, then the differences between days."""
    events = defaultdict(list)
    for row in await database.pool.fetch("select * from event order by ts, message_id"):
        events[row["profile_id"]].append(row)
    total: dict[Any, list[Any]] = defaultdict(lambda: [0] * 7)
    for row in await _earliest(database):
        own = row["experiment"] != "$holdout"
        about = (row["journey"], row["version"], row["segment"]) if own else ("", "", "")
        rule = rules[row["journey"]] if own else company
        first = _day(row["exposed_at"])
        total[(first, *about, row["experiment"], row["arm"], "exposed")][0] += 1
        if rule is None:
            continue
        since = row["entered_at"] if rule.from_entry else row["exposed_at"]
        was = [_Standing.at(rule, events[row["who"]], since - rule.before, since, None)] * 2
        last = {metric: (Decimal(0), Decimal(0)) for metric in was[0].pairs(was[1])}
        for offset in range(40):
            day = first + offset * DAY
            stands = _Standing.at(rule, events[row["who"]], since, since + rule.within, day)
            now = stands.pairs(was[0])
            for metric, (y, x) in now.items():
                y0, x0 = last[metric]
                moved = (y - y0, y * y - y0 * y0, x - x0, x * x - x0 * x0, x * y - x0 * y0)
                cell = total[(day, *about, row["experiment"], row["arm"], metric)]
                for place, change in enumerate((*moved, int(y != 0) - int(y0 != 0)), 1):
                    cell[place] += change
            last = now
    return {key: tuple(cell) for key, cell in total.items() if any(cell)}


async def _earliest(database: Database) -> list[Any]:
    """The first exposure of each customer in each experiment."""
    rows = await database.pool.fetch(
        "select x.*, coalesce(p.merged_into, p.id) as who, r.journey, r.segment, r.entered_at from exposure x"
        " join profile p on p.id = x.profile_id join run r on r.id = x.run_id"
    )
    found: dict[Any, Any] = {}
    for row in sorted(rows, key=lambda row: (row["exposed_at"], row["profile_id"])):
        found.setdefault((row["who"], row["experiment"]), row)
    return list(found.values())


@dataclass
class _Standing:
    """What a customer has done from an instant up to another, seen from the end of a day (or all of it)."""

    rule: Rule
    converted: bool
    orders: int
    priced: int
    gross: Decimal
    refunds: Decimal

    @classmethod
    def at(cls, rule: Rule, events: list[Any], since: datetime, until: datetime, day: date | None) -> "_Standing":
        over = until if day is None else min(until, datetime.combine(day + DAY, datetime.min.time(), UTC))
        known = [event for event in events if since - rule.before * (day is not None) <= event["ts"] < until]
        placed: dict[Any, list[Any]] = defaultdict(list)
        for event in known:
            if event["type"] == "Order Completed":
                placed[_order(event)].append(event)
        ever: dict[Any, Any] = {}
        for event in events:
            if event["type"] == "Order Completed":
                ever.setdefault(_order(event), event["ts"])
        orders, priced, gross, refunds = 0, 0, Decimal(0), Decimal(0)
        for key, versions in placed.items():
            if not since <= ever[key] < over:
                continue
            value = _money(versions[-1], rule, "revenue", "total") or Decimal(0)
            ours = not _is_other(versions[-1], rule)
            orders, priced, gross, left = orders + 1, priced + ours, gross + value, value
            cancelled = False
            back = [each for each in known if each["type"] in ("Order Refunded", "Order Cancelled") and _order(each) == key]
            for each in sorted(back, key=lambda each: (each["ts"], each["type"])):
                if max(each["ts"], versions[0]["ts"]) >= over:
                    continue
                asked = _money(each, rule, "total", "revenue") if each["type"] == "Order Refunded" else None
                taken = left if asked is None else min(left, asked)
                left, refunds = left - taken, refunds + taken
                if each["type"] == "Order Cancelled" and not cancelled:
                    cancelled, orders, priced = True, orders - 1, priced - ours
        converted = any(since <= each["ts"] < over and each["type"] in rule.goals for each in known)
        return cls(rule, converted, orders, priced, gross, refunds)

    def pairs(self, before: "_Standing") -> Iterator[Any]:
        def capped(money: Decimal) -> Decimal:
            return money if self.rule.cap is None else min(money, Decimal(self.rule.cap))

        net, orders = self.gross - self.refunds, Decimal(self.orders)
        return {  # type: ignore[return-value]
            "conversion": (Decimal(self.converted), Decimal(before.orders)),
            "orders": (orders, Decimal(before.orders)),
            "revenue": (capped(net), capped(before.gross - before.refunds)),
            "gross": (self.gross, before.gross),
            "refunds": (self.refunds, before.refunds),
            "order value": (net, Decimal(self.priced)),
        }


def _order(event: Any) -> str:
    return str(event["properties"].get("order_id", "no id " + event["message_id"]))


def _money(event: Any, rule: Rule, *names: str) -> Decimal | None:
    said = event["properties"]
    if _is_other(event, rule):
        return Decimal(0)
    for name in names:
        value = said.get(name)
        if value in ("much", None) or value is True:
            continue
        return max(Decimal(str(value)), Decimal(0))
    return None


def _is_other(event: Any, rule: Rule) -> bool:
    said = event["properties"].get("currency")
    return bool(rule.currency and said and said.upper() != rule.currency)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
