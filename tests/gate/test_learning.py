"""What is learned of a customer's hours, against the rule of docs/semantics.md worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from journeys.gate.learning import learned

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def evenings(days: int, hour: float = 20) -> list[datetime]:
    return [MONDAY - n * DAY + hour * HOUR for n in range(1, days + 1)]


def test_too_little_is_nothing() -> None:
    assert learned(evenings(4), "UTC") is None
    assert learned([MONDAY + n * HOUR for n in range(30)], "UTC") is None, "on two days"
    assert learned(evenings(4) * 9, "UTC") is None, "an hour of a day counts once"
    assert learned(evenings(5), "UTC")


def test_the_weights_are_those_of_the_rule() -> None:
    """Five evenings from Wednesday to Sunday: 17 hours with the twelve, half an hour of them everywhere."""
    weights = learned(evenings(5), "UTC")
    assert weights
    share = (5 + 0.5) / 17
    assert weights[2 * 24 + 20] == pytest.approx(1 + 12 * share)
    assert weights[20] == pytest.approx(12 * share)
    assert weights[19] == pytest.approx(12 * 0.5 / 17)


def test_few_hours_are_drawn_towards_those_of_all_and_many_are_not() -> None:
    lunch = tuple(float(hour == 12) for hour in range(24))
    scattered = [at + n * HOUR for n, at in enumerate(evenings(5, hour=3))]
    few = learned(scattered, "UTC", lunch)
    assert few
    assert max(range(24), key=few[:24].__getitem__) == 12
    many = learned(evenings(60), "UTC", lunch)
    assert many
    assert max(range(24), key=many[:24].__getitem__) == 20


def test_a_day_of_the_week_has_hours_of_its_own_where_there_is_evidence() -> None:
    """Evenings, but on Saturdays at ten: one of them is chance, thirteen are a habit."""
    saturdays = [MONDAY + (5 - 7 * n) * DAY + 10 * HOUR for n in range(1, 14)]
    others = [at for at in evenings(91) if at.weekday() != 5]
    for known, hour in ((1, 20), (13, 10)):
        weights = learned([*others, *saturdays[:known]], "UTC")
        assert weights
        assert max(range(24), key=weights[5 * 24 : 6 * 24].__getitem__) == hour
        assert max(range(24), key=weights[:24].__getitem__) == 20


def test_hours_are_those_of_the_wall_also_when_the_clocks_change() -> None:
    """In Madrid 20:00 was 18:00 UTC until the end of October, and is 19:00 from then on."""
    change = datetime(2026, 10, 25, tzinfo=UTC)
    before = [change - n * DAY + 18 * HOUR for n in range(1, 6)]
    after = [change + n * DAY + 19 * HOUR for n in range(1, 6)]
    weights = learned([*before, *after], "Europe/Madrid")
    assert weights
    assert sum(weight > 1 for weight in weights[:24]) == 1
    assert weights[20] > 1
