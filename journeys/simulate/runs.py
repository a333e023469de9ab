"""All runs of a simulation, by customer."""

from collections import defaultdict
from collections.abc import Iterator

from journeys.simulate.customers import Customer
from journeys.simulate.run import Run


class Runs:
    """The runs in the order in which they began."""

    def __init__(self) -> None:
        self._all: list[Run] = []
        self._of: dict[Customer, list[Run]] = defaultdict(list)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._all)

    def add(self, run: Run) -> None:
        """One more."""
        self._all.append(run)
        self._of[run.customer].append(run)

    def of(self, who: Customer) -> list[Run]:
        """Those of a customer."""
        return self._of.get(who, [])

    def open(self, who: Customer) -> list[Run]:
        """Those of a customer that go on."""
        return [run for run in self.of(who) if run.outcome is None]
