"""Context by a provider: what it is like where a customer is (weather, traffic, a season), asked when it is needed.

Promise: declared once, by name. A provider learns a place to the declared precision, and nothing else of anybody; what it does
not tell in time is as the declaration says, so that no journey and no message waits for it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import isfinite
from typing import Any, Generic
from urllib.parse import urlsplit

from pydantic import BaseModel
from typing_extensions import TypeVar

from journeys.contracts import Suits
from journeys.entering import branchable, written
from journeys.errors import CatalogueError
from journeys.keepable import is_plain
from segments import DefinitionError, Predicate
from segments.language.documents import check_fields
from segments.language.moves import leaves
from segments.language.predicate import as_predicate

#: The model of what is told of a place.
Gives = TypeVar("Gives", bound=BaseModel, default=Any)
#: What is asked of a provider: the names and values of its query.
Asked = Mapping[str, str]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_REASON = re.compile(r"[a-z][a-z0-9 -]{0,62}")
_TRAIT = re.compile(r"[^.\s]+(\.[^.\s]+)*")
#: Traits that are no place, or are one as exact as a door: no provider is told these.
_PERSONAL = frozenset(
    {"birthday", "email", "firstName", "lastName", "name", "phone", "street", "username", "id", "user_id", "userId", "avatar"}
)
_MOST_DIGITS = 2  # of a degree: a kilometre
_SHORTEST, _LONGEST = timedelta(milliseconds=100), timedelta(seconds=10)
_LEAST_KEPT, _MOST_KEPT = timedelta(minutes=1), timedelta(days=1)
_TEXT = 100


@dataclass(frozen=True, eq=False)
class Suiting(Generic[Gives]):
    """Where a message suits: what a context has to be like, and by which word it is told that it is not."""

    context: "Context[Gives]"
    suits: Suits

    def __str__(self) -> str:
        return str(self.suits)


@dataclass(frozen=True)
class Context(Generic[Gives]):
    """What a provider tells of the place where a customer is, over HTTPS: a GET that is answered by JSON.

    Args:
        name: Lower case, with hyphens; templates know its answer as `context.<name>.<field>`.
        gives: A pydantic model of the answer.
        otherwise: What is so where the provider is away, is too slow, tells something else, or where the place is not known.
        url: The provider's address. What settings (`JOURNEYS_CONTEXTS`) say goes before; a key stands there, never here.
        by: The traits that say where the customer is, each by the name under which it is asked for:
            `{"city": "address.city"}`; a list of traits is asked for by their last names.
        digits: To how many digits behind the point numbers of these are rounded: 1 is 11 km of latitude, 2 is the most.
        places: What is asked for in the place of a trait's value, where a provider knows no such names:
            `{"Lima": {"latitude": -12.0, "longitude": -77.0}}`. Other values are no known place.
        asks: What else is asked for, the same for everybody.
        answer: Where in the JSON the answer stands: `"current"`.
        cache: How long what was told of a place is taken for so, by all workers.
        timeout: How long it is waited for.

    Example:
        weather = Context("weather", gives=Weather, otherwise=Weather(temperature=20), url="https://…", by=["address.city"])
    """

    name: str
    gives: type[Gives] = field(kw_only=True)
    otherwise: Gives = field(kw_only=True)
    url: str = field(kw_only=True)
    by: Mapping[str, str] | Sequence[str] = field(kw_only=True)
    digits: int = field(default=1, kw_only=True)
    places: Mapping[str, Mapping[str, float | str]] | None = field(default=None, kw_only=True)
    asks: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    answer: str = field(default="", kw_only=True)
    cache: timedelta = field(default=timedelta(minutes=30), kw_only=True)
    timeout: timedelta = field(default=timedelta(seconds=2), kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.by, Mapping):
            listed = self.by if isinstance(self.by, Sequence) and not isinstance(self.by, str) else ()
            object.__setattr__(self, "by", {str(each).rpartition(".")[2]: each for each in listed})
        for holds, fault, remedy in self._rules():
            if not holds:
                raise CatalogueError(f"Context({self.name!r}): {fault}", remedy=remedy)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def model(self) -> type[BaseModel]:
        """What it gives, as pydantic knows it."""
        return self.gives

    @property
    def default(self) -> dict[str, Any]:
        """What is so where nothing was told, as JSON values."""
        return written(self.otherwise)

    @property
    def named(self) -> frozenset[str]:
        """What templates may name of its answer: `weather`, `weather.temperature`."""
        return frozenset({self.name, *(f"{self.name}.{each}" for each in self.model.model_fields)})

    @property
    def digest(self) -> str:
        """What is asked and what is read of the answer, in short: answers to one declaration are none to another."""
        told = self.url, sorted(self.asks.items()), self.answer, repr(sorted(self.model.model_fields.items()))
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def known(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Of an answer what a journey may branch on, and a history hold."""
        return branchable(self.model, answer)

    def place(self, traits: Mapping[str, Any]) -> Asked | None:
        """Where a customer is, as the provider is asked; None where one of the traits does not tell."""
        assert isinstance(self.by, Mapping)
        found = {name: self._rounded(_at(traits, path)) for name, path in self.by.items()}
        told = {name: value for name, value in found.items() if value is not None}
        if len(told) < len(found):
            return None
        if self.places is None:
            return told
        (value,) = told.values()
        known = {name.casefold(): place for name, place in self.places.items()}.get(value.casefold())
        return None if known is None else {name: str(each) for name, each in known.items()}

    def where(self, *conditions: Predicate, because: str) -> Suiting[Gives]:
        """Only where this is so, for `only=` of a message; `because` is what the ledger says where it is not.

        Conditions are on the fields of the answer, in the words of segments: `prop("temperature") < 12`.

        Example:
            await j.push("winter-coat", only=weather.where(prop("temperature") < 12, because="climate"))
        """
        whose = f"{self.name}.where()"
        if not conditions:
            raise CatalogueError(f"{whose} says no condition", remedy='write one: where(prop("temperature") < 12, because=…)')
        if not isinstance(because, str) or not _REASON.fullmatch(because):
            raise CatalogueError(f"{whose}: because={because!r} is no reason", remedy='write a word or two: because="climate"')
        try:
            wanted = as_predicate(conditions[0], whose)
            for each in conditions[1:]:
                wanted &= as_predicate(each, whose)
            check_fields(whose, wanted)
        except DefinitionError as error:
            raise CatalogueError(str(error), remedy='ask the fields of its answer: prop("temperature") < 12') from None
        for leaf in leaves(wanted):
            (name, *_) = getattr(leaf, "path", ("",))
            if name not in self.model.model_fields:
                told = ", ".join(self.model.model_fields)
                raise CatalogueError(f"{whose}: {self.name} tells no {name}", remedy=f"it tells {told}")
        return Suiting(self, Suits(context=self.name, because=because, where=wanted.to_json()))

    def _rounded(self, value: Any) -> str | None:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return str(round(float(value), self.digits) + 0.0) if isfinite(value) else None
        text = " ".join(value.split()) if isinstance(value, str) else ""
        return text if 0 < len(text) <= _TEXT and text.isprintable() else None

    def _rules(self) -> list[tuple[bool, str, str]]:
        model = isinstance(self.gives, type) and issubclass(self.gives, BaseModel)
        parts = urlsplit(self.url) if isinstance(self.url, str) else urlsplit("")
        by = self.by if isinstance(self.by, Mapping) else {}
        exact = sorted(path for path in by.values() if str(path).rpartition(".")[2] in _PERSONAL)
        spans = isinstance(self.cache, timedelta) and isinstance(self.timeout, timedelta)
        return [
            (
                isinstance(self.name, str) and bool(_NAME.fullmatch(self.name)),
                "is no name for a context",
                'a name is in lower case, with hyphens: Context("weather", …)',
            ),
            (model, "gives= is no model", "write a class that derives from pydantic's BaseModel"),
            (model and isinstance(self.otherwise, self.gives), "otherwise= is none of what it gives", "say what is so then"),
            (
                parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.username or parts.query),
                "url= is no address without a query",
                'write url="https://…", and what is asked into by= and asks=',
            ),
            (
                bool(by) and all(isinstance(each, str) and _TRAIT.fullmatch(each) for each in by.values()),
                "by= names no traits that say where a customer is",
                'write by={"city": "address.city"}',
            ),
            (not exact, f"by= tells the provider who it is about: {', '.join(exact)}", "tell a city, a country, coordinates"),
            (
                isinstance(self.digits, int) and 0 <= self.digits <= _MOST_DIGITS,
                f"digits= is a number from 0 to {_MOST_DIGITS}",
                "write digits=1: eleven kilometres",
            ),
            (self.places is None or len(by) == 1, "places= goes with one trait", 'write by=["address.city"]'),
            (
                all(isinstance(name, str) and is_plain(each) and each is not None for name, each in self.asks.items()),
                "asks= holds names and texts",
                'write asks={"units": "metric"}',
            ),
            (spans and _LEAST_KEPT <= self.cache <= _MOST_KEPT, "cache= is a minute to a day", "write cache=minutes(30)"),
            (
                spans and _SHORTEST <= self.timeout <= _LONGEST,
                "timeout= is a tenth of a second to ten seconds",
                "write timeout=timedelta(seconds=2)",
            ),
        ]


def _at(traits: Mapping[str, Any], path: str) -> Any:
    found: Any = traits
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
