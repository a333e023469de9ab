"""What a run costs and what it leaves in its history: the event budget, and nothing personal."""

import json

from shop import Shop
from temporalio.api.enums.v1 import EventType

from store.runs import Run


async def history(shop: Shop, run: Run) -> tuple[list[str], str]:
    found = await shop.workflow(run).fetch_history()
    return [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in found.events], json.dumps(found.to_json_dict())


async def finish(shop: Shop, journey: str) -> Run:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", name="Snow boots", cart_id="c-1")
    await shop.look()
    run = await shop.run(journey)
    assert (await shop.over(run)).sent == 3
    return run


def real(events: list[str]) -> list[str]:
    """The events of the run itself; skipping time leaves some of its own, which production does not have."""
    return [e for e in events if "TIME_SKIPPING" not in e and e != "WORKFLOW_EXECUTION_OPTIONS_UPDATED"]


async def test_three_messages_with_the_leading_wait_as_a_start_delay_cost_33_events(shop: Shop) -> None:
    events, _ = await history(shop, await finish(shop, "cart_abandonment"))
    assert len(real(events)) <= 33, events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 3
    assert events.count("TIMER_STARTED") == 2
    assert events.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 0


async def test_three_messages_with_a_leading_timer_cost_38_events(trial: Shop) -> None:
    events, _ = await history(trial, await finish(trial, "three_messages"))
    assert len(real(events)) <= 38, events
    assert events.count("TIMER_STARTED") == 3


async def test_a_history_holds_no_personal_data_and_nothing_secret(shop: Shop) -> None:
    run = await finish(shop, "cart_abandonment")
    _, text = await history(shop, run)
    for personal in ("ana@example.com", "Ana", "token-ana", "+346", "Snow boots", "test-secret"):
        assert personal not in text
    description = await shop.workflow(run).describe()
    assert "ana" not in str(description.search_attributes).lower().replace(str(run.profile_id), "")
    assert str(run.profile_id) in run.workflow_id
