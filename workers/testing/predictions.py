"""A prediction in a test: it says of a customer what the test says, as a scoring would; nothing is trained."""

from segments.predictions import LifetimeValue, Prediction
from segments.predictions.declared import Declared
from workers.testing.customer import Customer
from workers.testing.seen import Stage


class Foretelling:
    """A prediction by its name, with a model that has just been trained whenever it says something."""

    def __init__(self, stage: Stage, declared: Declared) -> None:
        self._stage = stage
        self._declared = declared

    def scores(self, customer: Customer, score: float) -> None:
        """From now on their score is this: a probability, or an amount of money. They cross the thresholds that it crosses."""
        __tracebackhide__ = True
        name = self._declared.name
        if self._declared.sorts:
            raise ValueError(f'{name} sorts customers and has no score; say what they are: .sorts({customer.name}, "…")')
        if isinstance(self._declared, Prediction) and not 0 <= score <= 1:
            raise ValueError(f"{name} is a probability, from 0 to 1, and not {score!r}")
        if isinstance(self._declared, LifetimeValue) and score < 0:
            raise ValueError(f"{name} is an amount of money, from 0 on, and not {score!r}")
        self._stage.foretells(customer.name, name, float(score), None)

    def sorts(self, customer: Customer, label: str | None, *, score: float = 0.5) -> None:
        """From now on they are of this kind (a channel, an hour: "18"); None: of none, though it scored them."""
        __tracebackhide__ = True
        name, labels = self._declared.name, self._declared.labels
        if not self._declared.sorts:
            raise ValueError(f"{name} has a score and sorts nobody; say how high it is: .scores({customer.name}, 0.8)")
        if labels and label is not None and label not in labels:
            raise ValueError(f"{name} sorts nobody into {label!r}; it has: {', '.join(labels)}")
        self._stage.foretells(customer.name, name, float(score), label)

    def says_nothing_of(self, customer: Customer) -> None:
        """It is not of them any more: they have no score, and fall below every threshold."""
        __tracebackhide__ = True
        self._stage.foretells(customer.name, self._declared.name, None, None)
