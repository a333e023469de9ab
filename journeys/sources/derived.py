"""Derived traits: what a customer is by what they did, in the words of segments, kept up to date as segments are.

Promise: each case is a segment of the catalogue, so that the value is what the same engine says, at the same instant, by events
and by time alone; why somebody is in it is its lineage.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TypeAlias

from journeys.errors import CatalogueError
from journeys.sources.persona import Persona
from segments import Predicate, Segment

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST = 20
Value: TypeAlias = str | int | float | bool | dict[str, str]
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
        cases: Each value (a text, a number or a flag) with the predicate of which it is the case, the first first; or personas,
            whose fields the trait then has: `trait("persona.name")`, `customer.persona.worry` in a template.
        otherwise: The value of everybody else; None: they have none.

    Example:
        kind = DerivedTrait("type_of_purchase", {"bulk": did("Order Completed").where(prop("quantity") >= 10)})
    """

    name: str
    cases: Mapping[str | int | float | bool, Predicate] | Sequence[Persona]
    otherwise: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        whose = f"DerivedTrait({self.name!r})"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise CatalogueError(f"{whose} is no name", remedy='write it in lower case: DerivedTrait("type_of_purchase", …)')
        if self.name in _SAID:
            raise CatalogueError(f"{whose}: SDKs say {self.name} of customers", remedy="give the derived one a name of its own")
        personas = isinstance(self.cases, Sequence) and all(isinstance(each, Persona) for each in self.cases)
        if not (isinstance(self.cases, Mapping) or personas) or not 1 <= len(self.cases) <= _MOST:
            remedy = 'write {"bulk": did("Order Completed").where(…)}, or personas'
            raise CatalogueError(f"{whose} has 1 to {_MOST} cases", remedy=remedy)
        for value, predicate in self._cases:
            if not isinstance(value, str | int | float | bool | dict) or not isinstance(predicate, Predicate):
                raise CatalogueError(f"{whose}: {value!r} is no case", remedy="give each value a predicate")
            if self.name in predicate.traits or f'"trait": "{self.name}"' in str(predicate.to_json()).replace("'", '"'):
                raise CatalogueError(f"{whose} follows from itself", remedy="leave it out of its cases")

    @property
    def _cases(self) -> list[tuple[Value, Predicate]]:
        if isinstance(self.cases, Mapping):
            return [*self.cases.items()]
        return [(each.told, each.segment.predicate) for each in self.cases]

    @property
    def names(self) -> set[str]:
        """What templates may name."""
        told = [value for value, _ in self._cases if isinstance(value, dict)]
        return {self.name, *(f"{self.name}.{field}" for value in told for field in value)}

    @property
    def values(self) -> dict[str, Value]:
        """The value of each case by the name of its segment, the first first."""
        told = [*(value for value, _ in self._cases), *([] if self.otherwise is None else [self.otherwise])]
        return {self._named(n): value for n, value in enumerate(told, 1)}

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its cases; the last is everybody else, where they have a value."""
        found = [
            Segment(self._named(n), predicate, f"Whose {self.name} is {_short(value)}, if no case before it is.")
            for n, (value, predicate) in enumerate(self._cases, 1)
        ]
        if self.otherwise is not None:
            rest = ~reduce(or_, [predicate for _, predicate in self._cases])
            found.append(Segment(self._named(len(found) + 1), rest, f"Whose {self.name} is {self.otherwise}."))
        return tuple(found)

    @property
    def version(self) -> str:
        """A stable hash of what it means."""
        told = [(segment.version, repr(value)) for segment, value in zip(self.segments, self.values.values(), strict=True)]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:8]

    def value(self, cases: frozenset[str]) -> tuple[Value | None, str | None]:
        """The value of who is in these cases, and which one decides."""
        return next(((value, case) for case, value in self.values.items() if case in cases), (None, None))

    def _named(self, number: int) -> str:
        return f"derived-{self.name.replace('_', '-')}-{number}"


def _short(value: Value) -> str:
    return value["name"] if isinstance(value, dict) else str(value)
