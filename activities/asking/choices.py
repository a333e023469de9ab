"""What a run's customer is given of a choice: drawn by what the last hour learned, within budgets, and written down once.

Promise: an attempt that is made again finds what stands. What is not allowed for the customer is never given, nor what the gate
would not let go by that channel at that hour; and an option with a budget to no more customers than that: it is locked from the
draw until that is written down.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from activities.gate.facts import Questions
from activities.gate.goals import true_of
from activities.versions import Versions
from journeys.deciding.drawing import Asked, By, Pick, in_control, pick
from journeys.deciding.learning import Allocation, cell_of, shares
from journeys.deciding.options import CHOICE, CHOSEN, OWN, Choice, State, named
from journeys.deciding.sending import asks, unsendable, would_be
from journeys.entry import withheld
from journeys.policies import TAKE_BACK
from journeys.questions import Choosing, Chosen
from store import Connection, Database
from store.measuring import experiments, values
from store.measuring.experiments import Said
from store.measuring.values import Declared
from store.runs import choices, exposures
from store.runs.choices import Made, Who

_SPENT = "its budget is spent"


@dataclass(frozen=True)
class Choices:
    """The activity and where it asks; a run that is not there any more is given nothing."""

    database: Database
    versions: Versions
    #: What the gate is asked before anything is drawn.
    gate: Questions
    #: What was learned last of each choice, by its name and number.
    _learned: dict[tuple[str, int], Allocation] = field(default_factory=dict)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """All of them, for a worker."""
        return [self.choose]

    @activity.defn(name=Choosing.activity)
    async def choose(self, asked: Choosing) -> Chosen:
        """What the customer is given, drawn if they were not given it by this number."""
        choice = Choice.from_json(asked.choice)
        async with self.database.transaction() as connection:
            who = await choices.who(connection, asked.run_id, choice.name)
            if who is None:
                return Chosen()
            if (made := await choices.made(connection, asked.run_id, asked.number)) is not None:
                return Chosen(options=tuple(made))
            number, state = await self._known(connection, choice, who, asked)
            given = await self._drawn(connection, choice, number, state, who, asked)
            return Chosen(options=given.combination if given else ())

    async def _known(self, connection: Connection, choice: Choice, who: Who, asked: Choosing) -> tuple[int, State]:
        """The number of a choice as it is declared, which is written down where it is new, and its state."""
        while (found := await choices.known(connection, choice.name, choice.digest)) is None:
            number = await choices.declare(connection, choice.name, choice.digest, who.journey, choice.to_json(), asked.at)
            if number is not None:
                await self._declare(connection, choice, number, who, asked)
        return found[0], State(found[1])

    async def _declare(self, connection: Connection, choice: Choice, number: int, who: Who, asked: Choosing) -> None:
        """How it is measured, and that nothing is known of it yet."""
        measured = filter(None, (choice.floored(number), choice.fixed(number)))
        said = [Said(each.name, who.version or "", each.to_json()) for each in measured]
        rule = Declared(named(CHOICE, choice.name, number), "", choice.reward.to_json(), choice.reward.types | TAKE_BACK)
        await experiments.declare_by(connection, said, asked.at)
        await values.declare_by(connection, [rule], asked.at)
        row = next(each for each in await choices.declared(connection, choice.name) if each.number == number)
        await choices.allocate(connection, row, 0, asked.at, 0, shares(choice, Allocation(), {}), None)

    async def _drawn(
        self, connection: Connection, choice: Choice, number: int, state: State, who: Who, asked: Choosing
    ) -> Pick | None:
        """What is drawn of what is allowed, which stands from now on."""
        allocation = await self._allocation(connection, choice, number)
        held = await self._withheld(connection, who)
        left_out = await _not_for(connection, choice, who, asked)
        left_out |= {} if held else await _spent(connection, choice)
        left_out |= await self._unsendable(connection, choice, who, asked, left_out)
        here = [name for name, each in choice.context.items() if await true_of(connection, each, who.profile_id, asked.at)]
        asking = Asked(who.drawn_as, who.before, cell_of(here), held)
        given = pick(choice, asking, allocation, state, left_out)
        while given is not None and not held and (over := await _over(connection, choice, given)):
            left_out |= dict.fromkeys(over, _SPENT)
            given = pick(choice, asking, allocation, state, left_out)
        if given is not None and not held:
            await choices.spend(connection, choice.name, _budgeted(choice, given))
        await choices.make(connection, _made(choice, number, given, allocation, asked, asking.cell))
        if given is not None and not held:
            await _expose(connection, choice, number, given, who, asked)
        return given

    async def _unsendable(
        self, connection: Connection, choice: Choice, who: Who, asked: Choosing, left_out: Mapping[str, str]
    ) -> dict[str, str]:
        """The channels and hours by which nothing could go to them, each with why."""
        served = await self.versions.of(who.version, connection)
        if (spec := served.specs.get(who.journey)) is None:
            return {}
        questions = {
            channel: await self.gate.foreseen(connection, would_be(spec, asked.run_id, channel, asked.at), served)
            for channel in asks(choice, left_out)
        }
        return unsendable(choice, {channel: each for channel, each in questions.items() if each}, left_out)

    async def _allocation(self, connection: Connection, choice: Choice, number: int) -> Allocation:
        """What was learned last, which is read once."""
        version, key = (await choices.newest(connection, choice.name, number)).version, (choice.name, number)
        if key not in self._learned or self._learned[key].version != version:
            plain = await choices.learned(connection, choice.name, number, version)
            self._learned[key] = Allocation.from_json(version, plain)
        return self._learned[key]

    async def _withheld(self, connection: Connection, who: Who) -> bool:
        """Whether a holdout keeps messages from them, so that nothing can be learned of them."""
        served = await self.versions.of(who.version, connection)
        spec, company = served.specs.get(who.journey), self.versions.own.holdout
        return spec is not None and withheld(spec, company, who.drawn_as, holdout=who.holdout) is not None


async def _not_for(connection: Connection, choice: Choice, who: Who, asked: Choosing) -> dict[str, str]:
    """The options that are not for this customer, each with why."""
    found: dict[str, str] = {}
    for dimension, options in choice.dimensions.items():
        for name, option in options.items():
            predicate = option.predicate
            if predicate is not None and not await true_of(connection, predicate, who.profile_id, asked.at):
                found[f"{dimension}: {name}"] = f"only for: {predicate}"
    return found


async def _spent(connection: Connection, choice: Choice) -> dict[str, str]:
    """The options whose budgets are spent, as far as one sees without waiting for anybody."""
    known = await choices.budgets(connection, choice.name)
    every = (each for combination in choice.combinations for each in choice.options(combination))
    return {of: _SPENT for of, option in every if option.budget is not None and known.get(of, 0) >= option.budget}


def _budgeted(choice: Choice, given: Pick) -> list[str]:
    """The options of what is given that have budgets."""
    return [of for of, option in choice.options(given.combination) if option.budget is not None]


async def _over(connection: Connection, choice: Choice, given: Pick) -> list[str]:
    """Those of them whose budgets are spent; the others are locked, so that they stay unspent until it is written down."""
    spent = await choices.spent(connection, choice.name, _budgeted(choice, given))
    budgets: Mapping[str, int | None] = {of: option.budget for of, option in choice.options(given.combination)}
    return [of for of, people in spent.items() if people >= (budgets[of] or 0)]


def _made(choice: Choice, number: int, given: Pick | None, allocation: Allocation, asked: Choosing, cell: str) -> Made:
    learns = given is not None and given.by is not By.HOLDOUT
    return Made(
        asked.run_id,
        asked.number,
        choice.name,
        number,
        list(given.combination) if given else [],
        given.name if given else "",
        cell,
        str(given.by) if given else "nothing",
        given.propensity if given else 1.0,
        allocation.version,
        given.to_json() if given else {},
        asked.at,
        asked.at + choice.reward.within if learns else None,
    )


async def _expose(connection: Connection, choice: Choice, number: int, given: Pick, who: Who, asked: Choosing) -> None:
    """From now on they count where what is chosen is compared with the author's own choice, and where options are compared."""
    if (fixed := choice.fixed(number)) is not None and given.by is not By.OPERATOR:
        arm = OWN if in_control(choice, who.drawn_as) else CHOSEN
        await exposures.expose(connection, asked.run_id, fixed.name, arm, fixed.arms[arm], asked.at)
    if given.measured_on_floor:
        floored = choice.floored(number)
        await exposures.expose(connection, asked.run_id, floored.name, given.name, floored.arms[given.name], asked.at)
