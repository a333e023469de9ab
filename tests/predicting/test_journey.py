"""ML-02, JRN-06: who comes to be at risk gets a touch, and the second only while they are; a decision tells why."""

from uuid import UUID

from predicting.conftest import DAY, Planted

from segments.ask.foretold import foretold


async def known(planted: Planted, user: str) -> UUID:
    await planted.shop.signs_up(user, ("push", "whatsapp"))
    return UUID(str(await planted.database.pool.fetchval("select profile_id from identity where value = $1", user)))


async def test_ml_02_jrn_06_the_second_touch_only_for_who_is_at_risk_still(planted: Planted) -> None:
    """ML-01 as well: the entry tells the score, the threshold, the model's version and the score's date."""
    shop = planted.shop
    await planted.people(300)
    ana, luis = await known(planted, "ana"), await known(planted, "luis")
    for who in (ana, luis):  # every five days, and then nothing for five weeks
        planted.orders += [(planted.opened - day * DAY, who, 40.0) for day in range(120, 35, -5)]
    planted.orders.sort()
    await planted.pass_until(0)
    await planted.train()
    scores = await planted.scores()
    assert min(scores[ana], scores[luis]) >= 0.7
    await shop.look()
    runs = {run.profile_id: run for run in await shop.runs("retention")}
    assert {ana, luis} <= runs.keys() == await planted.over()
    for who in (ana, luis):
        await shop.settled(runs[who], 1)

    entry = await planted.database.pool.fetchrow(
        "select e.type, e.properties from segment_transition t join event e on e.message_id = t.cause ->> 'message_id'"
        " where t.profile_id = $1 and t.kind = 'entered'",
        ana,
    )
    assert entry is not None
    assert (entry["properties"]["score"], entry["properties"]["version"]) == (scores[ana], 1)
    assert entry["properties"]["as_of"][:10] == f"{planted.opened:%Y-%m-%d}"
    assert entry["type"] == "$crossed:churn:0.7:0.5"

    planted.orders[planted.told :] = sorted(
        [*planted.orders[planted.told :], *((planted.opened + hours / 24 * DAY, ana, 40.0) for hours in (2, 5, 9, 15))]
    )
    await planted.pass_until(1)
    await planted.score()
    await shop.look()
    after = await planted.scores()
    assert after[ana] < 0.5 <= after[luis]
    assert [(await shop.over(runs[who])).sent for who in (ana, luis)] == [1, 2]
    assert [message.channel for message in await shop.messages(runs[luis])] == ["push", "whatsapp"]


async def test_it_is_told_why_in_words_and_by_the_model_and_the_day_that_decided(planted: Planted) -> None:
    """The reasons of a score add up to it, worked out without numpy; a later order or model does not change what was."""
    shop = planted.shop
    await planted.people(400)
    ana = await known(planted, "ana")
    planted.orders += [(planted.opened - day * DAY, ana, 40.0) for day in range(120, 40, -5)]
    planted.orders.sort()
    await planted.pass_until(0)
    await planted.train()
    declared = shop.parts.catalogue.predictions
    (before,) = await foretold(planted.database, declared, ana)
    assert (before.prediction, before.version, before.unexplained) == ("churn", 1, None)
    raises = [reason for reason in before.reasons if (reason.effect or 0) > 0]
    assert any(reason.feature in ("days_since_order", "orders_30d") for reason in raises)
    assert all(reason.words.endswith("times") or "hardly" in reason.words for reason in before.reasons)
    assert any(reason.words.startswith('days since the last "Order Completed" is 4') for reason in before.reasons) or raises
    shop.clock.set(shop.clock.now() + DAY / 24)
    await shop.does("ana", "Order Completed", total=1.0)
    assert await foretold(planted.database, declared, ana) == [before], "as it was known when it was scored"
    (gone,) = await foretold(planted.database, {}, ana)
    assert (gone.reasons, gone.unexplained) == ((), "it is not declared any more")
    await planted.database.pool.execute("update prediction_model set parameters = parameters || ' '")
    (changed,) = await foretold(planted.database, declared, ana)
    assert "sha256 differs" in str(changed.unexplained)
