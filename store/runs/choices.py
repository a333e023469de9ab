"""What is declared of choices, what each hour learned, and what runs were given: each time that one asks, once.

Promise: whoever asks again gets what stands; an option with a budget is given to no more than that, however many ask at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store.audit import note
from store.database import Connection, Database, Pool, columns
from store.named import queries

_SQL = queries("choices")


class Who(NamedTuple):
    """Whom a run is about, by which id they are drawn, and how often they were given something of the choice before."""

    profile_id: UUID
    drawn_as: UUID
    journey: str
    version: str | None
    holdout: bool
    before: int


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice as it is declared under a number, and how it stands."""

    name: str
    number: int
    journey: str
    declared: dict[str, Any]
    declared_at: datetime
    looked_at: datetime | None
    state: str
    changed_at: datetime | None
    made: int
    version: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """What a run is given, for the row; `ripe_at`: when its reward is looked at, if ever."""

    run_id: UUID
    asked: int
    name: str
    number: int
    options: list[str]
    option: str
    cell: str
    by: str
    propensity: float
    allocation: int
    why: dict[str, Any]
    made_at: datetime
    ripe_at: datetime | None


class Given(NamedTuple):
    """What is known of something that was made: of whom, when, and the reward so far."""

    run_id: UUID
    asked: int
    who: UUID
    made_at: datetime
    reward: float | None


class Total(NamedTuple):
    """What came of an option in a context."""

    cell: str
    option: str
    people: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class Floored:
    """What an option brought those who were drawn evenly."""

    option: str
    people: int
    total: float
    squares: float
    nonzero: int


class Hour(NamedTuple):
    """By which shares options were given from an instant on, and by how many rewards that was learned."""

    version: int
    at: datetime
    people: int
    shares: dict[str, float]


class Last(NamedTuple):
    """The version of what was learned last, and by how many rewards."""

    version: int
    people: int


