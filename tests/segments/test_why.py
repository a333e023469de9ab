"""Why somebody is in or not: each kind of leaf shows its own value, and when time alone changes it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from segments import Segment, bucket, customers, did, first, last, last_location, listed, near, position_in, prop, trait
from segments import inside as within_shape
from segments.ask.why import Finding, why
from segments.facts import Event, Facts, Person
from segments.language.predicate import Predicate
from segments.leaves.people import member_of
from segments.leaves.reach import consented, reachable
from segments.leaves.score import points, score
from segments.leaves.top import top
from tests.segments.shop import T0

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SOL = (40.4168, -3.7038)
ANA = Person(
    UUID("0190163d-8694-739b-aea5-966c26f8ad90"),
    frozenset({"u-1", "ana"}),
    {("email", "marketing"): "withdrawn"},
    frozenset({"push", "email"}),
    {"consent:email/marketing": T0 - DAY, "endpoint:push": T0 - 2 * DAY},
)


def seen(predicate: Predicate, *events: Event, person: Person = ANA, **traits: Any) -> Finding:
    return why(predicate, Facts.of(traits, events, person), T0)


def at(*position: float, ago: timedelta = HOUR) -> Event:
    return Event("Location Updated", T0 - ago, {"lat": position[0], "lon": position[1]})


def test_a_distance_is_shown_with_where_and_when() -> None:
    found = seen(near(*SOL, km=1), at(40.4258, -3.7038))
    assert (found.holds, found.changes_at) == (False, None)
    assert found.saw == {"metres": 1000.8, "lat": 40.4258, "lon": -3.7038, "at": T0 - HOUR}
    fresh = seen(near(*SOL, km=1, of=last_location.within(hours=3)), at(*SOL))
    assert (fresh.holds, fresh.changes_at) == (True, T0 + 2 * HOUR)
    shape = seen(within_shape([(40, -4), (41, -4), (41, -3)]), at(40.9, -3.9))
    assert (shape.holds, shape.saw) == (True, {"lat": 40.9, "lon": -3.9, "at": T0 - HOUR})
    home = seen(near(*SOL, km=1, of=position_in("home")), home={"lat": SOL[0], "lon": SOL[1]})
    assert (home.holds, home.saw) == (True, {"metres": 0, "lat": SOL[0], "lon": SOL[1]})
    assert seen(near(*SOL, km=1)).saw is None


@pytest.mark.parametrize("percent", [1, 10, 50, 99, Decimal("33.3"), 100])
def test_a_bucket_shows_the_number_that_decides(percent: float) -> None:
    for n in range(50):
        found = seen(bucket(percent, "test"), person=Person(UUID(int=n)))
        assert (found.saw["number"] < percent) is found.holds
        assert found.saw["in_below"] == float(percent)


def test_names_consents_and_addresses_are_shown_with_since_when() -> None:
    assert seen(customers("u-1")).saw == {"user_ids": ["ana", "u-1"]}
    assert seen(consented("email")).saw == {"state": "withdrawn", "since": T0 - DAY}
    assert seen(consented("push")).saw == {"state": "unknown"}
    found = seen(reachable("push"))
    assert (found.holds, found.saw) == (True, {"reachable_by": ["email", "push"], "since": T0 - 2 * DAY})
    assert seen(reachable("sms")).saw == {"reachable_by": ["email", "push"]}


def test_the_first_and_the_last_event_are_shown_with_what_is_asked_of_them() -> None:
    orders = [Event("Order", T0 - 3 * DAY, {"total": 20}), Event("Order", T0 - DAY, {"total": 80})]
    found = seen(last("Order").where(prop("total") > 50).within(days=7), *orders)
    assert (found.holds, found.saw, found.changes_at) == (True, {"at": T0 - DAY, "total": 80}, T0 + 6 * DAY)
    assert seen(first("Order").where(prop("total") > 50), *orders).saw == {"at": T0 - 3 * DAY, "total": 20}
    assert seen(first("Order").within(days=1)).saw is None


def test_a_list_shows_since_when() -> None:
    on, off = (Event("$list:vips", T0 - n * DAY, {"listed": n == 2}) for n in (2, 1))
    assert (seen(listed("vips"), on).holds, seen(listed("vips"), on).saw) == (True, {"listed": True, "since": T0 - 2 * DAY})
    assert (seen(listed("vips"), on, off).holds, seen(listed("vips"), on, off).saw["listed"]) == (False, False)
    assert seen(listed("vips")).saw is None


def test_a_ranking_shows_the_amount_the_threshold_and_its_renewals() -> None:
    best = top(10, did("Order").total("total"))
    orders = [Event("Order", T0 - DAY, {"total": 40}), Event("Order", T0 - HOUR, {"total": 2.5})]
    facts = Facts.of({}, orders)
    renewed = T0.replace(hour=0)
    known = Facts(facts.traits, facts.events, ANA, {best.ranking: [(renewed - DAY, Decimal(5)), (renewed, Decimal(50))]})
    found = why(best, known, T0)
    assert (found.holds, found.changes_at) == (False, None)
    assert found.saw == {"total": 42.5, "threshold": 50, "as_of": renewed, "renewed_next": renewed + DAY}
    assert why(best, facts, T0).saw["threshold"] is None


def test_a_segment_inside_shows_its_own_parts_and_since_when() -> None:
    viewers = Segment("viewers", did("View").within(hours=3))
    found = seen(member_of(viewers) & (trait("age") > 18), Event("View", T0 - HOUR), age=20)
    assert (found.how, found.parts[0].how, found.parts[1].how) == ("all", "member_of", None)
    assert (found.parts[0].text, found.parts[0].saw) == ('in segment "viewers"', {"since": T0 - HOUR})
    assert found.parts[0].changes_at == found.changes_at == T0 + 2 * HOUR
    assert found.parts[0].parts[0].saw == {"count": 1, "last_at": T0 - HOUR}
    assert seen(~member_of(viewers)).parts[0].saw is None


def test_a_score_shows_the_points_of_each_rule() -> None:
    rules = points(20, did("Pricing Viewed").within(days=30), "saw the prices"), points(-5, trait("job") == "student")
    found = seen(score(*rules) >= 10, Event("Pricing Viewed", T0 - DAY), job="student")
    assert (found.holds, found.changes_at) == (True, T0 + 29 * DAY)
    assert found.saw == {"score": 15, "points": {"saw the prices": 20, 'job is "student"': -5}}
    assert [part.text for part in found.parts] == [
        '+20 saw the prices: did "Pricing Viewed" within 30 days',
        '-5 job is "student"',
    ]
    assert seen(score(*rules) >= 10).saw == {"score": 0, "points": {"saw the prices": 0, 'job is "student"': 0}}


def test_an_event_that_must_come_first_and_never_did() -> None:
    assert seen(did("Order").since_last("Cart")).saw == {"count": 0, "since_last": "never"}
