"""What of a report's days is not there any more, because it was kept for as long as it may be or its customer was erased.

Promise: a report that reads the log says what is missing of it, in a sentence, and says nothing where nothing is.
"""

from datetime import UTC, date, datetime, time

from store.database import Database
from store.named import queries
from store.reports.report import counted

_SQL = queries("gone")


async def missing(database: Database, since: date, *, firsts: bool = False) -> tuple[str, ...]:
    """What is no longer there to be counted of the days from `since` on; `firsts`: the report asks what was the first ever."""
    row = await database.pool.fetchrow(_SQL["missing"], None if firsts else midnight(since), midnight(since))
    assert row is not None, "a select without from always answers"
    notes = []
    if row["before"] is not None:
        day = row["before"].astimezone(UTC).date()
        new = ", and who ordered then may be taken for new" if firsts else ""
        notes.append(f"Events from before {day} were kept for as long as they may be: what happened then is in no row{new}.")
    if row["erased"]:
        were = "was" if row["erased"] == 1 else "were"
        notes.append(
            f"{counted(row['erased'], 'customer')} {were} erased since these days began, and what they did is in no row."
        )
    return tuple(notes)


async def unreadable(database: Database, since: datetime, until: datetime, orders: str) -> tuple[str, ...]:
    """How many orders of an event count as no money, because nobody can read how much they were."""
    many = await database.pool.fetchval(_SQL["unreadable"], since, until, orders)
    if not many:
        return ()
    have, count = ("has", "counts") if many == 1 else ("have", "count")
    return (f"{counted(many, 'order')} of these days {have} no readable amount, and {count} as 0.",)


def midnight(day: date) -> datetime:
    """The instant at which a day begins (UTC)."""
    return datetime.combine(day, time(), UTC)
