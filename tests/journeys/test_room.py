"""When customers enter and how many: hours, capacity, rates, ramps and shares, against what a stopwatch would say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from definitions.cart_abandonment import cart_abandonment
from journeys.authoring import per_hour, ramp
from journeys.contracts import JourneySpec
from journeys.entry import Entry, Refused, in_line
from journeys.policies import Limits, Ramp, Rate, Window
from journeys.room import (
    CLOSED,
    NOT_OPEN,
    OUT_OF_SHARE,
    Counts,
    deadline,
    earliest,
    look_again,
    place_of,
    rate_of,
    room_in,
)
from tests.extent import some

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
ANA = UUID(int=7)
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


def limited(**declared: object) -> JourneySpec:
    return replace(cart_abandonment.spec, limits=Limits(**declared))  # type: ignore[arg-type]


def test_without_limits_everybody_fits() -> None:
    assert room_in(replace(cart_abandonment.spec, limits=None), Counts(10**6), NOON).places is None


def test_capacity_is_what_is_left_of_it() -> None:
    spec = limited(capacity=3)
    assert [room_in(spec, Counts(inside), NOON).places for inside in (0, 2, 3, 4)] == [3, 1, 0, 0]
    assert room_in(spec, Counts(3), NOON).full == "3 of 3 are in it"


def test_a_rate_slides_and_says_when_the_next_fits() -> None:
    spec, first = limited(rate=per_hour(100)), NOON - timedelta(minutes=40)
    full = Counts(0, 100, first)
    assert room_in(spec, Counts(0, 60, first), NOON).places == 40
    assert (room_in(spec, full, NOON).places, look_again(spec, full, NOON)) == (0, first + HOUR)
    assert room_in(spec, full, NOON).full == "100 have entered, of 100 in 1 h"


def test_a_ramp_goes_from_stage_to_stage_and_stays_at_the_last() -> None:
    spec = limited(opens=NOON, rate=ramp(per_hour(100), per_hour(400), per_hour(1_000), every=DAY))
    stages = [rate_of(spec, NOON + span) for span in (timedelta(0), DAY - timedelta(microseconds=1), DAY, 2 * DAY, 90 * DAY)]
    assert [stage.number for stage in stages if stage] == [100, 100, 400, 1_000, 1_000]
    assert look_again(spec, Counts(), NOON + HOUR) == NOON + DAY
    assert look_again(spec, Counts(), NOON + 5 * DAY) is None


def test_a_share_that_grows_takes_in_who_was_in_it_before() -> None:
    spec = limited(opens=NOON, share=ramp(0.01, 0.1, 1.0, every=DAY), max_wait=9 * DAY)
    people = [UUID(int=n) for n in range(4_000)]
    in_from = [earliest(spec, each, NOON, NOON) for each in people]
    fractions = [sum(at <= NOON + n * DAY for at in in_from if isinstance(at, datetime)) / len(people) for n in range(3)]
    assert fractions[2] == 1.0
    assert (0.005 < fractions[0] < 0.016, 0.08 < fractions[1] < 0.12) == (True, True)
    assert all((place_of(spec.name, each) < 0.01) == (at == NOON) for each, at in zip(people, in_from, strict=True))


def test_who_is_out_of_the_share_for_longer_than_they_would_wait_is_told_so_at_once() -> None:
    spec = limited(opens=NOON, share=ramp(0.5, 1.0, every=DAY), max_wait=HOUR)
    said = {earliest(spec, UUID(int=n), NOON, NOON) for n in range(50)}
    assert said == {NOON, OUT_OF_SHARE}
    assert {earliest(limited(share=0.5), UUID(int=n), NOON, NOON) for n in range(50)} == {NOON, OUT_OF_SHARE}


def test_it_opens_and_closes_at_instants() -> None:
    spec = limited(opens=NOON, closes=NOON + HOUR, max_wait=HOUR)
    assert earliest(spec, ANA, NOON - HOUR, NOON - HOUR) == NOON
    assert earliest(spec, ANA, NOON - HOUR - timedelta(seconds=1), NOON - HOUR) == NOT_OPEN
    assert earliest(spec, ANA, NOON, NOON + HOUR) == CLOSED
    assert room_in(spec, Counts(), NOON + HOUR).places == 0
    refused = in_line(Entry(spec=spec, by="api", at=NOON + HOUR), ANA, NOON + HOUR)
    assert refused == Refused(CLOSED, {"opens": NOON.isoformat(), "closes": (NOON + HOUR).isoformat()})


def test_hours_are_those_of_the_journeys_own_clock() -> None:
    spec = replace(limited(hours=Window("09:00", "18:00", WORKDAYS)), timezone="Europe/Madrid")
    open_at = [room_in(spec, Counts(), NOON + span).places is None for span in (timedelta(0), 5 * HOUR, 5 * DAY, 7 * DAY)]
    assert open_at == [True, False, False, True], "noon, 18:00 in Madrid, Saturday, Monday again"
    assert look_again(spec, Counts(), NOON + 5 * HOUR) == datetime(2026, 3, 3, 8, tzinfo=UTC)
    friday_evening = datetime(2026, 3, 27, 17, tzinfo=UTC)
    assert look_again(spec, Counts(), friday_evening) == datetime(2026, 3, 30, 7, tzinfo=UTC), "the clocks have changed"


def test_somebody_waits_as_long_as_their_entry_is_of_use() -> None:
    assert deadline(limited(capacity=1), NOON) == NOON + cart_abandonment.spec.max_lateness
    assert deadline(limited(capacity=1, max_wait=DAY), NOON) == NOON + DAY


@pytest.mark.parametrize("seed", some(range(30)))
def test_however_they_come_the_limits_hold_and_nobody_is_kept_waiting_beside_room(seed: int) -> None:
    """Entries at random instants, runs of random length; each instant is looked at as a person with a stopwatch would."""
    dice = Random(seed)
    rate = ramp(per_hour(dice.randint(1, 3)), per_hour(dice.randint(4, 6)), every=4 * HOUR)
    spec = limited(opens=NOON, capacity=dice.randint(1, 4), rate=rate)
    entered, left = lived(spec, dice)
    for at in entered:
        inside = sum(began <= at < ended for began, ended in zip(entered, left, strict=True))
        allowed = rate_of(spec, at)
        assert inside <= (spec.limits.capacity or 0) if spec.limits else False
        assert allowed is not None
        assert sum(at - HOUR < began <= at for began in entered) <= allowed.number


def lived(spec: JourneySpec, dice: Random) -> tuple[list[datetime], list[datetime]]:
    """By the minute: whoever has room enters; nobody waits while a place is free, which is asked of the rules by hand."""
    entered: list[datetime] = []
    left: list[datetime] = []
    waiting = 0
    for now in minutes(NOON, 12 * HOUR):
        waiting += dice.random() < 0.2
        recent = [at for at in entered if at > now - HOUR]
        inside = sum(end > now for end in left)
        places = room_in(spec, Counts(inside, len(recent), min(recent, default=None)), now).places
        assert places is not None
        for _ in range(min(places, waiting)):
            entered.append(now)
            left.append(now + timedelta(minutes=dice.randint(1, 90)))
            waiting -= 1
        assert not waiting or places == 0 or _is_full(spec, entered, left, now)
    assert entered
    return entered, left


def _is_full(spec: JourneySpec, entered: list[datetime], left: list[datetime], now: datetime) -> bool:
    limits = spec.limits or Limits()
    stages = limits.rate.stages if isinstance(limits.rate, Ramp) else ()
    stage: Rate = stages[0] if now < NOON + 4 * HOUR else stages[1]
    recent = sum(now - HOUR < at for at in entered)
    return recent >= stage.number or sum(end > now for end in left) >= (limits.capacity or 0)


def minutes(start: datetime, span: timedelta) -> Iterator[datetime]:
    for n in range(span // timedelta(minutes=1)):
        yield start + n * timedelta(minutes=1)
