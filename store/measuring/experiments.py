"""What is declared of experiments, how they stood at the end of past days, and what they have come to: each decision once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from store.database import Connection, Database, Pool, columns
from store.named import queries

_SQL = queries("experiments")


class Said(NamedTuple):
    """What a version of the catalogue declares of an experiment, as JSON."""

    experiment: str
    version: str
    declared: dict[str, Any]


class Holding(NamedTuple):
    """By which declaration an experiment is read (None: by none), of which version; and the one that was declared last."""

    version: str
    declared: dict[str, Any] | None
    last: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a question has come to by a metric, on which look and day, by which declaration, with its figures then."""

    experiment: str
    question: str
    against: str
    metric: str
    decision: str
    version: str
    look: int | None
    day: date | None
    people: int
    figures: dict[str, Any]
    decided_at: datetime


class Kept(NamedTuple):
    """How an experiment stood at the end of a day, as JSON; `read_by` says by which declaration, shares and rule.

    `arms` in their order, each with its name, its people, and the first and the last day on which somebody came into it, if
    ever; and `metrics`, each with its standing.
    """

    experiment: str
    day: date
    journey: str
    read_by: str
    standing: dict[str, Any]


async def declare(database: Database, said: Sequence[Said], at: datetime) -> None:
    """Write down what a version declares."""
    await declare_by(database.pool, said, at)


async def declare_by(connection: "Connection | Pool", said: Sequence[Said], at: datetime) -> None:
    """The same within somebody's transaction."""
    if said:
        await connection.execute(_SQL["declare"], *columns(said, 3), at)


async def declared(connection: "Connection | Pool", experiments: Iterable[str]) -> dict[str, Holding]:
    """By what each of these experiments is read; those in which nobody is are left out."""
    rows = await connection.fetch(_SQL["declared"], sorted(set(experiments)))
    return {row["experiment"]: Holding(row["version"] or "", row["declared"], row["last"]) for row in rows}


async def decide(database: Database, decided: Sequence[Decided], at: datetime) -> list[Decided]:
    """Write down what questions have come to; returns those of which that was not written down before."""
    rows = [
        (d.experiment, d.question, d.against, d.metric, d.decision, d.version, d.look, d.day, d.people, d.figures)
        for d in decided
    ]
    return [Decided(**row) for row in await database.pool.fetch(_SQL["decide"], *columns(rows, 10), at)] if rows else []


async def decisions(database: Database, experiments: Iterable[str]) -> list[Decided]:
    """What these experiments have come to, in the order in which they did."""
    return [Decided(**row) for row in await database.pool.fetch(_SQL["decisions"], sorted(set(experiments)))]


async def standings(
    connection: Connection, before: date, journey: str | None, code: str, without: Sequence[str]
) -> dict[str, Kept]:
    """How experiments last stood before a day, as this code reads them: of a journey or of all, without some."""
    rows = await connection.fetch(_SQL["standings"], before, journey, without, code)
    return {row["experiment"]: Kept(**row) for row in rows}


async def keep(connection: Connection, code: str, kept: Sequence[Kept]) -> None:
    """Keep how experiments stood; the transaction has the sums to itself, or one that changes may be missed."""
    if kept:
        await connection.execute(_SQL["keep"], *columns(kept, 5), code)


async def comings(database: Database, segments: Sequence[str], since: datetime, until: datetime) -> dict[str, float]:
    """How many came into each of these segments a day."""
    rows = await database.pool.fetch(_SQL["comings"], segments, since, until)
    return {row["segment"]: float(row["a_day"]) for row in rows}


class Usual(NamedTuple):
    """What customers came to by a metric: `journeys.experiments.Sums`, by its names."""

    people: int
    y: float
    yy: float
    x: float
    xx: float
    xy: float
    nonzero: int


async def usual(database: Database, journeys: Iterable[str]) -> dict[tuple[str, str], Usual]:
    """What customers came to in these journeys so far, by journey and metric; '' is the company's holdout."""
    rows = await database.pool.fetch(_SQL["usual"], sorted(set(journeys)))
    return {(row["journey"], row["metric"]): Usual(*(row[name] for name in Usual._fields)) for row in rows}


async def exposed_a_day(database: Database, experiment: str, since: datetime, until: datetime) -> float:
    """How many were exposed to an experiment a day."""
    return float(await database.pool.fetchval(_SQL["exposed_a_day"], experiment, since, until))
