"""Who counts in an experiment: the same people from the same instant on in both arms, whatever made their messages wait.

Each customer has a twin in the other arm, who enters and buys when they do. So the arms are equal, or the rule is biased.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, product
from uuid import UUID

import pytest

from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel
from journeys.entry import is_held_out
from journeys.simulate import Customer
from workers.testing.rehearsal import MONDAY
from workers.testing.simulated import Simulated

JOURNEY, EXPERIMENT = "an_hour_later", "$holdout/an_hour_later"
MIDNIGHT = MONDAY + timedelta(hours=15)
#: Into which hour of the day one enters, and so many hours later one buys: nobody's purchase depends on their arm.
LIVES = [(entry, buys) for entry, buys in product(range(24), (0.5, 2, 3, 5, 8, 30, None))]


@pytest.fixture
def stage() -> Simulated:
    return Simulated(load("sending_catalogue"), MONDAY)


def test_the_arms_are_the_same_people_at_the_same_instants_also_where_the_treated_buy_before_the_morning(
    stage: Simulated,
) -> None:
    twins = list(_live(stage))
    exposed = [tuple(each.exposed.get(EXPERIMENT) for each in pair) for pair in twins]
    assert {treated and treated[0] for treated, _ in exposed} == {"written to", None}
    assert {control and control[0] for _, control in exposed} == {"withheld", None}
    since = [tuple(map(_since, pair)) for pair in exposed]
    assert [treated for treated, _ in since] == [control for _, control in since]
    asked_never = [buys for (_, buys), (treated, _) in zip(LIVES, since, strict=True) if treated is None]
    assert asked_never == [0.5] * 24, "who bought before any message was due"
    at_night = [treated for treated, _ in since if treated and not 6 <= treated.hour < 22]
    assert len(at_night) == 8 * 6, "whoever waits for the morning is exposed at night"


def test_had_the_treated_to_be_written_to_first_an_effect_would_show_where_there_is_none(stage: Simulated) -> None:
    """The bias, planted: the control counts from the question on, the treated from the message on."""
    bought = [buys is not None for _, buys in LIVES]
    counted = list(zip(bought, _live(stage), strict=True))
    sent = [bought for bought, (treated, _) in counted if _states(stage, treated) == {"sent"}]
    held = [bought for bought, (_, control) in counted if EXPERIMENT in control.exposed]
    assert len(sent) < len(held)
    assert sum(sent) / len(sent) < sum(held) / len(held)


def _live(stage: Simulated) -> Iterator[tuple[Customer, Customer]]:
    """A week of twins, each pair as (written to, held out)."""
    arms = _ids(stage.catalogue, held_out=False), _ids(stage.catalogue, held_out=True)
    names = [[f"{n} {arm}" for arm in (0, 1)] for n in range(len(LIVES))]
    stage.passes(MIDNIGHT)
    for pair in names:
        for name, ids in zip(pair, arms, strict=True):
            stage.joins(name, [Channel.PUSH], {"timezone": "UTC"}, next(ids))
    happens = [(MIDNIGHT + timedelta(hours=entry), 0, n) for n, (entry, _) in enumerate(LIVES)]
    happens += [(MIDNIGHT + timedelta(hours=entry + buys), 1, n) for n, (entry, buys) in enumerate(LIVES) if buys]
    for at, what, n in sorted(happens):
        stage.passes(at)
        for name in names[n]:
            if what:
                stage.does(name, "Order Completed", {}, at)
            else:
                stage.starts(JOURNEY, name, {}, "", {})
    stage.passes(stage.now + timedelta(days=2))
    for one, other in names:
        yield stage.world.customers[one], stage.world.customers[other]


def _ids(catalogue: Catalogue, *, held_out: bool) -> Iterator[UUID]:
    spec = catalogue.journeys[JOURNEY].spec
    return (each for each in (UUID(int=n) for n in count()) if is_held_out(spec, each) is held_out)


def _since(exposed: tuple[str, datetime] | None) -> datetime | None:
    return exposed and exposed[1]


def _states(stage: Simulated, who: Customer) -> set[str]:
    return {str(message.state) for run in stage.world.runs.of(who) for message in run.messages}
