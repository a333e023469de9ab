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
