"""All segments at a glance: those of the catalogue and those that came through the API, with their sizes and worries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from segments.concerns import Concern, Limits, of_one, reads
from segments.errors import SegmentError
from segments.language import Segment
from segments.people import MemberOf
from segments.predicate import Predicate
from store import Database
from store.segments import Stored, evaluated, last_heard, loading, sizes, stored

Origin = Literal["code", "api"]
State = Literal["live", "loading", "waiting"]


@dataclass(frozen=True, slots=True)
class Known:
    """A segment that the watch looks after, and where its definition lives; `stored` is its row when that is the API."""

    segment: Segment
    stored: Stored | None = None

    @property
    def origin(self) -> Origin:
        """Where it is defined."""
        return "api" if self.stored else "code"


@dataclass(frozen=True, slots=True)
class Overview:
    """A segment with what there is to say of it; `evaluated_to` is None until the watch has evaluated this version.

    While it is being loaded, `loaded` is the share of the customers done, 0 to 1, and `members` are those of the old
    version, or as many as there are already.
    """

    known: Known
    members: int
    evaluated_to: datetime | None
    journeys: tuple[str, ...]
    concerns: tuple[Concern, ...]
    loaded: float | None = None

    @property
    def state(self) -> State:
        """Where it is on its way; waiting: no watch has taken this version up yet."""
        if self.loaded is not None:
            return "loading"
        return "waiting" if self.evaluated_to is None else "live"


async def known_segments(database: Database, catalogue: Iterable[Segment]) -> dict[str, Known]:
    """Every segment by name; the catalogue's win, and stored ones that cannot be read any more are left out."""
    found = {row.name: known for row in await stored(database) if (known := _readable(row)) is not None}
    found |= {segment.name: Known(segment) for segment in catalogue}
    return dict(sorted(found.items()))


async def overview(
    database: Database, known: Sequence[Known], entries: Mapping[str, Segment], at: datetime, limits: Limits
) -> list[Overview]:
    """These segments, each with its size, the journeys that it feeds (of `entries`, by journey) and its worries."""
    segments = [each.segment for each in known]
    members = await sizes(database, [segment.name for segment in segments])
    versions = {segment.name: segment.version for segment in segments}
    done, begun = await evaluated(database, versions), await loading(database, versions)
    types = sorted(frozenset[str]().union(*map(reads, segments)))
    heard = await last_heard(database, types, at) if types else {}
    return [
        Overview(
            each,
            members[each.segment.name],
            done.get(each.segment.name),
            tuple(sorted(name for name, entry in entries.items() if each.segment.name in mentioned(entry))),
            tuple(of_one(each.segment, members[each.segment.name], heard, at, limits)),
            begun.get(each.segment.name),
        )
        for each in known
    ]


def mentioned(segment: Segment) -> frozenset[str]:
    """A segment's name and those of the segments that its definition is made of."""
    return frozenset({segment.name, *_inside(segment.predicate)})


def _inside(predicate: Predicate) -> Iterator[str]:
    if isinstance(predicate, MemberOf):
        yield predicate.name
    for part in predicate.parts:
        yield from _inside(part)


def _readable(row: Stored) -> Known | None:
    if row.deleted_at is not None:
        return None
    try:
        return Known(Segment.from_json(row.definition), row)
    except SegmentError:
        return None
