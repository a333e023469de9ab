"""What simulated customers are given of choices: by the same lots as on Temporal, and by the shares that stand.

Promise: who is in the control, whom the floor draws for and what is allowed is as it would be. Nothing is learned: a past is
what customers did of what they got then, whatever is drawn for them here, and shares that followed that would follow chance. So
they stay as they are told to stand (in Postgres, the last that were learned), else even.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from journeys.catalogue import Catalogue
from journeys.contracts import DeliverRequest
from journeys.deciding.drawing import Asked, pick
from journeys.deciding.learning import Allocation, cell_of
from journeys.deciding.options import Choice, State
from journeys.deciding.sending import asks, unsendable, would_be
from journeys.entry import withheld
from journeys.gate.decide import Question
from journeys.questions import Choosing, Chosen
from journeys.simulate.run import Run


@dataclass(frozen=True, slots=True)
class Standing:
    """How a choice stands in the shop whose past is played: its switch, and what was learned last."""

    state: State = State.LEARNS
    allocation: Allocation = field(default_factory=Allocation)


class Choices:
    """All choices of a simulated shop, with how often customers were given something and what is spent of budgets."""

    def __init__(self, catalogue: Catalogue, foreseen: Callable[[Run, DeliverRequest], Question]) -> None:
        self._catalogue = catalogue
        self._foreseen = foreseen
        self._before: Counter[tuple[str, object]] = Counter()
        self._spent: Counter[tuple[str, str]] = Counter()
        #: By name and digest, how those stand that are declared as they are here.
        self.stands: Mapping[tuple[str, str], Standing] = {}
        #: How often each option was given: choice, version of its shares, option, and who drew.
        self.given: Counter[tuple[str, int, str, str]] = Counter()
        #: Whether customers compete for an option of which there are few.
        self.rationed = False

    def answer(self, run: Run, asked: Choosing) -> Chosen:
        """What the run's customer is given."""
        choice, who = Choice.from_json(asked.choice), run.customer
        held = withheld(run.spec, self._catalogue.holdout, who.id, holdout=run.holdout) is not None
        left_out: dict[str, str] = {}
        for dimension, options in choice.dimensions.items():
            for name, option in options.items():
                of, predicate = f"{dimension}: {name}", option.predicate
                if predicate is not None and not predicate.holds(who.facts, asked.at):
                    left_out[of] = "not for them"
                elif option.budget is not None and not held and self._spent[choice.name, of] >= option.budget:
                    left_out[of] = "its budget is spent"
        would = {each: self._foreseen(run, would_be(run.spec, asked.run_id, each, asked.at)) for each in asks(choice, left_out)}
        left_out |= unsendable(choice, would, left_out)
        cell = cell_of([name for name, each in choice.context.items() if each.holds(who.facts, asked.at)])
        before, stands = self._before[choice.name, who.id], self.stands.get((choice.name, choice.digest), Standing())
        self._before[choice.name, who.id] += 1
        self.rationed |= any(option.budget is not None for options in choice.dimensions.values() for option in options.values())
        given = pick(choice, Asked(who.id, before, cell, held), stands.allocation, stands.state, left_out)
        told = (given.name, str(given.by)) if given else ("", "nothing")
        self.given[choice.name, stands.allocation.version, *told] += 1
        if given is None:
            return Chosen()
        if not held:
            self._spent.update((choice.name, of) for of, _ in choice.options(given.combination))
        return Chosen(options=given.combination)
