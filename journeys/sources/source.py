"""Sources: tables and files of the company's, read by the author's own SQL again and again, and taken in like what is sent.

Promise: declared once, by name. Where a source is and what opens it stand in a setting, never in a catalogue.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from journeys.errors import CatalogueError

#: What a source is called, and a setting that one names.
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SETTING = re.compile(r"[A-Z][A-Z0-9_]{1,62}")
_ONLY_READS = re.compile(r"\s*(select|with|from|values|table)\b", re.IGNORECASE)
_LEAST, _MOST = timedelta(minutes=1), timedelta(days=31)


class Becomes(StrEnum):
    """What the rows of a source become."""

    TRAITS = "traits"
    EVENTS = "events"
    LIST = "list"


@dataclass(frozen=True)
class Source:
    """A table, a view or files of the company's, read again and again.

    Each row is about one customer, whom `key` names as `identify` would (`userId`). Without `event=` or `to_list=` its columns
    become traits: only rows that have changed are taken in, and who is no longer there loses the traits that came from here.

    Args:
        name: Lower case; it stands at each trait as where it came from.
        connect: The name of the setting with its address and credentials: `LOYALTY_URL`, which holds
            `postgresql://user:password@host/database`, `duckdb:` (files, named in the SQL), `duckdb:///path`, `snowflake://…`
            or `bigquery://…`.
        sql: One statement that reads.
        key: The column with the customer's user id.
        traits: The columns that become traits, or the trait of each; left out, every other column under its own name.
        event: Rows are events of this type: `at` says when, and `id`, by which each counts once.
        to_list: Rows are the members of this list.
        at: The column that says when it was so, or when it happened.
        id: The column by which a row is known again, of events.
        since: Whether only rows are read that are newer by `at` than those read before (events, and what changes in place);
            who has gone is not noticed then.
        every: How often it is read; what is in it is at most so old, and the time that reading takes.
        most_gone: The share of its customers who may be gone at once; if more are, nobody's traits are taken, and it is said.

    Example:
        loyalty = Source("loyalty", connect="LOYALTY_URL", sql="select user_id, tier, points from members", key="user_id")
    """

    name: str
    connect: str
    sql: str
    key: str
    traits: Mapping[str, str] | Sequence[str] | None = None
    event: str | None = None
    to_list: str | None = None
    at: str | None = None
    id: str | None = None
    since: bool = False
    every: timedelta = timedelta(hours=1)
    most_gone: float = 0.2

    def __post_init__(self) -> None:
        whose = f"Source({self.name!r})"
        for holds, fault, remedy in self._rules():
            if not holds:
                raise CatalogueError(f"{whose}: {fault}", remedy=remedy)
        if not isinstance(self.traits, Mapping) and self.traits is not None:
            object.__setattr__(self, "traits", {column: column for column in self.traits})

    @property
    def becomes(self) -> Becomes:
        """What its rows become."""
        return Becomes.EVENTS if self.event is not None else Becomes.LIST if self.to_list is not None else Becomes.TRAITS

    @property
    def whole(self) -> bool:
        """Whether it is read whole each time, so that it is seen who has gone."""
        return not self.since and self.becomes is not Becomes.EVENTS

    def named(self, columns: Sequence[str]) -> dict[str, str]:
        """The trait or property of each column that is one.

        Raises:
            KeyError: a column that the declaration names is not there.
        """
        needed = [name for name in (self.key, self.at, self.id) if name is not None]
        if self.traits is not None:
            needed += list(self.traits)
        for name in needed:
            if name not in columns:
                raise KeyError(name)
        if isinstance(self.traits, Mapping):
            return dict(self.traits)
        return {column: column for column in columns if column not in (self.key, self.at, self.id)}

    def _rules(self) -> list[tuple[bool, str, str]]:
        texts = isinstance(self.sql, str) and isinstance(self.connect, str) and isinstance(self.name, str)
        every = isinstance(self.every, timedelta) and _LEAST <= self.every <= _MOST
        return [
            (
                texts and bool(NAME.fullmatch(self.name)),
                "is no name for a source",
                'write it in lower case: Source("loyalty", …)',
            ),
            (
                texts and bool(SETTING.fullmatch(self.connect)),
                "connect= is the name of a setting, not an address: a catalogue holds no credentials",
                'write connect="LOYALTY_URL", and set LOYALTY_URL where workers run',
            ),
            (texts and bool(_ONLY_READS.match(self.sql)), "sql= is no statement that reads", "begin it with select or with"),
            (texts and ";" not in self.sql.rstrip().rstrip(";"), "sql= is more than one statement", "leave one"),
            (bool(self.key), "key= names no column", 'name the column with the user id: key="user_id"'),
            (self.event is None or self.to_list is None, "rows are events or members of a list, not both", "make two sources"),
            (
                self.event is None or (self.at is not None and self.id is not None),
                "events need at= and id=",
                'name the columns: at="sold_at", id="line_id"',
            ),
            (
                not self.since or self.at is not None,
                "since=True needs at=",
                'name the column by which rows are newer: at="updated_at"',
            ),
            (every, "every= is between a minute and a month", "write every=hours(1)"),
            (0 <= self.most_gone <= 1, "most_gone= is a share", "write most_gone=0.2"),
        ]
