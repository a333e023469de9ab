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
