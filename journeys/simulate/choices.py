"""What simulated customers are given of choices: by the same lots as on Temporal, before anything has been learned.

Promise: who is in the control, whom the floor draws for and what is allowed is as it would be; shares stay even, since what
comes of what was chosen is no part of a simulation.
"""

from collections import Counter

from journeys.catalogue import Catalogue
from journeys.deciding.drawing import Asked, pick
from journeys.deciding.learning import Allocation, cell_of
from journeys.deciding.options import Choice, State
from journeys.entry import withheld
from journeys.questions import Choosing, Chosen
from journeys.simulate.run import Run


class Choices:
    """All choices of a simulated shop, with how often customers were given something and what is spent of budgets."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._given: Counter[tuple[str, object]] = Counter()
        self._spent: Counter[tuple[str, str]] = Counter()

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
        cell = cell_of([name for name, each in choice.context.items() if each.holds(who.facts, asked.at)])
        before = self._given[choice.name, who.id]
        self._given[choice.name, who.id] += 1
        given = pick(choice, Asked(who.id, before, cell, held), Allocation(), State.LEARNS, left_out)
        if given is None:
            return Chosen()
        if not held:
            self._spent.update((choice.name, of) for of, _ in choice.options(given.combination))
        return Chosen(options=given.combination)
