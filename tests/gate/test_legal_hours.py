"""Legal hours of marketing by SMS: held against a grid of minutes, on the customer's clocks; solved with hours and caps."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from journeys.contracts import Cap, Channel, Outcome, Purpose, QuietHours, Reason
from journeys.gate.caps import Capped, Past
from journeys.gate.decide import Go, No
from journeys.gate.hours import Quiet
from journeys.gate.legal import Law, Legal, easter_sunday, laws_of
from journeys.gate.solver import shuts, solve
from tests.extent import scaled
from tests.gate.test_decide import NOON, ask

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
PARIS = "Europe/Paris"
FRENCH, AMERICAN, SPANISH = "+33612345678", "+12125550123", "+34600112233"
#: Said by the calendars of those years, and not by our computus.
EASTER = {2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2028: (4, 16), 2030: (4, 21), 2035: (3, 25), 2038: (4, 25)}
HOLIDAYS = [(1, 1), (4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]  # France, 2026


def law(number: str) -> Law:
    (found,) = laws_of([number])
    return found


def local(zone: str, *when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(("year", "day"), EASTER.items())
def test_easter_is_when_it_is(year: int, day: tuple[int, int]) -> None:
    assert easter_sunday(year) == date(year, *day)


def test_the_holidays_of_a_french_year() -> None:
    days = [date(2026, 1, 1) + n * DAY for n in range(365)]
    assert [(day.month, day.day) for day in days if law(FRENCH).is_holiday(day)] == HOLIDAYS


def test_a_law_is_that_of_the_numbers_country() -> None:
    assert [each.country for each in laws_of([FRENCH, AMERICAN, SPANISH, FRENCH])] == ["FR", "US"]
    assert [each.country for each in laws_of(["+17875550123", "+596696123456", "nonsense", "+14165550123"])] == ["MQ", "PR"]


@pytest.mark.parametrize(("number", "zone"), [(FRENCH, PARIS), (AMERICAN, "America/New_York"), (FRENCH, "Indian/Reunion")])
def test_it_is_open_when_the_walls_clock_says_so_minute_by_minute(number: str, zone: str) -> None:
    draw, rule = Random(f"{number} {zone}"), law(number)
    legal = Legal(rule, (zone,))
    starts = [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC)]
    starts += [datetime(2026, 1, 1, tzinfo=UTC) + draw.randrange(700) * DAY for _ in range(scaled(3, 60))]
    for start in starts:
        shut = legal.shut(start, start + 3 * DAY)
        for n in range(0, 3 * 24 * 60, 7):
            at = start + n * MINUTE
            assert any(a <= at < b for a, b in shut) is not _allowed(number, at.astimezone(ZoneInfo(zone))), at


def _allowed(number: str, wall: datetime) -> bool:
    """As the law reads, and not as we compute it."""
    if number == AMERICAN:
        return 8 <= wall.hour < 21
    easter = date(wall.year, *EASTER[wall.year]) if wall.year in EASTER else None
    moved = easter is not None and (wall.date() - easter).days in (1, 39, 50)
    fixed = f"{wall:%m-%d}" in ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]
    return 8 <= wall.hour < 22 and wall.weekday() != 6 and not moved and not fixed


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ((2026, 6, 6, 21, 59), (2026, 6, 6, 21, 59)),  # a Saturday
        ((2026, 6, 6, 22, 0), (2026, 6, 8, 8, 0)),
        ((2026, 4, 4, 23, 0), (2026, 4, 7, 8, 0)),  # Easter
        ((2026, 5, 7, 22, 0), (2026, 5, 9, 8, 0)),  # the eighth of May
        ((2026, 3, 28, 22, 0), (2026, 3, 30, 8, 0)),  # the clocks change on the Sunday
    ],
)
def test_a_message_to_france_waits_for_the_next_legal_instant(now: tuple[int, ...], then: tuple[int, ...]) -> None:
    at = local(PARIS, *now)
    assert solve(at, at + 5 * DAY, [Legal(law(FRENCH), (PARIS,))]).at == local(PARIS, *then)


def test_of_whom_it_is_not_known_where_they_are_it_is_legal_everywhere() -> None:
    legal = Legal(law(AMERICAN), ("America/New_York", "America/Los_Angeles"))
    morning = local("America/New_York", 2026, 6, 1, 9, 0)
    assert shuts(legal, morning)
    assert solve(morning, morning + DAY, [legal]).at == local("America/Los_Angeles", 2026, 6, 1, 8, 0)


def test_law_quiet_hours_and_caps_are_solved_together() -> None:
    now = local(PARIS, 2026, 6, 6, 21, 0)
    quiet = Quiet(QuietHours("20:00", "09:30"), (PARIS,), {})
    cap = Capped(Cap(1, 2 * DAY), [Past(now, Channel.SMS, Purpose.MARKETING)], (PARIS,))
    assert solve(now, now + 5 * DAY, [Legal(law(FRENCH), (PARIS,)), quiet, cap]).at == local(PARIS, 2026, 6, 9, 9, 30)


SUNDAY = NOON.replace(year=2026, month=6, day=7)


def test_the_gate_says_whose_law_it_is() -> None:
    answer = ask(SUNDAY, until=SUNDAY + 2 * DAY, laws=laws_of([FRENCH]))
    told = {"country": "FR", "zone": "UTC", "told_by": "timezone"}
    assert answer == No(Outcome.DEFERRED, Reason.LEGAL_HOURS, told, SUNDAY + 20 * HOUR)


def test_what_no_legal_instant_is_left_for_is_dropped_at_once() -> None:
    answer = ask(SUNDAY, until=SUNDAY + 2 * HOUR, laws=laws_of([FRENCH]))
    assert isinstance(answer, No)
    assert (answer.outcome, answer.reason) == (Outcome.SKIPPED, Reason.NO_INSTANT)
    assert answer.detail["shut_by"] == ["outside legal hours"]


def test_a_transactional_message_and_one_to_a_country_without_a_law_go() -> None:
    until = SUNDAY + DAY
    assert ask(SUNDAY, until=until, laws=laws_of([FRENCH]), purpose=Purpose.TRANSACTIONAL) == Go()
    assert ask(SUNDAY, until=until, laws=laws_of([SPANISH])) == Go()
