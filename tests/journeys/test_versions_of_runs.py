"""A run ends as it began, whatever is deployed meanwhile (FAULTS E1, E8, D5); new ones begin with what stands there now."""

from changing import AFTER, BEFORE, BESIDE, NAME, TEMPLATE, Changing, changing, folder  # noqa: F401 - fixtures

from store.runs.views import Run
from workers.testing.shop import Shop


async def enter(shop: Shop, user: str, journey: str = "greets") -> Run:
    await shop.signs_up(user)
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return max(await shop.runs(), key=lambda run: run.id)


async def bodies(shop: Shop, run: Run) -> list[str]:
    """What the run sent, in words."""
    return [m.body for m in shop.sandbox.messages if m.key.startswith(str(run.id))]


async def test_a_run_walks_the_steps_that_it_began_with_and_a_new_one_those_of_now(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    async with changing.served():
        old = await enter(shop, "ana")
        await shop.settled(old, 1)
    changing.becomes(*AFTER)
    async with changing.served():
        new = await enter(shop, "eva")
        assert (await shop.over(old)).sent == 2
        assert (await shop.over(new)).sent == 2
    walked = [
        len([e for e in (await shop.workflow(run).fetch_history()).events if e.HasField("timer_started_event_attributes")])
        for run in (old, new)
    ]
    assert walked == [1, 2]