class Count(NamedTuple):
    """How often an option was given by what, and what came of it."""

    option: str
    by: str
    people: int
    ripe: int
    total: float


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was made, as it is told of a run."""

    asked: int
    name: str
    number: int
    options: list[str]
    option: str
    cell: str
    by: str
    propensity: float
    allocation: int
    why: dict[str, Any]
    made_at: datetime
    reward: float | None
    declared: dict[str, Any]


async def made(connection: Connection, run_id: UUID, asked: int) -> list[str] | None:
    """What a run was given when it asked by this number; None: it has not been."""
    found: list[str] | None = await connection.fetchval(_SQL["made"], run_id, asked)
    return found


async def who(connection: Connection, run_id: UUID, name: str) -> Who | None:
    """Whom a run is about; attempts of one run take turns from here on."""
    row = await connection.fetchrow(_SQL["who"], run_id, name)
    return Who(**row) if row else None


async def known(connection: Connection, name: str, digest: str) -> tuple[int, str] | None:
    """The number and the state of a choice as it is declared; None: it never was."""
    row = await connection.fetchrow(_SQL["choice"], name, digest)
    return (row["number"], row["state"]) if row else None


async def declare(
    connection: Connection, name: str, digest: str, journey: str, plain: Mapping[str, Any], at: datetime
) -> int | None:
    """Write a choice down under the next number; None where somebody else just did."""
    number: int | None = await connection.fetchval(_SQL["declare"], name, digest, journey, plain, at)
    return number


async def newest(connection: Connection, name: str, number: int) -> Last:
    """What was learned last."""
    row = await connection.fetchrow(_SQL["newest"], name, number)
    return Last(**row) if row else Last(0, 0)


async def learned(connection: Connection, name: str, number: int, version: int) -> dict[str, Any] | None:
    """What was learned in a version; nothing before the first, or where it is not needed any more."""
    found: dict[str, Any] | None = await connection.fetchval(_SQL["learned"], name, number, version)
    return found


async def spent(connection: Connection, name: str, options: Sequence[str]) -> dict[str, int]:
    """To how many customers these options were given; nobody else gives them before this transaction ends."""
    if not options:
        return {}
    await connection.execute(_SQL["begin_spending"], name, options)
    return {row["option"]: row["people"] for row in await connection.fetch(_SQL["spent"], name, options)}


async def spend(connection: Connection, name: str, options: Sequence[str]) -> None:
    """One more customer has these options."""
    if options:
        await connection.execute(_SQL["spend"], name, options)


async def make(connection: Connection, given: Made) -> None:
    """Write down what a run is given."""
    await connection.execute(_SQL["make"], *(getattr(given, name) for name in Made.__slots__))


async def choices(database: Database, name: str | None = None) -> list[ChoiceRow]:
    """Every choice, or all declarations of one."""
    return [ChoiceRow(**row) for row in await database.pool.fetch(_SQL["all"], name)]


async def declared(connection: Connection, name: str | None = None) -> list[ChoiceRow]:
    """All declarations of a choice, or of every one."""
    return [ChoiceRow(**row) for row in await connection.fetch(_SQL["all"], name)]


async def ripe(connection: Connection, row: ChoiceRow, at: datetime, most: int) -> list[Given]:
    """Of what was made, up to so many whose reward is to be looked at for the first time."""
    return [Given(**each) for each in await connection.fetch(_SQL["ripe"], row.name, row.number, at, most)]


async def late(connection: Connection, row: ChoiceRow, since: datetime, stands: datetime, types: Iterable[str]) -> list[Given]:
    """Those of whose customers something was received since; what was ripe before `stands` is looked at no more."""
    rows = await connection.fetch(_SQL["late"], row.name, row.number, since, stands, sorted(types))
    return [Given(**each) for each in rows]


async def reward(connection: Connection, found: Sequence[tuple[UUID, int, float]]) -> None:
    """What came of what was made."""
    if found:
        await connection.execute(_SQL["reward"], *columns(found, 3))


async def most(connection: "Connection | Pool", row: ChoiceRow) -> float:
    """What a reward counts for at most: what 99 of 100 brought at most who brought anything."""
    found: float | None = await connection.fetchval(_SQL["most"], row.name, row.number)
    return float("inf") if found is None else found


async def totals(connection: Connection, row: ChoiceRow, cap: float) -> list[Total]:
    """What came of each combination in each context."""
    return [Total(**each) for each in await connection.fetch(_SQL["totals"], row.name, row.number, cap)]


async def looked(connection: Connection, row: ChoiceRow, at: datetime) -> None:
    """Rewards have been looked at up to an instant."""
    await connection.execute(_SQL["looked"], row.name, row.number, at)


async def allocate(
    connection: Connection,
    row: ChoiceRow,
    version: int,
    at: datetime,
    people: int,
    shares: Mapping[str, float],
    learned: Mapping[str, Any] | None,
) -> None:
    """What is learned, from now on."""
    await connection.execute(_SQL["allocate"], row.name, row.number, version, at, people, shares, learned)


async def hours(database: Database, row: ChoiceRow, since: datetime) -> list[Hour]:
    """How shares went, oldest first."""
    return [Hour(**each) for each in await database.pool.fetch(_SQL["allocations"], row.name, row.number, since)]


async def given(database: Database, row: ChoiceRow) -> list[Count]:
    """How often each option was given, by what."""
    return [Count(**each) for each in await database.pool.fetch(_SQL["given"], row.name, row.number)]


async def floor(database: Database, row: ChoiceRow, cap: float) -> list[Floored]:
    """What each option brought those who were drawn evenly, each customer once."""
    return [Floored(**each) for each in await database.pool.fetch(_SQL["floor"], row.name, row.number, cap)]


async def budgets(connection: "Connection | Pool", name: str) -> dict[str, int]:
    """How many have each option that has a budget."""
    return {row["option"]: row["people"] for row in await connection.fetch(_SQL["budgets"], name)}


async def switch(database: Database, name: str, state: str, at: datetime) -> bool:
    """Throw the switch: what is drawn from the next moment on goes by it; whether there is such a choice."""
    async with database.transaction() as connection:
        if not await declared(connection, name):
            return False
        before = await connection.fetchval(_SQL["set_state"], name, state, at)
        await note(connection, "switch", "choice", name, was={"state": before}, became={"state": state})
        return True


async def of_run(connection: "Connection | Pool", run_id: UUID) -> list[Told]:
    """What a run was given, in order."""
    return [Told(**row) for row in await connection.fetch(_SQL["of_run"], run_id)]
