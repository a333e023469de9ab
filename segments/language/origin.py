"""Where the traits of one customer come from: who said each, how sure that was, and when it was last said.

Promise: pure; of a trait that is not there nothing is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from segments.language.comparing import as_instant

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origins:
    """By trait: what `profile.traits_from` says (source, since, and the confidence where it is inferred), and when."""

    told: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NOTHING)
    said_at: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def of(cls, traits_from: Mapping[str, Any], traits_at: Mapping[str, Any]) -> "Origins":
        """The two columns of a profile, read from JSON."""
        dated = {name: as_instant(text) for name, text in traits_at.items()}
        told = {name: origin for name, origin in traits_from.items() if isinstance(origin, Mapping)}
        return cls(told, {name: instant for name, instant in dated.items() if instant is not None})

    def inferred(self, trait: str) -> bool:
        """Whether the value is a guess."""
        return "confidence" in self.told.get(trait, {})


NOWHERE = Origins()
