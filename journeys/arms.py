"""Arms of experiments as an author declares them: by which shares, against which control, for how long, and to find what.

Promise: plain values, checked when they are made, so that what is wrong is told where it stands. But for the shares they change
nothing of what anybody gets: they say how it is read, before anything is seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from math import isclose, isfinite, prod
from typing import Any, NamedTuple, Self

from journeys.errors import CatalogueError, guess
from journeys.keepable import check_name
from segments import Effect

#: The arms of a holdout, and what its experiment is called; a journey's has the journey's name behind it.
WITHHELD, WRITTEN, HOLDOUT = "withheld", "written to", "$holdout"
#: The same of those whom a prediction lets in, with its name behind it.
FORETOLD = "$prediction"
_LONGEST_NAME = 100
_TWO = 2


class Lot(NamedTuple):
    """What was drawn for a customer of a prediction's holdout: the share that it leaves alone, and whether they are in it."""

    share: float
    held: bool


class Judge(StrEnum):
    """What an experiment is judged by, of all that is measured of its customers."""

    CONVERSION = "conversion"
    ORDERS = "orders"
    REVENUE = "revenue"
    ORDER_VALUE = "order value"


@dataclass(frozen=True, slots=True)
class Plan:
    """When an experiment is over, and what it is to find: `Plan(days=28, effect=Effect(0.03, 0.1))`.

    Args:
        people: It is over with so many customers in all arms together.
        days: It is over after so many days (UTC) from its first customer on; with `people`, too, whichever is first.
        effect: The rate of the control, and the relative lift that is to be found in 80 of 100 such experiments; of money and
            orders the lift alone counts.
        kpi: What it is judged by, where that is not what its journey is: "conversion", "orders", "revenue" or "order value".
        rare: Few convert (less than one in a hundred): it is read exactly, by the arms in which the converters are.

    Raises:
        CatalogueError: it says nothing, or what cannot be; the message says what to write.
    """

    people: int | None = None
    days: int | None = None
    effect: Effect | None = None
    kpi: str | None = None
    rare: bool = False

    def __post_init__(self) -> None:
        example = "write Plan(days=28, effect=Effect(0.03, 0.1))"
        for name, number in (("people", self.people), ("days", self.days)):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
                raise CatalogueError(f"Plan({name}={number!r}) has no end", remedy=f"write a whole number from 1 on: {example}")
        if self.effect is not None and not isinstance(self.effect, Effect):
            raise CatalogueError(f"Plan(effect={self.effect!r}) is no effect", remedy=example)
        if self.kpi is not None and self.kpi not in set(Judge):
            known = ", ".join(f'"{each}"' for each in Judge)
            raise CatalogueError(f"Plan(kpi={self.kpi!r}): nothing is judged by that", remedy=f"write {known}")
        if self.rare and self.kpi not in (None, Judge.CONVERSION):
            raise CatalogueError(f"Plan(rare=True) is about who converts, not about {self.kpi}", remedy="leave out one of them")
        if not (self.ends or self.effect or self.kpi or self.rare):
            raise CatalogueError("Plan() says nothing", remedy=example)

    @property
    def ends(self) -> bool:
        """Whether it declares an end."""
        return self.people is not None or self.days is not None

    def over(self, people: int, days: int) -> bool:
        """Whether the end has come."""
        return (self.people is not None and people >= self.people) or (self.days is not None and days >= self.days)

    def to_json(self) -> dict[str, Any]:
        """What is declared, by name."""
        effect = self.effect and {"base_rate": self.effect.base_rate, "lift": self.effect.lift}
        told = {
            "people": self.people,
            "days": self.days,
            "effect": effect,
            "kpi": self.kpi and str(self.kpi),
            "rare": self.rare,
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        effect = plain.get("effect")
        return cls(
            plain.get("people"),
            plain.get("days"),
            effect and Effect(effect["base_rate"], effect["lift"]),
            plain.get("kpi"),
            plain.get("rare") is True,
        )

    def __str__(self) -> str:
        said = (self.people, "person", "people"), (self.days, "day", "days")
        ends = [f"{n:,} {one if n == 1 else many}" for n, one, many in said if n is not None]
        told = [f"over after {' or '.join(ends)}"] if ends else []
        told += [self._found] if self.effect else []
        told += [f"judged by {self.kpi}"] if self.kpi else []
        return ", ".join([*told, "read exactly"] if self.rare else told)

    @property
    def _found(self) -> str:
        """What it is to find; of money and orders there is no rate."""
        assert self.effect is not None
        rate = f" on a rate of {100 * self.effect.base_rate:.12g} %" if self.kpi in (None, Judge.CONVERSION) else ""
        return f"to find a lift of {100 * self.effect.lift:+.12g} %{rate}"


@dataclass(frozen=True, init=False)
class Experiment:
    """An experiment, kept at the top of a module of the catalogue, and said in a journey or a place by `j.experiment(news)`.

    Example:
        news = Experiment("news", {"video": 0.5, "article": 0.5}, control="article", plan=Plan(days=28))

    Args:
        name: By which it is known; another name begins anew.
        arms: Each with its share of the customers.
        control: The arm with which the others are compared; else the one called "control", else the first.
        plan: When it is over, and what it is to find.
        factors: Instead of arms: several questions at once, each with its levels and their shares, of which the first is the
            ordinary one. The arms are all combinations: `{"subject": {"plain": 0.5, "emoji": 0.5}, "time": {…}}` makes
            "plain_morning" and so on, each with the product of its levels' shares; `news.levels(arm)` tells them apart again.

    Raises:
        CatalogueError: it is no experiment; the message says what to write.
    """

    name: str
    arms: Mapping[str, float] = field(hash=False)
    control: str
    plan: Plan | None
    factors: Mapping[str, Mapping[str, float]] = field(hash=False)

    def __init__(
        self,
        name: str,
        arms: Mapping[str, float] | None = None,
        *,
        control: str | None = None,
        plan: Plan | None = None,
        factors: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        if (arms is None) is (factors is None):
            raise CatalogueError(f"experiment {name} has either arms or factors", remedy=_EXAMPLE)
        made = _combined(name, factors) if factors is not None else arms
        if not isinstance(made, Mapping):
            raise CatalogueError(f"experiment {name}: its arms have no shares", remedy=_EXAMPLE)
        check_experiment(name, dict(made))
        if not isinstance(plan, Plan | None):
            raise CatalogueError(f"experiment {name}: {plan!r} is no plan", remedy="write plan=Plan(days=28)")
        if control is not None and (factors is not None or control not in made):
            advice = "leave it out: it is the first level of each" if factors is not None else guess(control, made)
            raise CatalogueError(f"experiment {name} has no arm {control!r}", remedy=f"name its control: {advice}")
        said = {
            "name": name,
            "arms": dict(made),
            "plan": plan,
            "factors": {each: dict(of) for each, of in (factors or {}).items()},
        }
        said["control"] = control or next((arm for arm in made if arm == "control"), next(iter(made)))
        for each, value in said.items():
            object.__setattr__(self, each, value)

    @classmethod
    def of_holdout(cls, of: str, share: float, plan: Plan | None = None) -> Self:
        """A holdout: a journey's by its name, or the company's by its own."""
        return cls(of, {WITHHELD: share, WRITTEN: 1 - share}, control=WITHHELD, plan=plan)

    def levels(self, arm: str) -> dict[str, str]:
        """The level of each factor that an arm is made of."""
        made = {"_".join(levels): levels for levels in product(*self.factors.values())}
        return dict(zip(self.factors, made.get(arm, ()), strict=False))

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the store, in order."""
        return {
            "name": self.name,
            "arms": [[arm, share] for arm, share in self.arms.items()],
            "control": self.control,
            "plan": self.plan and self.plan.to_json(),
            "factors": [[factor, [[level, share] for level, share in of.items()]] for factor, of in self.factors.items()],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        plan = None if plain["plan"] is None else Plan.from_json(plain["plan"])
        if factors := {factor: dict(of) for factor, of in plain["factors"]}:
            return cls(plain["name"], plan=plan, factors=factors)
        return cls(plain["name"], dict(plain["arms"]), control=plain["control"], plan=plan)

    def __str__(self) -> str:
        arms = " : ".join(f"{arm} {share:g}" for arm, share in self.arms.items())
        by = f"by {' and '.join(self.factors)}" if self.factors else ""
        return ", ".join(filter(None, (arms, by, f"against {self.control}", str(self.plan) if self.plan else "")))


_EXAMPLE = 'write Experiment("news", {"video": 0.5, "article": 0.5})'


def _combined(name: str, factors: object) -> dict[str, float]:
    """All combinations of the levels of factors, each with the product of their shares."""
    example = 'write factors={"subject": {"plain": 0.5, "emoji": 0.5}, "time": {"morning": 0.5, "evening": 0.5}}'
    if not isinstance(factors, Mapping) or len(factors) < _TWO or not all(isinstance(of, Mapping) for of in factors.values()):
        raise CatalogueError(
            f"experiment {name}: factors are two or more, each with its levels and their shares", remedy=example
        )
    for factor, of in factors.items():
        check_name("the name of a factor", factor, _LONGEST_NAME, example)
        check_experiment(f"{name}, factor {factor}", dict(of))
    made = {"_".join(each): prod(map(dict.__getitem__, factors.values(), each)) for each in product(*factors.values())}
    if len(made) != prod(map(len, factors.values())):
        raise CatalogueError(f"experiment {name}: two combinations of levels have one name", remedy="name levels without _")
    return made


def check_experiment(name: object, shares: Mapping[str, float]) -> None:
    """Refuse what is no experiment.

    Raises:
        CatalogueError: it has no name, fewer than two arms, or shares that do not add up to 1.
    """
    example = 'write async with j.experiment("news", video=0.5, article=0.5) as arm'
    for what, each in (("the name of an experiment", name), *(("the name of an arm", arm) for arm in shares)):
        check_name(what, each, _LONGEST_NAME, example)
    if len(shares) < _TWO:
        raise CatalogueError(f"experiment {name} needs two arms or more, each with its share", remedy=example)
    for arm, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not isfinite(share) or share <= 0:
            raise CatalogueError(f"experiment {name}: {arm}={share!r} is no share", remedy="write a fraction such as 0.5")
    if not isclose(sum(shares.values()), 1, abs_tol=1e-9):
        raise CatalogueError(
            f"experiment {name}: the shares add up to {sum(shares.values()):g}, not to 1", remedy="write shares that do"
        )
