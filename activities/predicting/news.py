"""What a scoring has to say: whose score is another one than before, who crossed a threshold, who is of another kind.

Promise: what is written of a customer is written in one transaction, in the order of their ids: a score and the crossings that
follow from it belong together, two that write wait for each other and never in a circle, and rows that lie side by side are
written one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from activities.predicting.kind import Chosen, Floats, Labels, Says
from activities.predicting.packed import packed
from segments.ask.known import Table
from segments.leaves.crossed import Crossed, Foretold, Sorted
from store import Connection, predictions
from store.predictions import NewScores, Told

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Before:
    """What a table's rows had before: scores (NaN: none) and labels; `gone` had one and are not in the table."""

    scores: Floats
    labels: Labels | None
    gone: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of a table's rows, beside what they had before; where `changed` is false, that stays."""

    table: Table
    says: Says
    before: Before
    changed: Chosen
    theirs: Chosen

    @property
    def scores(self) -> Floats:
        """The score that stands from now on."""
        return np.where(self.changed, self.says.scores, self.before.scores)

    def moving(self, *, settled: bool) -> Chosen:
        """Who may have come to be of another kind; where it is settled, what was said before is known to be."""
        if self.says.labels is None or self.before.labels is None:
            return np.zeros(len(self.table), bool)
        moved: Chosen = self.says.labels != self.before.labels
        return moved if settled else np.ones(len(self.table), bool)

    def crossing(self, threshold: Crossed, *, settled: bool, told: bool) -> Chosen:
        """Who may have crossed a threshold; where it is settled, all who were over it by their score are known to be.

        Where nobody was ever `told` of it, nobody falls below it.
        """
        before = self.before.scores
        up, back = self.scores >= threshold.up, self.scores < threshold.back
        return (up & ~(settled & (before >= threshold.up))) | (told & back & ~(before < threshold.back))

    def rows(self, chosen: Rows, versions: Rows) -> NewScores:
        """What is written of these, each by the model of this version."""
        return rows_of(_ids(self.table)[chosen], versions, self.says.some(chosen))


@dataclass(frozen=True, slots=True)
class News:
    """What is written of a table's rows.

    Attributes:
        scored: What the models say.
        by: The model that scores, and the one on trial.
        upwards: Whether anybody new comes over a threshold or to be of a kind.
        crossing: By threshold, who may have crossed it.
        sorts: The type of the events of who is of another kind, where anybody asks.
        moving: Who may be.
        since: From when on there may be events of a type; None: always.
        rows: Of whom anything is written, in the order of their ids.
    """

    scored: Scored
    by: tuple[Told, Told]
    upwards: bool
    crossing: Mapping[Crossed, Chosen]
    sorts: str | None
    moving: Chosen
    since: Mapping[str, datetime | None]
    rows: Rows

    @classmethod
    def of(
        cls,
        scored: Scored,
        asked: Sequence[Foretold],
        settled: Sequence[str],
        since: Mapping[str, datetime | None],
        by: tuple[Told, Told],
        *,
        upwards: bool,
    ) -> Self:
        """By what is asked of the prediction; of what is `settled`, all who were over it are known to be."""
        crossing = {
            each: scored.crossing(each, settled=each.kind in settled, told=since[each.kind] is None)
            for each in asked
            if isinstance(each, Crossed)
        }
        sorts = next((each.kind for each in asked if isinstance(each, Sorted)), None)
        moving = scored.moving(settled=sorts in settled) if sorts else np.zeros_like(scored.changed)
        rows = _by_id(scored.table, np.logical_or.reduce([scored.changed, moving, *crossing.values()]))
        return cls(scored, by, upwards, crossing, sorts, moving, since, rows)

    async def write(self, connection: Connection, some: Rows, now: datetime) -> int:
        """Write the scores of some rows and what follows from them, inside the caller's transaction; how many events."""
        told, tried = self.by
        theirs = self.scored.theirs
        new = some[self.scored.changed[some]]
        versions = np.where(theirs[new], tried.version, told.version)
        await predictions.write(connection, told.prediction, told.as_of, self.scored.rows(new, versions))
        count = 0
        for threshold, chosen in self.crossing.items():
            since = self.since[threshold.kind]
            for by, whose in ((told, ~theirs), (tried, theirs)):
                if who := self._with(self.scored.scores, some[chosen[some] & whose[some]]):
                    count += await predictions.cross(connection, threshold, who, by, now, upwards=self.upwards, since=since)
        if self.sorts and self.scored.says.labels is not None and self.moving[some].any():
            who, since = self._with(self.scored.says.labels, some[self.moving[some]]), self.since[self.sorts]
            count += await predictions.sort(connection, self.sorts, who, told, now, moves=self.upwards, since=since)
        return count

    async def drop(self, connection: Connection, who: Sequence[UUID], now: datetime) -> int:
        """Take away the scores of who is not asked about any more, and what follows; how many events."""
        told, _ = self.by
        fallen = [(each, None) for each in who]
        await predictions.drop(connection, told.prediction, who)
        count = 0
        for threshold in self.crossing:
            count += await predictions.cross(connection, threshold, fallen, told, now, upwards=False)
        if self.sorts:
            count += await predictions.sort(connection, self.sorts, fallen, told, now, moves=False)
        return count

    def _with(self, values: NDArray[Any], rows: Rows) -> list[tuple[UUID, Any]]:
        return [(self.scored.table.id(row), value) for row, value in zip(rows, values[rows].tolist(), strict=True)]


def rows_of(ids: NDArray[np.void], versions: Rows, says: Says) -> NewScores:
    """What is said of customers, as rows: ids of sixteen bytes, and by the model of which version each is."""
    columns = {"id": ids, "version": versions, "score": says.scores}
    columns |= {name: each for name, each in (("low", says.low), ("high", says.high)) if each is not None}
    labels: list[str] = []
    if says.labels is not None:
        labels, columns["label"] = _numbered(says.labels)
    if says.more:
        columns["more"] = np.stack(list(says.more.values()), axis=1)
    return NewScores(list(columns), packed(list(columns.values())), labels, list(says.more))


def _ids(table: Table) -> NDArray[np.void]:
    """Whose rows they are, sixteen bytes each."""
    return np.frombuffer(table.ids, "V16")


def _by_id(table: Table, chosen: Chosen) -> Rows:
    """The chosen rows in the order of their customers' ids: rows that lie side by side are written one after the other."""
    rows = np.flatnonzero(chosen)
    high, low = np.frombuffer(table.ids, ">u8").reshape(-1, 2)[rows].T
    found: Rows = rows[np.lexsort((low, high))]
    return found


def _numbered(labels: Labels) -> tuple[list[str], Rows]:
    """The kinds that there are, and of each row the number of its own: 1 is the first, 0 is none."""
    names = sorted({each for each in labels if each is not None})
    number = {None: 0} | {name: n for n, name in enumerate(names, 1)}
    return names, np.array([number[each] for each in labels], np.int64)
