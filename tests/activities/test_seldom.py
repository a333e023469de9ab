"""What would be said at every tick is said once a minute of each run."""

from datetime import timedelta
from uuid import UUID

from activities.dispatch.seldom import Seldom
from tests.segments.shop import T0

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_it_is_said_once_a_minute_of_each() -> None:
    seldom, ticks = Seldom(), [T0 + timedelta(seconds=each / 10) for each in range(1_300)]
    said = [(run, at - T0) for at in ticks for run in (ONE, OTHER) if seldom.is_due(run, at)]
    assert said == [(run, timedelta(minutes=each)) for each in range(3) for run in (ONE, OTHER)]
    assert not seldom.is_due(ONE, ticks[-1])
