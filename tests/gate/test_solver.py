"""The solver against trying every minute, over changes of the clocks (SEMANTICS 4 and 5)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from journeys.contracts import Cap, Channel, Purpose, QuietHours, Reason
from journeys.gate.budget import Budget
from journeys.gate.caps import Capped, Outranked, Past, since
from journeys.gate.habits import Habits
from journeys.gate.hours import Only, Quiet
from journeys.gate.solver import Constraint, solve
from journeys.gate.spent import Spent
from journeys.gate.stretches import joined, without
from journeys.policies import Window
from segments.time.hours import WEEKDAYS
from segments.time.zones import ANYWHERE
from tests.extent import scaled, some
from tests.gate.brute import Case, best, minutes, shutters
from tests.gate.clocks import MINUTE, alike, changes

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BATCHES = 20
CHANGING = [names for names in alike() if changes(names[0])]


def constraints(case: Case) -> list[Constraint]:
    night = [Quiet(case.quiet, case.zones, {})] if case.quiet else []
    windows = [Only(window, case.zones, {}) for window in case.windows]
    caps = [Capped(cap, case.past, case.zones) for cap in case.caps]
    outranked = [Outranked(cap, case.past, case.coming, case.zones, ()) for cap in case.theirs]
    budget = [Spent(Budget(1), case.spent_until)] if case.spent_until else []
    return [*night, *windows, *caps, *outranked, *budget]


def random_case(draw: Random) -> Case:
    home = draw.choice(draw.choice(CHANGING))
    now = draw.choice(changes(home)) + draw.randint(-36 * 60, 12 * 60) * MINUTE
    others = draw.sample([names[0] for names in CHANGING], draw.choice((0, 0, 0, 1, 2)))
    deadline = (
        now + draw.choice((draw.randint(1, 12 * 60), draw.randint(1, 5 * 24 * 60), draw.randint(1, 5 * 24 * 60))) * MINUTE
    )
    habits = draw.random() < 0.3
    return Case(
        now=now,
        deadline=deadline,
        zones=(home, *others),
        quiet=QuietHours(*draw.sample(CLOCKS, 2)) if draw.random() < 0.7 else None,
        windows=tuple(random_window(draw) for _ in range(draw.choice((0, 0, 0, 1, 2)))),
        caps=tuple(random_cap(draw) for _ in range(draw.choice((0, 1, 1, 2)))),
        past=tuple(random_past(draw, now) for _ in range(draw.randint(0, 6))),
        weights=tuple(float(draw.randint(0, 4)) for _ in range(168)) if habits else None,
        until=now + draw.randint(0, 3 * 24 * 60) * MINUTE,
        coming=tuple(random_coming(draw, now) for _ in range(draw.choice((0, 0, 1, 2, 3)))),
        theirs=tuple(random_cap(draw) for _ in range(draw.choice((0, 1, 1, 2)))),
        spent_until=now + draw.randint(1, 2 * 24 * 60) * MINUTE if draw.random() < 0.2 else None,
    )


CLOCKS = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 20, 30)]


def random_window(draw: Random) -> Window:
    days = tuple(day for day in WEEKDAYS if draw.random() < 0.6) if draw.random() < 0.5 else ()
    start, end = draw.choices(CLOCKS, k=2) if days else draw.sample(CLOCKS, 2)
    return Window(start, end, days)


def random_cap(draw: Random) -> Cap:
    messages, channel = draw.randint(1, 3), draw.choice((None, None, Channel.PUSH))
    purpose = draw.choice((Purpose.MARKETING, None))
    if draw.random() < 0.5:
        return Cap(messages, draw.randint(1, 3 * 24 * 60) * MINUTE, channel=channel, purpose=purpose)
    return Cap(messages, calendar=draw.choice(("day", "day", "week", "month")), channel=channel, purpose=purpose)


def random_coming(draw: Random, now: datetime) -> Past:
    """It goes now, or later."""
    ahead = draw.choice((0, draw.randint(0, 3 * 24 * 60)))
    return Past(now + ahead * MINUTE, draw.choice(list(Channel)), draw.choice(list(Purpose)))


def random_past(draw: Random, now: datetime) -> Past:
    ago = draw.choice((draw.randint(0, 36 * 60), draw.randint(0, 8 * 24 * 60)))
    return Past(now - ago * MINUTE, draw.choice(list(Channel)), draw.choice(list(Purpose)))


@pytest.mark.parametrize("batch", some(range(BATCHES)))
def test_the_solver_finds_what_trying_every_minute_finds(batch: int) -> None:
    draw = Random(f"solver {batch}")
    found: list[bool] = []
    for _ in range(scaled(20, 600)):
        case = random_case(draw)
        habits = Habits(case.weights, case.zones, case.until) if case.weights else None
        asked = constraints(case)
        answer = solve(case.now, case.deadline, asked, habits)
        assert answer.at == best(case), case
        found.append(answer.at not in (None, case.now))
        if answer.at is None and habits is None:
            shut = shutters(case)
            assert answer.shut_by == tuple(asked[n] for n in shut), case
            assert answer.last is asked[shut[-1]], case
    assert sum(found) > len(found) / 10, "many are neither now nor never"


def test_what_is_deferred_by_one_does_not_fall_into_the_hours_of_another() -> None:
    """The cap has room at 3 in the night; the night ends at 8."""
    cap = Capped(Cap(1, 12 * HOUR), [Past(NOON + 3 * HOUR, Channel.PUSH, Purpose.MARKETING)], ("UTC",))
    night = Quiet(QuietHours("22:00", "08:00"), ("UTC",), {})
    now = NOON + 4 * HOUR
    assert solve(now, now + DAY, [cap]).at == NOON + 15 * HOUR
    assert solve(now, now + DAY, [night, cap]).at == NOON + 20 * HOUR


def test_where_no_instant_is_left_it_says_who_shut_and_who_shut_the_last_gap() -> None:
    night = Quiet(QuietHours("13:00", "08:00"), ("UTC",), {})
    cap = Capped(Cap(1, DAY), [Past(NOON, Channel.PUSH, Purpose.MARKETING)], ("UTC",))
    answer = solve(NOON, NOON + 10 * HOUR, [night, cap])
    assert (answer.at, answer.shut_by, answer.last) == (None, (night, cap), cap)
    alone = solve(NOON + 2 * HOUR, NOON + 10 * HOUR, [night, cap])
    assert (alone.at, alone.shut_by, alone.last) == (None, (night,), night)


def test_the_deadline_is_no_instant_for_the_message_any_more() -> None:
    night = Quiet(QuietHours("11:00", "13:00"), ("UTC",), {})
    assert solve(NOON, NOON + HOUR, [night]).at is None
    assert solve(NOON, NOON + HOUR + timedelta(microseconds=1), [night]).at == NOON + HOUR
    assert solve(NOON, NOON, []).at is None


def test_a_message_as_old_as_the_span_counts_no_more() -> None:
    past = [Past(NOON - each * HOUR, Channel.PUSH, Purpose.MARKETING) for each in (30, 20, 10)]
    for messages, ahead in ((1, 14), (2, 4), (3, 0), (4, 0)):
        assert solve(NOON, NOON + 2 * DAY, [Capped(Cap(messages, DAY), past, ("UTC",))]).at == NOON + ahead * HOUR


def test_the_least_time_between_two_messages_is_a_cap_of_one() -> None:
    past = [Past(NOON - HOUR, Channel.EMAIL, Purpose.MARKETING), Past(NOON - 9 * HOUR, Channel.PUSH, Purpose.MARKETING)]
    assert solve(NOON, NOON + DAY, [Capped(Cap(1, 4 * HOUR), past, ("UTC",))]).at == NOON + 3 * HOUR
    assert solve(NOON, NOON + DAY, [Capped(Cap(1, 4 * HOUR, channel="push"), past, ("UTC",))]).at == NOON


@pytest.mark.parametrize(
    ("zone", "last_change", "unit", "opens"),
    [
        ("Europe/Madrid", (2026, 3, 29, 8), "day", (2026, 3, 29, 22)),  # 23 hours long
        ("Europe/Madrid", (2026, 10, 25, 8), "day", (2026, 10, 25, 23)),  # 25
        ("Europe/Madrid", (2026, 10, 25, 8), "week", (2026, 10, 25, 23)),
        ("Europe/Madrid", (2026, 10, 25, 8), "month", (2026, 10, 31, 23)),
        ("Africa/Cairo", (2026, 4, 23, 8), "day", (2026, 4, 23, 22)),  # the next one begins at 01:00
        ("Asia/Beirut", (2026, 3, 28, 8), "day", (2026, 3, 28, 22)),
        ("America/Santiago", (2026, 9, 5, 12), "day", (2026, 9, 6, 4)),
        ("Australia/Lord_Howe", (2026, 4, 4, 20), "day", (2026, 4, 5, 13, 30)),
    ],
)
def test_a_calendar_cap_opens_with_the_customers_next_period(
    zone: str, last_change: tuple[int, ...], unit: str, opens: tuple[int, ...]
) -> None:
    now, then = (datetime(*at, tzinfo=UTC) for at in (last_change, opens))  # type: ignore[misc]  # years, months, …
    cap = Cap(1, calendar=unit)  # type: ignore[arg-type]  # one of the three
    assert solve(now, now + 40 * DAY, [Capped(cap, [Past(now, Channel.PUSH, Purpose.MARKETING)], (zone,))]).at == then


def test_a_cap_of_the_day_holds_in_every_calendar_that_may_be_theirs() -> None:
    cap = Cap(1, calendar="day")
    past = [Past(NOON, Channel.PUSH, Purpose.MARKETING)]
    coasts = ("America/New_York", "America/Los_Angeles")
    assert solve(NOON, NOON + 2 * DAY, [Capped(cap, past, coasts)]).at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    midnight_in_new_york = datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert since([cap], coasts, NOON) == midnight_in_new_york - timedelta(microseconds=1)


def test_past_messages_are_looked_up_as_far_back_as_any_cap_counts() -> None:
    month = datetime(2026, 3, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert since([Cap(1, HOUR), Cap(1, calendar="month")], ["UTC"], NOON) == month
    assert since([Cap(1, 5 * DAY), Cap(1, calendar="day")], ["UTC"], NOON) == NOON - 5 * DAY


def test_habits_choose_the_heaviest_hour_that_is_allowed_and_its_first_instant() -> None:
    """Tuesday, noon: she reads at 20:00, less at 18:00, most at 23:00, when it is quiet."""
    weights = [0.0] * 168
    for hour, weight in ((18, 2.0), (20, 3.0), (23, 9.0)):
        weights[24 + hour] = weight
    night = Quiet(QuietHours("20:30", "08:00"), ("UTC",), {})
    habits = Habits(tuple(weights), ("UTC",), NOON + DAY)
    assert solve(NOON, NOON + 2 * DAY, [night], habits).at == NOON + 8 * HOUR
    assert solve(NOON + 8.25 * HOUR, NOON + 2 * DAY, [night], habits).at == NOON + 8.25 * HOUR, "when it is time, it is now"
    assert solve(NOON, NOON + 2 * DAY, [night], Habits(tuple(weights), ("UTC",), NOON + 7 * HOUR)).at == NOON + 6 * HOUR


def test_a_habit_drops_no_message() -> None:
    night = Quiet(QuietHours("11:00", "20:00"), ("UTC",), {})
    habits = Habits((1.0,) * 168, ("UTC",), NOON + 4 * HOUR)
    assert solve(NOON, NOON + DAY, [night], habits).at == NOON + 8 * HOUR
    over = Habits((1.0,) * 168, ("UTC",), NOON - HOUR)
    assert solve(NOON, NOON + DAY, [], over).at == NOON


def test_of_whom_nothing_is_known_an_hour_weighs_what_it_weighs_at_least() -> None:
    weights = tuple(float(n % 24 == 12) for n in range(168))
    assert solve(NOON, NOON + DAY, [], Habits(weights, ANYWHERE, NOON + DAY)).at == NOON, "it is noon for one of them only"
    two = Habits(tuple(float(10 <= n % 24 < 13) for n in range(168)), ("Etc/GMT", "Etc/GMT-2"), NOON + 2 * DAY)
    assert solve(NOON, NOON + 2 * DAY, [], two).at == NOON + 22 * HOUR


def test_weeks_of_habits_have_168_hours() -> None:
    with pytest.raises(ValueError, match="a week has 168 hours; there are 24 weights"):
        Habits((1.0,) * 24, ("UTC",), NOON)


def test_stretches_are_sets_of_minutes() -> None:
    draw = Random(7)
    for _ in range(300):
        some, others = ([(at(a), at(b)) for a, b in (draw.choices(range(40), k=2) for _ in range(6))] for _ in range(2))
        these, those = joined(some), joined(others)
        assert points(these) == {each for a, b in some for each in minutes(a, b)}
        assert points(without(these, those)) == points(these) - points(those)
        assert all(left[1] < right[0] for left, right in pairwise(these))


def at(minute: int) -> datetime:
    return NOON + minute * MINUTE


def points(stretches: list[tuple[datetime, datetime]]) -> set[datetime]:
    return {each for start, end in stretches for each in minutes(start, end)}


def test_a_message_that_is_useful_for_years_is_solved_as_well() -> None:
    """It is looked at month by month."""
    closed = Only(Window("09:00", "10:00", ("mon",)), ("UTC",), {})
    cap = Capped(Cap(1, 400 * DAY), [Past(NOON, Channel.PUSH, Purpose.MARKETING)], ("UTC",))
    assert solve(NOON, NOON + 4000 * DAY, [closed, cap]).at == datetime(2027, 4, 12, 9, tzinfo=UTC)
    assert cap.reason is Reason.CAPPED
