"""Derived traits: what a customer is by what they did, in the words of segments, kept up to date as segments are.

Promise: each case is a segment of the catalogue, so that the value is what the same engine says, at the same instant, by events
and by time alone; why somebody is in it is its lineage.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from journeys.errors import CatalogueError
from segments import Predicate, Segment

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST = 20
#: What SDKs and apps say of customers by themselves (Segment spec, "Identify: traits"), and where their clock stands.
_SAID = frozenset(
    {
        *("address", "age", "avatar", "birthday", "company", "description", "email", "gender", "id", "name", "phone"),
        *("timezone", "title", "username", "website"),
    }
)


@dataclass(frozen=True)
class DerivedTrait:
    """A trait whose value follows from what is known: that of the first case that is true, else `otherwise`.

    Args:
        name: Lower case, with underscores; a name that nothing else says: no `Traits`, no source, no SDK.
        cases: Each value (a text, a number or a flag) with the predicate of which it is the case, the first first.
        otherwise: The value of everybody else; None: they have none.

    Example:
        kind = DerivedTrait("type_of_purchase", {"bulk": did("Order Completed").where(prop("quantity") >= 10)})
    """

    name: str
    cases: Mapping[str | int | float | bool, Predicate]
    otherwise: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        whose = f"DerivedTrait({self.name!r})"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise CatalogueError(f"{whose} is no name", remedy='write it in lower case: DerivedTrait("type_of_purchase", …)')
        if self.name in _SAID:
            raise CatalogueError(f"{whose}: SDKs say {self.name} of customers", remedy="give the derived one a name of its own")
        if not isinstance(self.cases, Mapping) or not 1 <= len(self.cases) <= _MOST:
            raise CatalogueError(f"{whose} has 1 to {_MOST} cases", remedy='write {"bulk": did("Order Completed").where(…)}')
        for value, predicate in self.cases.items():
            if not isinstance(value, str | int | float | bool) or not isinstance(predicate, Predicate):
                raise CatalogueError(f"{whose}: {value!r} is no case", remedy="give each value a predicate")
            if self.name in predicate.traits or f'"trait": "{self.name}"' in str(predicate.to_json()).replace("'", '"'):
                raise CatalogueError(f"{whose} follows from itself", remedy="leave it out of its cases")

    @property
    def values(self) -> dict[str, str | int | float | bool]:
        """The value of each case by the name of its segment, the first first."""
        told = [*self.cases, *([] if self.otherwise is None else [self.otherwise])]
        return {self._named(n): value for n, value in enumerate(told, 1)}

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its cases; the last is everybody else, where they have a value."""
        found = [
            Segment(self._named(n), predicate, f"Whose {self.name} is {value}, if no case before it is.")
            for n, (value, predicate) in enumerate(self.cases.items(), 1)
        ]
        if self.otherwise is not None:
            rest = ~reduce(or_, self.cases.values())
            found.append(Segment(self._named(len(found) + 1), rest, f"Whose {self.name} is {self.otherwise}."))
        return tuple(found)

    @property
    def version(self) -> str:
        """A stable hash of what it means."""
        told = [(segment.version, repr(value)) for segment, value in zip(self.segments, self.values.values(), strict=True)]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:8]

    def value(self, cases: frozenset[str]) -> tuple[str | int | float | bool | None, str | None]:
        """The value of who is in these cases, and which one decides."""
        return next(((value, case) for case, value in self.values.items() if case in cases), (None, None))

    def _named(self, number: int) -> str:
        return f"derived-{self.name.replace('_', '-')}-{number}"
