"""What the builder's table is made of: kinds of conditions, each with fields and with slots for conditions inside it.

Promise: pure. Titles, labels and helps are the texts that are shown, by which their translations are found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from api.console.builder.shapes import Shape

Plain = dict[str, Any]
#: Of what a condition is asked: a customer, an event's properties, … Each has its kinds.
Scope = Literal["customer", "property", "events", "next", "ranked", "amount", "rule"]


@dataclass(frozen=True)
class Field:
    """One thing that is asked: its name in the form, its place in the JSON (its name, unless told), and how it is drawn."""

    name: str
    label: str
    shape: Shape
    place: tuple[str, ...] | None = None
    needed: bool = True
    help: str = ""
    aside: bool = False
    begins: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> tuple[str, ...]:
        """Where its value stands; of a shape that is several keys, the object around them."""
        if self.place is not None:
            return self.place
        return () if self.shape.spread else (self.name,)


@dataclass(frozen=True)
class Slot:
    """Conditions inside a condition: one of a scope (`one`), a list (`rows`), or some that all or any joins (`joined`)."""

    name: str
    label: str
    scope: Scope
    sort: Literal["one", "rows", "joined"] = "joined"
    needed: bool = True
    help: str = ""
    #: How many there are, where that is fixed.
    exactly: int | None = None

    @property
    def at(self) -> tuple[str, ...]:
        """Where it stands in the JSON."""
        return (self.name,)


def _same(plain: Plain) -> Plain:
    return plain


@dataclass(frozen=True)
class Kind:
    """A kind of condition: what it is called, under which heading, and what is asked.

    `flat` makes of its JSON what the fields stand in, where that is another object, and `deep` makes it JSON again.
    """

    name: str
    title: str
    parts: tuple[Field | Slot, ...]
    heading: str = ""
    help: str = ""
    flat: Callable[[Plain], Plain] = _same
    deep: Callable[[Plain], Plain] = _same

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields alone."""
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The conditions inside."""
        return tuple(part for part in self.parts if isinstance(part, Slot))
