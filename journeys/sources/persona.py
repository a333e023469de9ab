"""Personas: kinds of people that a company knows, told by signs with points, and what may be said to each.

Promise: a persona is a score of the segment language; a derived trait makes it each customer's, with its fields.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segments import DefinitionError, Predicate, Segment, points, score

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Persona:
    """A buyer persona: what speaks for it, weighted, and what one knows of such people and may say to them.

    Args:
        name: As segments are named.
        signs: Points with what they are for: `[(3, trait("role") == "buyer"), (2, trait("worries").contains("price"))]`.
        at_least: So many points make it theirs.
        fields: Texts by name, such as motive, worry, alternative, source: `customer.persona.worry` in a template where a
            `DerivedTrait("persona", [careful, …])` tells each customer theirs.

    Raises:
        DefinitionError: a field is no name, or says nothing.
    """

    name: str
    signs: Sequence[tuple[int, Predicate]]
    at_least: int
    fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, text in self.fields.items():
            if not isinstance(key, str) or not _FIELD.fullmatch(key) or key == "name":
                raise DefinitionError(f"Persona({self.name!r})", f"{key!r} is no name of a field: write it like worry=…")
            if not isinstance(text, str) or not text.strip():
                raise DefinitionError(f"Persona({self.name!r})", f"{key} says nothing: give it a text")

    @property
    def segment(self) -> Segment:
        """Whose it is."""
        rules = [points(count, when) for count, when in self.signs]
        return Segment(self.name, score(*rules) >= self.at_least, "A buyer persona.")

    @property
    def told(self) -> dict[str, str]:
        """What a customer's trait says: its fields, and its name."""
        return {"name": self.name, **self.fields}
