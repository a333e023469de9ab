"""What simulated journeys have used of their budgets, by period."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from journeys.contracts import Channel, JourneySpec
from journeys.gate.spent import Spent, spent


class Purse:
    """The budgets of all journeys of a catalogue with these prices."""

    def __init__(self, prices: Mapping[str, int]) -> None:
        self._prices = prices
        self._used: Counter[tuple[str, datetime]] = Counter()

    def spent(self, spec: JourneySpec, channel: Channel, now: datetime) -> Spent | None:
        """What shuts a message of a journey on a channel, where too little is left for it."""
        if spec.budget is None:
            return None
        return spent(spec.budget, self._used[self._period(spec, now)], self._cost(spec, channel), now, spec.timezone)

    def pays(self, spec: JourneySpec, channel: Channel, now: datetime) -> None:
        """A message has gone, or may have."""
        if spec.budget is not None:
            self._used[self._period(spec, now)] += self._cost(spec, channel)

    def _period(self, spec: JourneySpec, now: datetime) -> tuple[str, datetime]:
        assert spec.budget is not None
        return spec.name, spec.budget.period(now, spec.timezone)[0]

    def _cost(self, spec: JourneySpec, channel: Channel) -> int:
        assert spec.budget is not None
        return spec.budget.of(1, self._prices.get(channel.value, 0))
