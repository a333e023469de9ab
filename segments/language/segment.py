"""The words in which a segment is written: `trait`, `did`, `prop` and `Segment`.

Promise: pure. This module is imported inside Temporal's workflow sandbox, so nothing here touches SQL, a clock or I/O.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from segments.errors import DefinitionError
from segments.language.documents import is_of_property
from segments.language.moves import leaves
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json

#: Part of every version: raise it when the meaning of a definition changes though its text does not.
_SEMANTICS = 2
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


@dataclass(frozen=True)
class Effect:
    """What a segment's messages are meant to achieve: this share converts anyway, and a relative lift upon it."""

    base_rate: float
    lift: float

    def __post_init__(self) -> None:
        if not 0 < self.base_rate < 1 or not 0 < self.base_rate * (1 + self.lift) < 1 or not self.lift:
            raise DefinitionError(f"{self}", "needs 0 < base_rate < 1 and a lift (0.1: ten per cent more) that stays below 1")


@dataclass(frozen=True)
class Segment:
    """A name for the customers of whom a predicate is true.

    `owner`, `review_by` and `effect` are for people (who answers for it, until when it is trusted, what it is meant to
    achieve); like the description they do not change its version. Nor does `announce`: whether customers who are in it
    already when it is first loaded enter journeys. Those who come in by a changed definition always do.
    """

    name: str
    predicate: Predicate
    description: str = ""
    owner: str = ""
    review_by: date | None = None
    effect: Effect | None = None
    announce: bool = False

    def __post_init__(self) -> None:
        check_segment_name(self.name)
        if not isinstance(self.predicate, Predicate):
            raise DefinitionError(f"segment {self.name!r}", f"needs a predicate, not {self.predicate!r}")
        if misplaced := [leaf for leaf in leaves(self.predicate) if is_of_property(leaf)]:
            raise DefinitionError(f"segment {self.name!r}", f"prop(…) belongs inside did(…).where(…): {misplaced[0]}")

    @property
    def version(self) -> str:
        """A stable hash of what it means; the name and the description do not count."""
        return hashlib.sha256(f"{_SEMANTICS}:{self.predicate.key}".encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The definition as plain JSON."""
        plain = {"name": self.name, "description": self.description, "predicate": self.predicate.to_json()}
        effect = self.effect and {"base_rate": self.effect.base_rate, "lift": self.effect.lift}
        review_by = self.review_by and self.review_by.isoformat()
        told = {"owner": self.owner, "review_by": review_by, "effect": effect, "announce": self.announce}
        return plain | {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Segment":
        """The segment that `to_json` wrote.

        Raises:
            DefinitionError: it is not one; the error names the place.
        """
        try:
            name, definition = plain["name"], plain["predicate"]
        except KeyError as missing:
            raise DefinitionError("segment", f"has no {missing}") from None
        try:
            predicate = predicate_from_json(definition)
        except DefinitionError as error:
            raise error.within(f"segment {name!r}, predicate") from None
        described = (str(plain.get("description", "")), str(plain.get("owner", "")))
        return cls(name, predicate, *described, *_told(plain), announce=plain.get("announce") is True)

    def __str__(self) -> str:
        return f"{self.name}: {self.predicate}"


def check_segment_name(name: object) -> None:
    """Refuse what a segment cannot be called.

    Raises:
        DefinitionError: it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DefinitionError(f"Segment({name!r})", "a name has 1 to 100 lower-case letters, digits and hyphens inside")


def _told(plain: Mapping[str, Any]) -> tuple[date | None, Effect | None]:
    review_by, effect = plain.get("review_by"), plain.get("effect")
    try:
        until = None if review_by is None else date.fromisoformat(review_by)
        return until, None if effect is None else Effect(effect["base_rate"], effect["lift"])
    except (TypeError, ValueError, KeyError) as error:
        raise DefinitionError("review_by, effect", f"{error}; use a date, and an object with base_rate and lift") from None
