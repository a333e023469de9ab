"""What each customer of an experiment adds to the sums: who is to be looked at, what is known of them, and what the sums hold.

Promise: values and sums change in one transaction, that of whoever has the sums to itself (`store.measuring.sums.alone`). What
is taken away of a customer stays in the sums, and in what a recomputation adds to what it finds: once, whatever comes later.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, localcontext
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from store.database import Connection, Database, Pool, Record, columns
from store.locks import Lock
from store.measuring.sums import Difference
from store.named import queries

_SQL = queries("values")
_SUMS = queries("sums")
_SEPARATOR = chr(31)  # the SQL splits at it
_LONGEST = 600.0  # seconds
_NOTHING = Decimal(0)
#: Squares of the largest amounts, with all decimals that they may have.
EXACT = Context(prec=200)


class Change(NamedTuple):
    """What is added to a metric's sums (`journeys.experiments.Sums`); `n`: how many were exposed, of that metric alone."""

    n: int = 0
    y: Decimal = _NOTHING
    yy: Decimal = _NOTHING
    x: Decimal = _NOTHING
    xx: Decimal = _NOTHING
    xy: Decimal = _NOTHING
    nonzero: int = 0

    def plus(self, other: "Change") -> "Change":
        """Both together."""
        with localcontext(EXACT):
            sums = (self.y + other.y, self.yy + other.yy, self.x + other.x, self.xx + other.xx, self.xy + other.xy)
        return Change(self.n + other.n, *sums, self.nonzero + other.nonzero)

    def taken(self) -> "Change":
        """What takes it back."""
        return Change(-self.n, -self.y, -self.yy, -self.x, -self.xx, -self.xy, -self.nonzero)


class Declared(NamedTuple):
    """By which rule a version of a journey counts conversions, as JSON, and at which events that looks."""

    journey: str
    version: str
    rule: dict[str, Any] | None
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Exposure:
    """A customer in an arm, as whoever they are by now; `entered_at` is when the run began in which that was.

    `exposed_as`: who they were then. `closed`: what they add has been taken away, as this or another of whom they are.
    """

    who: UUID
    experiment: str
    exposed_as: UUID
    arm: str
    exposed_at: datetime
    closed: bool
    version: str
    journey: str
    segment: str
    entered_at: datetime | None


class Done(NamedTuple):
    """An event of a customer."""

    type: str
    ts: datetime
    message_id: str
    properties: dict[str, Any]


class Added(NamedTuple):
    """What is added to one sum of customers; `about` is day, journey, version, segment, experiment, arm and metric."""

    about: tuple[date, str, str, str, str, str, str]
    sums: Change


@dataclass(frozen=True, slots=True)
class Value:
    """What a customer adds to the sums in an experiment, by day and metric.

    `whole`: there were all the events at which their rule looks, and it is the rule of now. `apart`: a merge was undone since.
    """

    profile_id: UUID
    experiment: str
    exposed_as: UUID
    journey: str
    version: str
    segment: str
    arm: str
    exposed_at: datetime
    looks_from: datetime
    whole: bool
    changes: Mapping[tuple[date, str], Change]
    apart: bool = False

    @classmethod
    def of(cls, exposure: Exposure, looks_from: datetime, whole: bool, changes: Mapping[tuple[date, str], Change]) -> "Value":
        """What an exposed customer adds."""
        x = exposure
        who = (x.who, x.experiment, x.exposed_as, x.journey, x.version, x.segment, x.arm, x.exposed_at)
        return cls(*who, looks_from, whole, changes)

    def added(self) -> Iterable[Added]:
        """The same, to be added to the sums."""
        for (day, metric), change in self.changes.items():
            yield Added((day, self.journey, self.version, self.segment, self.experiment, self.arm, metric), change)

    def taken(self) -> Iterable[Added]:
        """The same, to be taken from the sums."""
        return (Added(about, change.taken()) for about, change in self.added())


async def declare(database: Database, declared: Sequence[Declared], at: datetime) -> None:
    """Write down by which rules conversions are counted; whom that concerns is looked at again."""
    await declare_by(database.pool, declared, at)


