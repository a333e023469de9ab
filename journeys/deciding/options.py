"""What is declared of a choice: its options in one dimension or several, for whom, for how many, and its reward.

Promise: plain values, checked when they are made, and the same again from JSON. The first of everything is the author's own
choice: the control gets it, and whoever gets nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from itertools import combinations, product
from json import dumps
from math import isfinite, prod
from typing import Any, Self

from journeys.arms import Experiment
from journeys.errors import CatalogueError
from journeys.keepable import check_name
from journeys.policies import Conversion, Kpi
from segments import Predicate, Segment
from segments.language.wire import predicate_from_json

#: Before the names of what a choice is measured by: on those drawn evenly, against the author's own choice; and of its rule.
FLOOR, FIXED, CHOICE = "$floor/", "$fixed/", "$choice/"
#: The arms of the second one.
OWN, CHOSEN = "own choice", "chosen"
#: What the one dimension of `j.choose` is called.
OPTION = "option"
#: The dimensions that say by what and when a message goes: each of their options is only for whom that is allowed.
CHANNEL, HOUR = "channel", "hour"
_LONGEST_NAME = 80
_MOST_TOGETHER, _MOST_CONTEXTS = 256, 4
_TWO = 2
_EXAMPLE = 'write await j.choose("subject", ["plain", "emoji"], reward=purchases)'


class Method(StrEnum):
    """By which rule customers are given what has brought most so far."""

    #: Each option as often as it is likely to be the best one.
    THOMPSON = "thompson"
    #: The one that may be best, as far as what is known of it allows; the same for all of a context within an hour.
    LINUCB = "linucb"


class State(StrEnum):
    """How a choice stands: an operator's switch."""

    LEARNS = "learns"
    #: Shares stay as they are.
    FROZEN = "frozen"
    #: Everybody gets the author's own choice.
    FIXED = "fixed"


@dataclass(frozen=True, eq=False)
class Option:
    """An option that is not for everybody: `Option(only=trait("tier") == "gold", budget=500)`.

    Args:
        only: Whom it may be given to; a segment counts by its definition.
        budget: To how many customers it is given at most, in all runs together; never more, however many ask at once.
    """

    only: Predicate | Segment | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.only, Predicate | Segment | None):
            raise CatalogueError(
                f"Option(only={self.only!r}) is no predicate", remedy='write Option(only=trait("tier") == "gold")'
            )
        if self.budget is not None and (isinstance(self.budget, bool) or not isinstance(self.budget, int) or self.budget < 0):
            raise CatalogueError(f"Option(budget={self.budget!r}) is no number of customers", remedy="write Option(budget=500)")

    @property
    def predicate(self) -> Predicate | None:
        """Of whom it must be true."""
        return self.only.predicate if isinstance(self.only, Segment) else self.only

    def to_json(self) -> dict[str, Any]:
        """What is declared, by name."""
        predicate = self.predicate
        said = {"only": None if predicate is None else predicate.to_json(), "budget": self.budget}
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(predicate_from_json(plain["only"]) if "only" in plain else None, plain.get("budget"))


