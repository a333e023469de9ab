"""Several goals and exits: each by its name, the first of them by its own time (SEMANTICS 2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from journeys.contracts import Reason
from journeys.endings import Ending, by_events, by_moves, by_time, ended_by_move, first, said
from tests.trial_catalogue import ends_many_ways, three_messages, while_vip

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_single_goal_has_no_name_and_several_have_theirs() -> None:
    assert [(reason, which) for reason, which, _ in by_events(three_messages.spec)] == [(Reason.GOAL, None)]
    several = [(reason, which) for reason, which, _ in by_events(ends_many_ways.spec)]
    assert several == [(Reason.GOAL, "bought"), (Reason.GOAL, "searched"), (Reason.EXIT, "something else")]


def test_leaving_the_entry_segment_is_a_reason_of_its_own() -> None:
    assert by_moves(while_vip.spec) == {("vips", False): (Reason.LEFT, None)}
    assert by_moves(ends_many_ways.spec) == {
        ("vips", False): (Reason.EXIT, "no vip"),
        ("platinums", True): (Reason.EXIT, "platinum"),
    }


def test_of_dates_and_ages_the_first_counts() -> None:
    exits = {"old": 3 * DAY, "closing": NOON + 2 * DAY}
    spec = replace(ends_many_ways.spec, exits=exits)
    assert by_time(spec, NOON) == Ending(Reason.EXIT, "closing", NOON + 2 * DAY)
    assert by_time(spec, NOON - 2 * DAY) == Ending(Reason.EXIT, "old", NOON + DAY)
    assert by_time(three_messages.spec, NOON) is None


def test_of_two_at_once_the_goal_counts() -> None:
    goal, way_out = Ending(Reason.GOAL, "bought", NOON), Ending(Reason.EXIT, "old", NOON)
    assert first([way_out, goal]) == goal
    assert first([goal, replace(way_out, at=NOON - DAY)]) == replace(way_out, at=NOON - DAY)


def test_a_move_ends_whoever_was_in_before_it() -> None:
    assert [ended_by_move(NOON, NOON + at, inside=False) for at in (-DAY, timedelta(0), DAY)] == [False, True, True]
    assert [ended_by_move(NOON, NOON + at, inside=True) for at in (-DAY, timedelta(0), DAY)] == [False, False, True]


def test_goals_and_exits_are_told_by_name() -> None:
    assert list(said(ends_many_ways.spec)) == ["bought", "searched", "something else", "no vip", "platinum", "too old"]
    assert said(ends_many_ways.spec)["too old"] == "2 d after entry"
    assert said(ends_many_ways.spec)["no vip"] == "leaving vips"
