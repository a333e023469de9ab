"""Which option a customer is given: the control's, one drawn evenly, or one by what has brought most; and why, in words.

Promise: by lots that follow from the choice's name, the customer's id and how often they were given one before, so that whoever
asks again, or elsewhere, draws the same. The propensity is that of the draw as it was made: among what was allowed then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from journeys.deciding.learning import Allocation, flags_of
from journeys.deciding.linear import terms_of
from journeys.deciding.options import CHOSEN, OWN, Choice, State
from journeys.entry import lot
from segments.language.chance import draw

_REASONS = 3
_PERCENT = 100


class By(StrEnum):
    """What gave somebody an option."""

    #: Every option that is allowed was as likely as any other: effects are measured on these alone.
    FLOOR = "floor"
    #: What has brought most so far.
    LEARNED = "learned"
    #: They always get the author's own choice, to compare with.
    CONTROL = "control"
    #: An operator has everybody given the author's own choice.
    OPERATOR = "operator"
    #: A holdout keeps messages from them; nothing is learned of them.
    HOLDOUT = "holdout"


@dataclass(frozen=True)
class Asked:
    """Who asks: by which id they are drawn, and how often they were given something of this choice before."""

    drawn_as: UUID
    before: int
    cell: str = ""
    holdout: bool = False


@dataclass(frozen=True)
class Pick:
    """What somebody is given, with which propensity, and why."""

    combination: tuple[str, ...]
    by: By
    propensity: float
    #: Whether nothing was left out, so that all combinations were as likely on the floor.
    whole: bool
    chance: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    reasons: Sequence[tuple[str, float]] = ()

    @property
    def name(self) -> str:
        """What the combination is called."""
        return "_".join(self.combination)

    @property
    def measured_on_floor(self) -> bool:
        """Whether it counts where options are compared."""
        return self.by is By.FLOOR and self.whole

    def to_json(self) -> dict[str, Any]:
        """Why, as it is kept."""
        said: dict[str, Any] = {"by": str(self.by), "chance": self.chance, "whole": self.whole}
        return said | {"left_out": dict(self.left_out), "reasons": [list(each) for each in self.reasons]}


def in_control(choice: Choice, drawn_as: UUID) -> bool:
    """Whether a customer always gets the author's own choice, whatever is learned."""
    arms = {OWN: choice.control, CHOSEN: 1 - choice.control}
    return choice.control > 0 and lot(f"$fixed/{choice.name}", drawn_as, arms) == OWN


def pick(choice: Choice, asked: Asked, allocation: Allocation, state: State, left_out: Mapping[str, str]) -> Pick | None:
    """What somebody is given of what is not left out, by `dimension: option` or two of them together, with why; else None.

    The control and whoever gets the author's own choice get it only where it is allowed, else the first that is.
    """
    allowed = [n for n, parts in enumerate(choice.parts) if parts.isdisjoint(left_out)]
    if not allowed:
        return None
    whole = len(allowed) == len(choice.combinations)
    controlled = in_control(choice, asked.drawn_as)
    if controlled or state is State.FIXED:
        by = By.HOLDOUT if asked.holdout else By.OPERATOR if state is State.FIXED else By.CONTROL
        return Pick(choice.combinations[allowed[0]], by, 1.0, whole, left_out=left_out)
    chances, even = allocation.chances(asked.cell, allowed), 1 / len(allowed)
    floored = _place(choice, asked, "floor") < choice.floor
    at = _drawn([even] * len(allowed) if floored else chances, _place(choice, asked, "option"))
    combination = choice.combinations[allowed[at]]
    return Pick(
        combination,
        By.HOLDOUT if asked.holdout else By.FLOOR if floored else By.LEARNED,
        choice.floor * even + (1 - choice.floor) * chances[at],
        whole,
        chances[at] if asked.cell in allocation.rows else None,
        left_out,
        _reasons(choice, allocation, asked.cell, combination),
    )


def _place(choice: Choice, asked: Asked, of: str) -> float:
    """A number from 0 up to 1 by lot."""
    return draw(f"choice/{choice.name}/{asked.drawn_as}/{asked.before}/{of}".encode(), 8) / 2**64


def _drawn(chances: Sequence[float], place: float) -> int:
    """The place of one, each with its chance; the last that has any, where rounding leaves none."""
    for n, chance in enumerate(chances):
        if place < chance:
            return n
        place -= chance
    return max(n for n, chance in enumerate(chances) if chance)


def _reasons(choice: Choice, allocation: Allocation, cell: str, combination: Sequence[str]) -> list[tuple[str, float]]:
    """What speaks most for or against a combination, of what is known; not what is so whatever is chosen."""
    if len(choice.dimensions) == 1 and choice.names[0] in allocation.effects:
        terms: Iterable[str] = combination
    else:
        terms = [term for term in terms_of(choice, flags_of(cell), combination) if term not in choice.context]
    found = [(term, allocation.effects[term]) for term in terms if allocation.effects.get(term)]
    return sorted(found, key=lambda each: -abs(each[1]))[:_REASONS]


def in_words(choice: Choice, option: str, told: Mapping[str, Any], cell: str, propensity: float) -> list[str]:
    """Why somebody was given this, a sentence each."""
    said = [_by(By(told["by"]), option, told.get("chance"), propensity)]
    if cell:
        said.append(f"It was chosen for customers of whom this holds: {cell}.")
    said += [f"{term}: {_more(choice, effect)} than the average." for term, effect in told.get("reasons", ())]
    return [*said, *(f"{each} was left out ({why})." for each, why in told.get("left_out", {}).items())]


def _by(by: By, option: str, chance: float | None, propensity: float) -> str:
    likely = f"{_PERCENT * propensity:.3g} %"
    match by:
        case By.FLOOR:
            return f"{option} was drawn evenly, to measure what each option brings (altogether {likely} likely)."
        case By.LEARNED:
            if chance is None:
                return f"{option} was drawn evenly, since nothing has been learned of it yet ({likely} likely)."
            best = f"it was the best in {_PERCENT * chance:.3g} of 100 guesses"
            return f"{option} was drawn by what has brought most so far: {best} (altogether {likely} likely)."
        case By.CONTROL:
            return f"{option} is the journey's own choice, which this customer always gets, to compare with."
        case By.OPERATOR:
            return f"{option} is the journey's own choice: an operator has everybody given it."
    return f"{option} was drawn, but a holdout keeps messages from this customer: nothing is learned of it."


def _more(choice: Choice, effect: float) -> str:
    more = "more" if effect > 0 else "less"
    if choice.counts_money:
        return f"{abs(effect):.3g} {choice.reward.currency or choice.reward.kpi} {more}"
    return f"{_PERCENT * abs(effect):.2g} points {more}"
