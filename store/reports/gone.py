"""What of a report's days is not there any more, because it was kept for as long as it may be or its customer was erased.

Promise: a report that reads the log says what is missing of it, in a sentence, and says nothing where nothing is.
"""

from datetime import UTC, date, datetime, time

from store.database import Database
from store.named import queries

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
        who = "1 customer was" if row["erased"] == 1 else f"{row['erased']} customers were"
        notes.append(f"{who} erased since these days began, and what they did is in no row.")
    return tuple(notes)


def midnight(day: date) -> datetime:
    """The instant at which a day begins (UTC)."""
    return datetime.combine(day, time(), UTC)
