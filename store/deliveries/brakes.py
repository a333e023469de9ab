"""What goes wrong with the messages of journeys: complaints, bounces and errors, against how many were handed over."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from store.database import Database
from store.named import queries

_SQL = queries("brakes")


@dataclass(frozen=True, slots=True)
class WentWrong:
    """Of a journey, since an instant: within the span that is looked at, and since its switch was thrown last."""

    journey: str
    since: datetime
    complaints: int
    bounces: int
    errors: int


async def went_wrong(
    database: Database, since: datetime, errors: Collection[str], least: int, events: tuple[str, str]
) -> list[WentWrong]:
    """The journeys that live and of which so many messages went wrong.

    `errors` are the reasons of those that failed, `events` the types by which complaints and failures come back.
    """
    rows = await database.pool.fetch(_SQL["went_wrong"], since, list(errors), least, *events)
    return [WentWrong(**row) for row in rows]


async def handed_over(database: Database, journey: str, since: datetime) -> int:
    """How many of its messages a provider was given since then, or had no living address to go to."""
    count: int = await database.pool.fetchval(_SQL["handed_over"], journey, since)
    return count
