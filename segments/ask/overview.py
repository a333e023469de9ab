"""All segments at a glance: those of the catalogue and those that came through the API, with their sizes and worries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from segments.ask.concerns import Concern, WorryFrom, of_foretold, of_one, reads
from segments.define.define import alive
from segments.errors import DefinitionError
from segments.language.names import Resolved, by_name, resolved
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.leaves.crossed import Foretold
from segments.leaves.people import mentions
from segments.predictions.declared import leaves_in
from store import Database, predictions
from store.segments.rows import Stored, evaluated, last_heard, loading, stored
from store.segments.sizes import sizes

DefinedIn = Literal["code", "api"]
State = Literal["live", "loading", "waiting"]


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment that the watch looks after, and where its definition lives; `stored` is its row when that is the API.

    `written` is its predicate in JSON as people write it: other segments by their names.
    """

    segment: Segment
    stored: Stored | None = None
    written: Mapping[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> DefinedIn:
        """Where it is defined."""
        return "api" if self.stored else "code"


@dataclass(frozen=True)
class AllSegments:
    """Every segment by name, and for each stored definition that cannot be read the reason."""

    known: Mapping[str, KnownSegment]
    problems: Mapping[str, str]

    @property
    def segments(self) -> list[Segment]:
        """The segments alone."""
        return [each.segment for each in self.known.values()]

    @property
    def predicates(self) -> dict[str, Any]:
        """What each name stands for, as JSON that may name others."""
        return {name: each.written for name, each in self.known.items()}

    def concerns(self, entries: Mapping[str, str]) -> list[Concern]:
        """What stands still: definitions that cannot be read, and journeys whose entry segment (by journey) nobody defined."""
        unread = [
            Concern("GOV-10", "cannot be read", name, f"is left out by the watch: {problem}")
            for name, problem in self.problems.items()
        ]
        waiting = [
            Concern(
                "JRN-19", "journey waits", name, f"journey {journey!r} is entered by it; define it (`PUT /v1/segments/{name}`)"
            )
            for journey, name in sorted(entries.items())
            if name not in self.known
        ]
        return unread + waiting


@dataclass(frozen=True, slots=True)
class Overview:
    """A segment with what there is to say of it; `evaluated_to` is None until the watch has evaluated this version.

    While it is being loaded, `loaded` is the share of the customers done, 0 to 1, and `members` are those of the old
    version, or as many as there are already.
    """

    known: KnownSegment
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


async def all_segments(database: Database, catalogue: Mapping[str, Segment]) -> AllSegments:
    """Every segment, those of the catalogue and the stored ones; the catalogue's win."""
    rows, found = await _read(database, catalogue)
    known = {
        name: KnownSegment(segment, rows.get(name), _written(segment, rows.get(name), found.segments))
        for name, segment in sorted(found.segments.items())
    }
    return AllSegments(known, found.problems)


async def _read(database: Database, catalogue: Mapping[str, Segment]) -> tuple[dict[str, Stored], Resolved]:
    """The rows of stored segments, and what they and the catalogue's mean."""
    rows = {row.name: row for row in alive(await stored(database)) if row.name not in catalogue}
    return rows, resolved(catalogue, {name: row.definition for name, row in rows.items()})


def _written(segment: Segment, row: Stored | None, segments: Mapping[str, Segment]) -> Mapping[str, Any]:
    if row is not None:
        return dict(row.definition["predicate"])
    plain = segment.predicate.to_json()
    try:
        return dict(by_name(plain, segments))
    except DefinitionError:  # code may contain a segment of which another definition bears the name
        return plain


@dataclass(frozen=True, slots=True)
class Standing:
    """A segment, None where there is none (any more), and in words what keeps its members from being known, None: nothing."""

    segment: Segment | None
    wanting: str | None


async def standing(database: Database, catalogue: Mapping[str, Segment], name: str) -> Standing:
    """Whether who is in a segment is known: each shard has loaded the definition that holds now."""
    around = await all_segments(database, catalogue)
    if name not in around.known:
        why = f"cannot be read any more: {around.problems[name]}" if name in around.problems else "is gone"
        return Standing(None, f"segment {name!r} {why}; define it again, or cancel this")
    segment = around.known[name].segment
    versions = {name: segment.version}
    share = (await loading(database, versions)).get(name)
    if share is None and await evaluated(database, versions):
        return Standing(segment, None)
    how = "is not loaded yet" if share is None else f"is being loaded ({share:.0%})"
    return Standing(segment, f"segment {name!r} {how}; it begins as soon as the watch has loaded it")


async def asked_of(
    database: Database, segments: Mapping[str, Segment], asks: Iterable[Predicate], prediction: str | None = None
) -> list[Foretold]:
    """All that anybody asks of predictions, or of one: segments of the catalogue and of the API, goals, exits, places."""
    _, found = await _read(database, segments)  # nobody is told of them: they need not be written as JSON
    return leaves_in((*(each.predicate for _, each in sorted(found.segments.items())), *asks), prediction)


async def overview(
    database: Database,
    known: Sequence[KnownSegment],
    entries: Mapping[str, str],
    among: AllSegments,
    at: datetime,
    limits: WorryFrom,
) -> list[Overview]:
    """These segments, each with its size, the journeys that it feeds and its worries.

    `entries` has the segment that each journey is entered by.
    """
    entered = {journey: among.known[name].segment.predicate for journey, name in entries.items() if name in among.known}
    fed = {journey: {entries[journey], *mentions(predicate)} for journey, predicate in entered.items()}
    segments = [each.segment for each in known]
    members = await sizes(database, [segment.name for segment in segments])
    versions = {segment.name: segment.version for segment in segments}
    done, begun = await evaluated(database, versions), await loading(database, versions)
    types = sorted(frozenset[str]().union(*map(reads, segments)))
    heard = await last_heard(database, types, at) if types else {}
    foretold = {row.name: row for row in await predictions.found(database)}
    return [
        Overview(
            each,
            members[each.segment.name],
            done.get(each.segment.name),
            tuple(sorted(journey for journey, made_of in fed.items() if each.segment.name in made_of)),
            (*of_one(each.segment, members[each.segment.name], heard, at, limits), *of_foretold(each.segment, foretold, at)),
            begun.get(each.segment.name),
        )
        for each in known
    ]
