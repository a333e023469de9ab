"""Each goal and each exit of a journey ends it under its own name, simulated or on real servers."""

import pytest

from workers.testing import Rehearsal


@pytest.mark.parametrize(
    ("event", "tier", "ended_by", "outcome"),
    [
        ("Order Completed", None, "bought", "goal reached"),
        ("Searched", None, "searched", "goal reached"),
        ("Something Else", None, "something else", "exit reached"),
        (None, "silver", "no vip", "exit reached"),
        (None, "platinum", "platinum", "exit reached"),
        (None, None, "too old", "exit reached"),
    ],
)
def test_each_way_out_ends_a_sleeping_run_at_once_and_is_recorded_as_its_own(
    shop: Rehearsal, event: str | None, tier: str | None, ended_by: str, outcome: str
) -> None:
    ana = shop.customer("ana", tier="gold" if tier != "platinum" else "silver")
    shop.starts("ends_many_ways", ana)
    shop.passes(hours=30)
    if event:
        ana.does(event)
    if tier:
        ana.becomes(tier=tier)
    shop.passes(minutes=5)
    at_once = ended_by != "too old"
    assert bool(ana.left("ends_many_ways", ended_by)) is at_once
    assert not at_once or ana.left("ends_many_ways", outcome)
    shop.passes(days=5)
    assert ana.left("ends_many_ways", ended_by)
    (run,) = [run for run in ana.runs if run.journey == "ends_many_ways"]
    assert [message.state for message in run.messages] == ["sent", "sent"]


@pytest.mark.parametrize("then", ["wait", "message", "call"])
def test_what_a_run_says_in_the_instant_of_its_entry_can_end_it_by_name_whatever_it_does_then(
    shop: Rehearsal, then: str
) -> None:
    ana = shop.customer("ana", tier="silver")
    shop.starts("ends_by_its_own_word", ana, then=then)
    shop.passes(hours=1)
    assert ana.left("ends_by_its_own_word", "platinum")
    assert ana.inbox == []
