"""How fast a backlog leaves: whatever the instants at which one looks, no more than so many a second."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from activities.dispatch.pace import Pace
from tests.extent import examples

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


@examples(50)
@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=40), st.sampled_from([0.5, 1.0, 7.0, 50.0]), st.sampled_from([1.0, 3600.0])
)
def test_in_any_stretch_of_time_no_more_leave_than_its_seconds_allow(gaps: list[float], rate: float, speed: float) -> None:
    pace, now, left = Pace(rate), T0, list[tuple[datetime, int]]()
    for gap in gaps:
        now += timedelta(seconds=gap) * speed
        turns = pace.turns(now, speed)
        pace.took(turns, now, speed)
        left.append((now, turns))
        assert pace.turns(now, speed) == 0, "whoever looks again finds nobody's turn"
    for n, (begin, _) in enumerate(left):
        for until, _ in left[n:]:
            seconds = (until - begin) / timedelta(seconds=1) / speed
            assert sum(count for at, count in left if begin <= at <= until) <= (seconds + 1) * rate + 1
    assert sum(count for _, count in left) >= (now - T0) / timedelta(seconds=1) / speed * rate * 0.3 - 1, (
        "and nobody is held up"
    )


def test_after_a_long_rest_a_second_s_worth_leaves_at_once_and_the_rest_follows_in_turn() -> None:
    pace, left = Pace(10), []
    for n in range(30):
        now = T0 + timedelta(milliseconds=100 * n)
        left.append(pace.turns(now))
        pace.took(left[-1], now)
    assert (left[0], set(left[1:])) == (10, {1})
