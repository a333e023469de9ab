"""What became of messages: sent, arrived, opened, clicked, complained of, and what they cost, by whatever tells them apart."""

from collections.abc import Collection

from store.database import Database
from store.reports import counting
from store.reports.report import Asked, Chart, Drawn, Report, Table

#: So many days, where nobody says how many.
DAYS = 28


async def messages(database: Database, asked: Asked, *, silent: Collection[str]) -> Report:
    """The report; `silent` are the providers that tell nobody whether a message arrived."""
    by = asked.by or (("step", "channel") if asked.journey else ("journey", "channel"))
    since = asked.begins(DAYS)
    groups = await counting.counted(database, since, asked.ends, asked.journey, by, silent)
    labels = tuple(counting.LABELS[name] for name in by)
    table = Table(
        "messages",
        f"Messages by {' and '.join(by)}",
        (*labels, *counting.columns(groups)),
        tuple((*group.labels, *counting.cells(group, groups)) for group in groups),
        (
            Chart(Drawn.BARS, "Sent messages", by, ("sent",)),
            Chart(Drawn.BARS, "Of delivered messages: opened by a person, clicked", by, ("open_rate", "ctr")),
        ),
    )
    whose = f" of {asked.journey}" if asked.journey else ""
    return Report(
        "messages",
        f"Messages{whose}",
        (counting.ON_ITS_DAY, *counting.RULES),
        since,
        asked.ends,
        (table,),
        notes=tuple(counting.unknown(groups, silent)),
    )