async def declare_by(connection: "Connection | Pool", declared: Sequence[Declared], at: datetime) -> None:
    """The same within somebody's transaction."""
    rows = [(each.journey, each.version, each.rule, _SEPARATOR.join(sorted(each.types))) for each in declared]
    await connection.execute(_SQL["declare"], *columns(rows, 4), at)


async def rules(connection: Connection, journeys: Iterable[str]) -> dict[tuple[str, str | None], dict[str, Any] | None]:
    """The rules of journeys by version; under None the latest one."""
    found: dict[tuple[str, str | None], dict[str, Any] | None] = {}
    for row in await connection.fetch(_SQL["rules"], sorted(journeys)):
        found[row["journey"], row["version"]] = found[row["journey"], None] = row["rule"]
    return found


async def types(connection: Connection) -> list[str]:
    """All events at which some rule looks."""
    return [row["type"] for row in await connection.fetch(_SQL["types"])]


async def touch(connection: Connection, did: Iterable[tuple[UUID, str]]) -> None:
    """These customers did something of these types: who is in an experiment is looked at again."""
    if rows := list(did):
        await connection.execute(_SQL["touch"], *columns(rows, 2))


async def untold(connection: Connection) -> list[tuple[UUID, str]]:
    """Who did something of which types, of which the watch has not heard yet."""
    return [(row["profile_id"], row["type"]) for row in await connection.fetch(_SQL["untold"])]


async def take_touched(connection: Connection, at_most: int) -> tuple[int, list[UUID]]:
    """How many marks were taken, and whom they are about."""
    row = await connection.fetchrow(_SQL["take_touched"], at_most)
    assert row is not None, "a select without from always answers"
    return row["marks"], row["customers"]


async def exposed(connection: Connection, customers: Sequence[UUID]) -> list[Exposure]:
    """The exposures of customers, the earliest in each experiment."""
    return [Exposure(**dict(row)) for row in await connection.fetch(_SQL["exposed"], customers)]


async def done(
    connection: Connection, customers: Sequence[UUID], of_types: Sequence[str], since: datetime
) -> dict[UUID, list[Done]]:
    """What customers did of these types from an instant on."""
    return _by_customer(await connection.fetch(_SQL["done"], customers, of_types, since, timeout=_LONGEST))


async def told_before(
    connection: Connection, orders: Collection[tuple[UUID, str, str]], known_from: datetime, since: datetime
) -> dict[UUID, list[Done]]:
    """How orders, each by its customer, type and id, were told before an instant, as far back as something is known."""
    if not orders:
        return {}
    told = columns(list(orders), 3)
    return _by_customer(await connection.fetch(_SQL["told_before"], *told, known_from, since, timeout=_LONGEST))


def _by_customer(rows: Iterable[Record]) -> dict[UUID, list[Done]]:
    found: dict[UUID, list[Done]] = {}
    for row in rows:
        found.setdefault(row["profile_id"], []).append(Done(row["type"], row["ts"], row["message_id"], row["properties"]))
    return found


async def stored(connection: Connection, customers: Sequence[UUID]) -> list[Value]:
    """What the sums hold of customers, and of whoever was merged into them."""
    return [_value(row) for row in await connection.fetch(_SQL["stored"], customers)]


async def of_erased(connection: Connection) -> list[Value]:
    """What the sums hold of customers whose erasure has begun."""
    return [_value(row) for row in await connection.fetch(_SQL["of_erased"])]


async def replace(connection: Connection, old: Sequence[Value], new: Sequence[Value]) -> None:
    """Values take the place of others; the sums are added to by `add`."""
    await connection.execute(_SQL["forget"], *columns([(each.profile_id, each.experiment) for each in old], 2))
    rows = [
        (v.profile_id, v.experiment, v.exposed_as, v.journey, v.version, v.segment, v.arm, v.exposed_at, v.looks_from, v.whole)
        for v in new
    ]
    await connection.execute(_SQL["store"], *columns(rows, 10), [_written(v) for v in new])


