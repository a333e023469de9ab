"""One look of the watch at its shard: what was consumed, what is watched, and who may have moved."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import asyncpg

from segments.errors import CannotBeEvaluated
from segments.language.segment import Segment
from segments.sql import statements as compiler
from segments.watch.interest import Live
from store import Connection

_PROFILES_AT_ONCE = 10_000


class Dirty(NamedTuple):
    """A mark that was consumed: something of this profile changed, by events received at this business time.

    `written_by` is the transaction that wrote the mark and the events it stands for.
    """

    profile_id: UUID
    types: frozenset[str]
    at: datetime
    traceparent: str | None = None
    written_by: str = ""


@dataclass
class Look:
    """The state of one tick, inside its transaction."""

    connection: Connection
    at: datetime
    live: list[Live]
    dirty: list[Dirty]
    members: dict[str, dict[UUID, datetime]] = field(default_factory=dict)
    candidates: dict[str, set[UUID]] = field(default_factory=dict)

    @property
    def since(self) -> datetime:
        """The earliest instant from which this tick looks."""
        return min((each.evaluated_to for each in self.live), default=self.at)

    def inside(self, name: str) -> Mapping[UUID, datetime]:
        """Who of all that this tick looks at was in a segment before it, and since when."""
        return self.members.get(name, {})

    @cached_property
    def changed(self) -> dict[UUID, frozenset[str]]:
        """The dirty profiles with all the types that changed."""
        types: dict[UUID, frozenset[str]] = {}
        for mark in self.dirty:
            types[mark.profile_id] = types.get(mark.profile_id, frozenset()) | mark.types
        return types

    @cached_property
    def traced(self) -> dict[UUID, list[Dirty]]:
        """The marks that belong to a trace, by profile."""
        found: dict[UUID, list[Dirty]] = {}
        for mark in self.dirty:
            if mark.traceparent is not None:
                found.setdefault(mark.profile_id, []).append(mark)
        return found

    def traceparent(self, profile: UUID, types: AbstractSet[str]) -> str | None:
        """The trace of a mark of the profile, one with these types first."""
        marks = self.traced.get(profile, ())
        return max(marks, key=lambda mark: bool(mark.types & types)).traceparent if marks else None

    async def evaluate(self, segment: Segment) -> set[UUID]:
        """The candidates that are in the segment now.

        Raises:
            CannotBeEvaluated: it fails; the transaction is lost.
        """
        inside: set[UUID] = set()
        with blaming(segment):
            statement, profiles = compiler.among(segment.predicate), list(self.candidates[segment.name])
            for start in range(0, len(profiles), _PROFILES_AT_ONCE):
                arguments = statement.args(self.at, ids=profiles[start : start + _PROFILES_AT_ONCE])
                inside.update(row["id"] for row in await self.connection.fetch(statement.sql, *arguments))
        return inside


#: What a definition itself is to blame for; anything else is the store's trouble, and passes.
UNUSABLE = (
    asyncpg.DataError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    ValueError,
)


@contextmanager
def blaming(segment: Segment) -> Iterator[None]:
    """What fails here because of a definition says which."""
    try:
        yield
    except UNUSABLE as error:
        raise CannotBeEvaluated(segment.name, segment.version, type(error).__name__) from error
