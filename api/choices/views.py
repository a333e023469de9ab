"""Choices as the API and the commands show them.

Promise: options are compared on those alone who were drawn evenly, each customer once, by bounds that hold at every look. What
was given by what is learned is told beside, and nothing is concluded of it.
"""

from collections import Counter
from datetime import datetime, timedelta
from math import isinf
from typing import Literal

from pydantic import BaseModel, Field

from journeys.deciding.options import FIXED, Choice
from journeys.experiments import Comparison, Kind, Metric, Sums, follow
from store import Database
from store.runs import choices
from store.runs.choices import ChoiceRow, Count, Floored

#: How far back shares are told.
_BACK = timedelta(days=30)
States = Literal["learns", "frozen", "fixed"]


class ChoiceView(BaseModel):
    """A choice, and how it stands."""

    name: str
    journey: str = Field(description="the first that asked for it")
    state: States = Field(description="frozen: shares stay as they are; fixed: everybody gets the author's own choice")
    changed_at: datetime | None = Field(description="when somebody threw its switch last")
    number: int = Field(description="how often it was declared otherwise: each is learned and measured anew")
    declared_at: datetime
    options: dict[str, list[str]] = Field(description="of each dimension; the first is the author's own choice")
    given: int = Field(description="how often customers were given something")
    looked_at: datetime | None = Field(description="up to when it is known what came of it")

    @classmethod
    def of(cls, row: ChoiceRow) -> "ChoiceView":
        """As it is shown."""
        choice = Choice.from_json(row.declared)
        return cls(
            name=row.name,
            journey=row.journey,
            state=row.state,
            changed_at=row.changed_at,
            number=row.number,
            declared_at=row.declared_at,
            options={of: list(options) for of, options in choice.dimensions.items()},
            given=row.made,
            looked_at=row.looked_at,
        )


class HourView(BaseModel):
    """By which shares options were given from an instant on."""

    at: datetime
    rewards: int = Field(description="by how many of them that was learned")
    shares: dict[str, float] = Field(description="of whoever may have all options, with the floor's part")


class OptionView(BaseModel):
    """An option, or a combination: how often it was given, and what it brought where it was drawn evenly."""

    option: str
    given: dict[str, int] = Field(description="how often, by what: floor, learned, control, operator, holdout")
    people: int = Field(description="customers who were drawn evenly and whose reward is known, each once")
    mean: float | None = Field(description="of their rewards")


class ComparedView(BaseModel):
    """An option against the author's own, on those alone who were drawn evenly."""

    option: str
    against: str
    difference: float | None
    low: float | None = Field(description="from, by bounds that hold at every look; none: too few have anything to show")
    high: float | None
    shown: bool = Field(description="whether the bounds leave zero out")


class RegretView(BaseModel):
    """What was lost against always giving what was best on the floor; an estimate, of which nothing is concluded."""

    best: str
    each: float = Field(description="for each customer whom what is learned gave something")
    total: float


class ChoiceDetail(ChoiceView):
    """A choice with what it has learned."""

    reward: str = Field(description="what counts, in words")
    counts_money: bool = Field(description="whether rewards are amounts; else means are shares of customers")
    context: list[str] = Field(description="by what customers are told apart")
    control: float
    floor: float
    method: str
    shares: list[HourView] = Field(description="over the last 30 days, oldest first")
    results: list[OptionView]
    compared: list[ComparedView]
    regret: RegretView | None = Field(description="of one dimension; none while nothing is known of an option on the floor")
    measured_by: list[str] = Field(description="the experiments that say more (`journeys report experiments --experiment`)")
    budgets: dict[str, dict[str, int]] = Field(description="of options that have one: at `most`, and `given` so far")


def against_own(found: ChoiceDetail) -> str | None:
    """The experiment of all that is chosen against the author's own choice; None without a control."""
    return next((each for each in found.measured_by if each.startswith(FIXED)), None)


class ChoicePage(BaseModel):
    """All of them."""

    choices: list[ChoiceView]


async def newest(database: Database, name: str | None = None) -> list[ChoiceRow]:
    """Each choice as it was declared last."""
    return list({row.name: row for row in await choices.choices(database, name)}.values())


async def detail(database: Database, row: ChoiceRow, now: datetime) -> ChoiceDetail:
    """A choice with what it has learned."""
    choice = Choice.from_json(row.declared)
    cap = choice.reward.cap or (await choices.most(database.pool, row) if choice.counts_money else float("inf"))
    floored = {each.option: each for each in await choices.floor(database, row, cap)}
    given = await choices.given(database, row)
    spent = await choices.budgets(database.pool, row.name)
    every = {of: option for combination in choice.combinations for of, option in choice.options(combination)}
    measured = filter(None, (choice.floored(row.number), choice.fixed(row.number)))
    return ChoiceDetail(
        **ChoiceView.of(row).model_dump(),
        reward=str(choice.reward),
        counts_money=choice.counts_money,
        context=list(choice.context),
        control=choice.control,
        floor=choice.floor,
        method=str(choice.method),
        shares=[
            HourView(at=each.at, rewards=each.people, shares=each.shares)
            for each in await choices.hours(database, row, now - _BACK)
        ],
        results=[_option(name, given, floored.get(name)) for name in choice.names],
        compared=_compared(choice, row.number, floored),
        regret=_regret(choice, given, floored),
        measured_by=[each.name for each in measured],
        budgets={
            of: {"most": option.budget, "given": spent.get(of, 0)} for of, option in every.items() if option.budget is not None
        },
    )


def _option(name: str, given: list[Count], floored: Floored | None) -> OptionView:
    mean = floored.total / floored.people if floored else None
    by = {each.by: each.people for each in given if each.option == name}
    return OptionView(option=name, given=by, people=floored.people if floored else 0, mean=mean)


def _compared(choice: Choice, number: int, floored: dict[str, Floored]) -> list[ComparedView]:
    """Every option against the author's own; of several dimensions over all that it was combined with."""
    kind = Kind.MEAN if choice.counts_money else Kind.RATE
    comparison = Comparison.of(choice.floored(number), Metric(str(choice.reward.kpi), kind))
    sums = {name: Sums(each.people, each.total, each.squares, nonzero=each.nonzero) for name, each in floored.items()}
    found = []
    for each in follow(comparison, [sums]).findings:
        low, high = (None if bound is None or isinf(bound) else bound for bound in each.interval or (None, None))
        shown = low is not None and high is not None and not low <= 0 <= high
        question = {"option": each.question.name, "against": each.question.against}
        found.append(ComparedView(**question, difference=each.difference, low=low, high=high, shown=shown))
    return found


def _regret(choice: Choice, given: list[Count], floored: dict[str, Floored]) -> RegretView | None:
    """By the means on the floor, which nobody's draw hangs on."""
    if len(choice.dimensions) > 1 or floored.keys() != set(choice.names):
        return None
    means = {name: each.total / each.people for name, each in floored.items()}
    best = max(means, key=means.__getitem__)
    learned = Counter({each.option: each.people for each in given if each.by == "learned"})
    lost = sum((means[best] - means[name]) * people for name, people in learned.items())
    return RegretView(best=best, each=lost / max(learned.total(), 1), total=lost)
