"""`listed(…)`: who is on a list kept by hand or from a file.

Promise: no state of its own. Putting on and taking off are events of the type `$list:<name>`, and the last one decides, so
a list is as exact in time as everything else, follows a merge, and can be asked about any past instant.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.documents import Compare
from segments.language.edges import Edge
from segments.language.events import LIST_EVENT
from segments.language.predicate import Predicate, Read
from segments.language.query import Query, Sql
from segments.language.reading import only
from segments.leaves.did import Did

#: Their property: true when the customer was put on the list, false when taken off.
ON_IT = "listed"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


def check_list_name(name: object) -> str:
    """The name, if a list can be called so.

    Raises:
        DefinitionError: it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DefinitionError(f"listed({name!r})", "a list's name has 1 to 100 lower-case letters, digits and hyphens inside")
    return name


@dataclass(frozen=True, eq=False)
class Listed(Predicate, keys=("listed",), past=True):
    """On the list at the instant asked about."""

    name: str

    def __post_init__(self) -> None:
        check_list_name(self.name)

    @cached_property
    def last(self) -> Did:
        """The same in events: the last one of the list's put the customer on it."""
        kind = LIST_EVENT + self.name
        return Did(kind, condition=Compare("property", (ON_IT,), "==", value=True), since=kind)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the last event of the list's put the customer on it."""
        return self.last.holds(facts, at)

    def sql(self, q: Query) -> Sql:
        """That of the last event."""
        return self.last.sql(q)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """Whether the last event put the customer on it, and since when."""
        events = facts.until(self.last.type, at)
        return {"listed": events[-1].properties.get(ON_IT) is True, "since": events[-1].ts} if events else None

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """When the customer was put on it."""
        return self.last.moment(facts, at)

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """Those of the last event."""
        return self.last.turning(to=to)

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it comes to."""
        return (self.last,)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The list's name."""
        only(plain, "listed")
        return cls(check_list_name(plain["listed"]))

    def to_json(self) -> dict[str, Any]:
        """`{"listed": …}`."""
        return {"listed": self.name}

    def denied(self) -> str:
        """The opposite, in words."""
        return f'is not on the list "{self.name}"'

    def __str__(self) -> str:
        return f'is on the list "{self.name}"'


def listed(name: str) -> Listed:
    """The customer is on this list (`journeys lists import`, `POST /v1/lists/{name}/members`)."""
    return Listed(name)
