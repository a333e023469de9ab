"""Models as they are kept: numbers by name as JSON, and the hash of that text.

Promise: pure. Nothing that is read here can run: there is no format but JSON, it holds numbers and the names of features, and a
text that is not exactly what one of our models writes is refused before anything is made of it. The one text inside is that of
LightGBM's trees, which `segments.models.trees.check` reads first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, Protocol, Self

from segments.errors import DefinitionError
from segments.models.best import Shares
from segments.models.kinds import Kinds
from segments.models.lifetime import Orders, Value
from segments.models.propensity import Propensity
from segments.models.trees import Trees
from segments.models.uplift import Helps

MOST_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A model's family, parameters and the sha256 of their text in hexadecimal."""

    family: str
    text: str
    sha256: str

    @classmethod
    def of(cls, model: "Model") -> Self:
        """A model as text; the same model is the same text."""
        text = json.dumps(model.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return cls(_name_of(model), text, _hash(text))

    def model(self) -> "Model":
        """The model again.

        Raises:
            DefinitionError: it was changed since it was kept, or is none of ours.
        """
        if len(self.text) > MOST_CHARACTERS:
            raise _refused(f"is {len(self.text):,} characters long; a model is {MOST_CHARACTERS:,} at most")
        if _hash(self.text) != self.sha256:
            raise _refused("was changed after it was kept: its sha256 differs; train it again")
        family = _FAMILIES.get(self.family)
        if family is None:
            raise _refused(f"is of a family that is not known; there are {', '.join(sorted(_FAMILIES))}")
        try:
            plain = json.loads(self.text, parse_constant=_no_number)
            found = family.from_json(plain)
            told = {name: each for name, each in plain.items() if name not in getattr(found, "texts", ())}
            same = found.to_json() == plain and _only_numbers(told)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _refused("does not read as a model of its family; train it again") from error
        if not same:
            raise _refused("holds more than numbers of its family; train it again")
        return found


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Orders and their value together."""

    orders: Orders
    value: Value | None

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return {"orders": asdict(self.orders), "value": self.value and asdict(self.value)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(Orders(**plain["orders"]), Value(**plain["value"]) if plain["value"] is not None else None)


Model = Propensity | Lifetime | Kinds | Trees | Shares | Helps


class _Family(Protocol):
    def from_json(self, plain: Mapping[str, Any], /) -> "Model": ...


_FAMILIES: Mapping[str, _Family] = {
    "helps": Helps,
    "kinds": Kinds,
    "lifetime": Lifetime,
    "propensity": Propensity,
    "shares": Shares,
    "trees": Trees,
}


def _name_of(model: "Model") -> str:
    return next(name for name, family in _FAMILIES.items() if type(model) is family)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _only_numbers(plain: Any) -> bool:
    """Names, lists and finite numbers, and nothing else."""
    match plain:
        case dict():
            return all(_only_numbers(value) for value in plain.values())
        case list():
            return all(_only_numbers(value) for value in plain)
        case bool() | str():
            return False
        case int() | float():
            return isfinite(plain)
        case _:
            return plain is None


def _no_number(name: str) -> float:
    raise ValueError(name)


def _refused(why: str) -> DefinitionError:
    return DefinitionError("model", why)
