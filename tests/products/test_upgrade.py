"""ML-04: an upgrade is foretold before it happens, and who is about to is spoken to before."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from store import Database, predictions
from tests.products.shop import DAY, Happened, happen, people
from workers.testing.shop import open_shop
from workers.training.process import trainer
from workers.worker import serving


def life(dice: Random, who: UUID, now: datetime) -> Iterator[Happened]:
    """Seats come now and then; of some companies many at once, of whom most upgrade a few weeks later."""
    yield Happened(who, "Signed Up", now - 170 * DAY, {})
    for _ in range(dice.randint(0, 6)):
        yield Happened(who, "Seat Added", now - dice.uniform(1, 165) * DAY, {})
    if dice.random() < 0.6:
        grows = now - dice.uniform(20, 150) * DAY
        yield from (Happened(who, "Seat Added", grows + n * DAY, {}) for n in range(10))
        if dice.random() < 0.85:
            upgrades = grows + dice.uniform(12, 30) * DAY
            if upgrades < now:
                yield Happened(who, "Plan Upgraded", upgrades, {})


async def test_ml_04_an_upgrade_is_foretold_and_who_is_about_to_is_spoken_to_before(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    catalogue = "products.upgrade_catalogue"
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue=catalogue, on_time=True) as shop:
        await shop.parts.predicting.declare()
        now, dice = shop.clock.now(), Random(8)
        who = await people(database, 1_500, now - 200 * DAY)
        await happen(database, [each for one in who for each in life(dice, one, now)])
        for user in ("ana", "bea"):
            await shop.signs_up(user, ("push",))
        ids = {row["value"]: row["profile_id"] for row in await database.pool.fetch("select value, profile_id from identity")}
        past = [Happened(ids[user], "Signed Up", now - 170 * DAY, {}) for user in ("ana", "bea")]
        past += [Happened(ids["ana"], "Seat Added", now - n * DAY, {}) for n in range(1, 11)]
        past += [Happened(ids["bea"], "Seat Added", now - n * DAY, {}) for n in (40, 80)]
        await happen(database, past)
        async with serving([trainer(shop.client, database, shop.parts.catalogue, shop.clock)]):
            assert await predictions.ask_training(database, "upgrade", now)
            await shop.parts.predicting.wake()
            told = await shop.client.get_workflow_handle("predict/upgrade/train/asked", result_type=str).result()
        rows = await database.pool.fetch("select profile_id, score from prediction_score")
        scores = {row["profile_id"]: row["score"] for row in rows}
        assert (scores[ids["ana"]] > 0.5, scores[ids["bea"]] < 0.3) == (True, True), told
        upgraded = await database.pool.fetch("select profile_id from event where type = 'Plan Upgraded'")
        assert not {row["profile_id"] for row in upgraded} & scores.keys(), "who has upgraded is not asked about"
        await shop.look()
        run = next(run for run in await shop.runs("bigger_plan") if run.profile_id == ids["ana"])
        await shop.settled(run, 1)
        shop.clock.set(now + timedelta(days=3))
        await shop.does("ana", "Plan Upgraded")
        await shop.look()
        assert (await shop.over(run)).sent == 1
        assert [message.title for message in shop.sandbox.messages] == ["Room for more of you"]
        assert ids["bea"] not in {run.profile_id for run in await shop.runs("bigger_plan")}
