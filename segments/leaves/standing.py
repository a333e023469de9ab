"""What the last event of a type says of a customer, until the next one says otherwise.

Promise: no state of its own, so that it is as exact in time as everything else, follows a merge, and can be asked about any
past instant.
"""

from datetime import datetime
from functools import cached_property
from typing import Any

from segments.facts import Facts
from segments.language.documents import Compare
from segments.language.edges import Edge
from segments.language.predicate import Predicate
from segments.language.query import Query, Sql
from segments.leaves.did import Did


class Standing(Predicate):
    """True from an event of ours that says so to one that says otherwise."""

    #: What its events have to say.
    said: Any = True

    @property
    def kind(self) -> str:
        """The type of its events, which nobody but us sends."""
        raise NotImplementedError

    @property
    def says(self) -> str:
        """Their property that says whether."""
        raise NotImplementedError

    @cached_property
    def last(self) -> Did:
        """The same in events: the last one said so."""
        return Did(self.kind, condition=Compare("property", (self.says,), "==", value=self.said), since=self.kind)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the last event said so."""
        return self.last.holds(facts, at)

    def sql(self, q: Query) -> Sql:
        """That of the last event."""
        return self.last.sql(q)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """What the last event said, and since when."""
        events = facts.until(self.kind, at)
        if not events:
            return None
        said = events[-1].properties.get(self.says)
        return {self.says: said is True if self.said is True else said, "since": events[-1].ts}

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """When it was said."""
        return self.last.moment(facts, at)

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """Those of the last event."""
        return self.last.turning(to=to)

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it comes to."""
        return (self.last,)