@dataclass(frozen=True, eq=False)
class Choice:
    """A choice as a journey asks for it.

    Args:
        name: By which it is known, over all journeys.
        dimensions: What is varied, each with its options by name.
        reward: What counts for whoever got an option, from that instant on.
        context: What customers are told apart by, by name.
        control: The fraction of the customers who always get the first of everything.
        floor: The fraction of all other draws in which every option is as likely as any other.
        method: See `Method`.

    Raises:
        CatalogueError: it is no choice; the message says what to write.
    """

    name: str
    dimensions: Mapping[str, Mapping[str, Option]]
    reward: Conversion
    context: Mapping[str, Predicate] = field(default_factory=dict)
    control: float = 0.1
    floor: float = 0.1
    method: Method = Method.THOMPSON

    def __post_init__(self) -> None:
        check_name("the name of a choice", self.name, _LONGEST_NAME, _EXAMPLE)
        if self.name.startswith("$"):
            raise CatalogueError(f"choice {self.name}: names with $ are ours", remedy="name it otherwise")
        for dimension, options in self.dimensions.items():
            self._check(dimension, options)
        if prod(map(len, self.dimensions.values())) > _MOST_TOGETHER:
            told = f"choice {self.name} has more than {_MOST_TOGETHER} combinations"
            raise CatalogueError(told, remedy="leave out some options: what few are given, nobody learns from")
        if len(self.context) > _MOST_CONTEXTS:
            told = f"choice {self.name} tells customers apart by more than {_MOST_CONTEXTS} things"
            raise CatalogueError(told, remedy="leave out some of context=")
        for what, share, least in (("control", self.control, 0.0), ("floor", self.floor, 0.01)):
            if isinstance(share, bool) or not isinstance(share, int | float) or not isfinite(share) or not least <= share < 1:
                raise CatalogueError(f"choice {self.name}: {what}={share!r} is no share", remedy=f"write {what}=0.1")
        if self.method not in set(Method):
            raise CatalogueError(f"choice {self.name}: no method {self.method!r}", remedy='write "thompson" or "linucb"')
        if len(self.combinations) != len(set(self.names)):
            raise CatalogueError(f"choice {self.name}: two combinations have one name", remedy="name options without _")

    def _check(self, dimension: str, options: Mapping[str, Option]) -> None:
        for what, each in (("the name of what is chosen", dimension), *(("the name of an option", name) for name in options)):
            check_name(what, each, _LONGEST_NAME, _EXAMPLE)
        if len(options) < _TWO:
            raise CatalogueError(f"choice {self.name}: {dimension} has one option", remedy="give it two or more")

    @cached_property
    def combinations(self) -> tuple[tuple[str, ...], ...]:
        """Every way to choose, the author's own first."""
        return tuple(product(*self.dimensions.values()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each of them is called."""
        return tuple("_".join(each) for each in self.combinations)

    @cached_property
    def parts(self) -> tuple[frozenset[str], ...]:
        """Of each combination its options by `dimension: option`, alone and each two together: what it may be left out by."""
        alone = [[of for of, _ in self.options(each)] for each in self.combinations]
        return tuple(frozenset([*each, *together(each)]) for each in alone)

    @property
    def counts_money(self) -> bool:
        """Whether its reward is an amount, and not whether something came."""
        return self.reward.kpi != Kpi.CONVERSION

    def options(self, combination: Sequence[str]) -> list[tuple[str, Option]]:
        """Each option of a combination, by `dimension: option`."""
        return [(f"{of}: {name}", self.dimensions[of][name]) for of, name in zip(self.dimensions, combination, strict=True)]

    def floored(self, number: int) -> Experiment:
        """Those drawn evenly, as an experiment: several dimensions are its factors."""
        evenly = {of: {name: 1 / len(options) for name in options} for of, options in self.dimensions.items()}
        if len(evenly) == 1:
            return Experiment(named(FLOOR, self.name, number), next(iter(evenly.values())), control=self.names[0])
        return Experiment(named(FLOOR, self.name, number), factors=evenly)

    def fixed(self, number: int) -> Experiment | None:
        """All that is chosen against the author's own choice; None without a control."""
        if not self.control:
            return None
        return Experiment(named(FIXED, self.name, number), {OWN: self.control, CHOSEN: 1 - self.control}, control=OWN)

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the store, and in histories: with nothing that is not in the catalogue's source."""
        return {
            "name": self.name,
            "dimensions": [[of, [[name, each.to_json()] for name, each in options.items()]] for of, options in self._said],
            "reward": self.reward.to_json(),
            "context": [[name, each.to_json()] for name, each in self.context.items()],
            "control": self.control,
            "floor": self.floor,
            "method": str(self.method),
        }

    @property
    def _said(self) -> list[tuple[str, Mapping[str, Option]]]:
        return list(self.dimensions.items())

    @property
    def digest(self) -> str:
        """Another one is another choice, of which nothing is known yet."""
        return sha256(dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            plain["name"],
            {of: {name: Option.from_json(each) for name, each in options} for of, options in plain["dimensions"]},
            Conversion.from_json(plain["reward"]),
            {name: predicate_from_json(each) for name, each in plain["context"]},
            plain["control"],
            plain["floor"],
            Method(plain["method"]),
        )


def together(alone: Iterable[str]) -> list[str]:
    """Each two of these together."""
    return [f"{one} with {other}" for one, other in combinations(alone, 2)]


def named(prefix: str, name: str, number: int) -> str:
    """What belongs to a choice; one that was declared otherwise is measured anew, under a number."""
    return f"{prefix}{name}" if number == 1 else f"{prefix}{name} {number}"


def ruled_by(experiment: str) -> str | None:
    """Under which name the rule of the choice stands that an experiment belongs to, if it belongs to one."""
    for prefix in (FLOOR, FIXED):
        if experiment.startswith(prefix):
            return CHOICE + experiment.removeprefix(prefix)
    return None
