"""Exits are held to at the gate, also where the watch has not looked yet (SEMANTICS 2)."""

from datetime import timedelta

from tests.activities.test_deliver import request, start
from workers.testing.shop import Shop


async def test_the_gate_sees_a_move_that_the_watch_has_not_seen_and_an_event_and_an_age(trial: Shop) -> None:
    for user in ("ana", "bob", "eva"):
        await trial.signs_up(user, tier="gold")
    await trial.look()
    runs = {user: await start(trial, "ends_many_ways", user) for user in ("ana", "bob", "eva")}
    await trial.send("identify", userId="ana", traits={"tier": "silver"})
    await trial.does("bob", "Something Else")
    asked = [request(run, occurrence=9) for run in runs.values()]
    old = runs["eva"].entered_at + timedelta(days=2)
    asked[2] = asked[2].model_copy(update={"due_at": old, "useless_after": old + timedelta(hours=1)})
    receipts = [await trial.parts.delivery.deliver(each) for each in asked]
    assert {(each.outcome.value, each.reason and each.reason.value) for each in receipts} == {("skipped", "exit reached")}
    assert [each.ended_by for each in receipts] == ["no vip", "something else", "too old"]


async def test_the_gate_sees_who_has_left_the_entry_segment_of_a_journey_that_has_no_other_exit(trial: Shop) -> None:
    runs = []
    for user in ("ana", "bob"):
        await trial.signs_up(user, tier="gold")
        await trial.look()
        runs.append((await trial.runs("while_vip"))[-1])
    await trial.send("identify", userId="ana", traits={"tier": "silver"})
    receipts = [await trial.parts.delivery.deliver(request(run)) for run in runs]
    assert [each.reason and each.reason.value for each in receipts] == ["left the segment", None]
    assert receipts[1].sent