async def add(connection: Connection, added: Iterable[Added]) -> None:
    """Add to the sums of customers."""
    if lines := together(added):
        await connection.execute(_SQL["add"], *columns([(*each.about, *each.sums) for each in lines], 14))
        await connection.execute(_SUMS["drop_empty"])


def together(added: Iterable[Added]) -> list[Added]:
    """One line for each sum, without those to which nothing is added."""
    found: dict[Any, Change] = defaultdict(Change)
    for about, change in added:
        found[about] = found[about].plus(change)
    return [Added(about, change) for about, change in found.items() if change != Change()]


async def known_from(connection: Connection) -> datetime | None:
    """Of whom something is known: whose value looks at no event from before this; None: of all."""
    found: datetime | None = await connection.fetchval(_SQL["known_from"])
    return found


async def of_day(connection: Connection, of_types: Sequence[str], since: datetime, until: datetime) -> list[UUID]:
    """Who may add to the sums of a day, whatever the sums say."""
    rows = await connection.fetch(_SQL["of_day"], of_types, since, until, timeout=_LONGEST)
    return [row["who"] for row in rows]


async def differing(connection: Connection, day: date, at: datetime, found: Sequence[Added]) -> list[Difference]:
    """The sums of customers of a day as they were found, which stand from now on; returns where there were others."""
    rows = columns([(*each.about, *each.sums) for each in found], 14)
    told = [Difference(**dict(row)) for row in await connection.fetch(_SQL["differing"], day, at, *rows, timeout=_LONGEST)]
    await connection.execute(_SUMS["drop_empty"])
    return told


async def take_away(connection: Connection, parts: Sequence[UUID]) -> int:
    """The values of a customer who is erased go, once nobody folds; what they added stays. Returns how many there were.

    They count once, also where nobody had added up yet that they were exposed, or that these profiles are one customer.
    """
    await connection.execute(_SQL["wait_alone"], Lock.SUMS)
    stood, exposures = await stored(connection, parts), await exposed(connection, parts)
    once: dict[str, Value] = {}
    for value in (*sorted(stood, key=_earlier), *sorted(map(_alone, exposures), key=_earlier)):
        once.setdefault(value.experiment, value)
    closed = {each.experiment for each in exposures if each.closed}
    stand = [value for value in once.values() if value.experiment not in closed]
    gone, come = [each for each in stood if each not in stand], [each for each in stand if each not in stood]
    await replace(connection, gone, come)
    moved = [*(each for value in gone for each in value.taken()), *(each for value in come for each in value.added())]
    await add(connection, moved)
    taken: int = await connection.fetchval(_SQL["take_away"], parts, None)
    return taken


async def close(connection: Connection, before: datetime) -> int:
    """The events from before an instant go, and with them the values that look at them; what they added stays."""
    await connection.execute(_SQL["wait_alone"], Lock.SUMS)
    await connection.execute(_SQL["close"], before)
    taken: int = await connection.fetchval(_SQL["take_away"], [], before)
    return taken


def _earlier(value: Value) -> tuple[datetime, UUID]:
    return value.exposed_at, value.exposed_as


def _alone(exposure: Exposure) -> Value:
    """That somebody was exposed, and nothing of what they did."""
    day = exposure.exposed_at.astimezone(UTC).date()
    return Value.of(exposure, exposure.exposed_at, False, {(day, "exposed"): Change(n=1)})


def _value(row: Record) -> Value:
    return Value(**dict(row) | {"changes": _read(row["changes"])})


def _read(plain: Sequence[Sequence[Any]]) -> dict[tuple[date, str], Change]:
    found = {}
    for day, metric, n, y, yy, x, xx, xy, nonzero in plain:
        found[date.fromisoformat(day), metric] = Change(
            n, Decimal(y), Decimal(yy), Decimal(x), Decimal(xx), Decimal(xy), nonzero
        )
    return found


def _written(value: Value) -> str:
    """As JSON, in which numbers that are no integers would not be exact."""
    return orjson.dumps(
        [
            [day.isoformat(), metric, change.n, *(str(each) for each in change[1:6]), change.nonzero]
            for (day, metric), change in sorted(value.changes.items())
        ]
    ).decode()
