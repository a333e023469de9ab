"""ML-03: what a customer will bring, with an interval, through Temporal; who comes to be worth so much is let in."""

import json
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import numpy as np
from predicting.conftest import DAY, KINDS, Planted, console_page

from segments.ask.foretold import foretold
from store import predictions
from tests.command_line import in_thread

SCORED = "select score, low, high, more, version from prediction_score where prediction = 'clv' and profile_id = $1"
WITH_IDS = """
update event set properties = properties || jsonb_build_object('order_id', message_id)
where profile_id = $1 and type = 'Order Completed' returning message_id
"""
REFUND = """
insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
values ($1, $2, 'Order Refunded', 'track', gen_random_uuid()::text, jsonb_build_object('order_id', $3::text), 'test', $2)
"""


async def newcomer(kinds: Planted, user: str, *ago: float, total: float = 90.0) -> UUID:
    await kinds.shop.signs_up(user, ("push",))
    who = UUID(str(await kinds.database.pool.fetchval("select profile_id from identity where value = $1", user)))
    kinds.orders += [(kinds.opened - day * DAY, who, total) for day in ago]
    kinds.orders.sort()
    return who


async def test_ml_03_a_new_customer_with_two_orders_has_a_value_with_an_interval(kinds: Planted, dsn: str) -> None:
    kinds.of = "clv"
    shop = kinds.shop
    await kinds.people(400)
    ana, luis = await newcomer(kinds, "ana", 30, 4, total=400.0), await newcomer(kinds, "luis", 170, 165, total=10.0)
    await kinds.pass_until(0)
    assert "it is champion" in await kinds.train()
    row = await kinds.database.pool.fetchrow(SCORED, ana)
    late = await kinds.database.pool.fetchrow(SCORED, luis)
    assert row is not None
    assert late is not None
    assert 0 <= row["low"] < row["score"] < row["high"]
    assert 0 < late["more"]["alive"] < row["more"]["alive"] < 1
    assert late["score"] < row["score"]
    assert late["more"]["orders"] < row["more"]["orders"]

    await shop.look()
    scores = await kinds.scores()
    over = await kinds.over()
    assert over == {who for who, score in scores.items() if score >= 200}
    assert ana in over
    runs = {run.profile_id: run for run in await shop.runs("thanks")}
    assert runs.keys() == over, "each of them once"
    entry = await kinds.database.pool.fetchrow(
        "select properties from event where profile_id = $1 and type = '$crossed:clv:200.0:150.0'", ana
    )
    assert entry is not None
    assert (entry["properties"]["score"], entry["properties"]["version"]) == (row["score"], 1)

    (told,) = [each for each in await foretold(kinds.database, shop.parts.catalogue.predictions, ana) if each.low is not None]
    assert (told.low, told.high, told.unexplained) == (row["low"], row["high"], None)
    words = [reason.words for reason in told.reasons]
    assert words[0] == "2 purchases, one in 26 days"
    assert words[1] == "the last one was 4 days ago"
    assert words[2].startswith("400.00 on average; the next is expected at ")
    seen = (await shop.operate("GET", f"/v1/profiles/{ana}/scores")).json()["scores"][0]
    assert (seen["low"], seen["score"], seen["high"], seen["more"]) == (row["low"], row["score"], row["high"], row["more"])
    export = (await shop.operate("GET", f"/v1/profiles/{ana}/export")).json()["foretold"][0]
    assert (export["low"], export["high"]) == (row["low"], row["high"])

    page = await console_page(shop, "/console/models/clv")
    assert all(each in page for each in ("How the scores lie", "Purchases before", "Parameters"))
    detail = (await shop.operate("GET", "/v1/models/clv")).json()
    assert (detail["kind"], detail["family"], detail["bands"], len(detail["spread"])) == ("lifetime-value", "lifetime", [], 11)
    trial = (card := detail["versions"][0]["card"])["measures"]
    assert set(card["parameters"]) == {"orders", "value"}
    assert abs(trial["value"] / trial["came_value"] - 1) < 0.3
    assert trial["off"] < trial["naive"], "better than the best that one amount for all could be"
    assert trial["inside"] >= 0.75 <= trial["inside_zero"]
    assert sum(each["people"] for each in trial["groups"]) == trial["people"] == card["people"]["judged"]
    given = {"database_url": dsn, "catalogue": KINDS, "path": ("tests",)}
    shown = await in_thread("models", "show", "clv", **given)
    told = "Are its amounts true?", card["interval"]["told"]
    assert all(each in text for each in told for text in (page, " ".join(shown.stdout.split()))), shown.stderr
    why = await in_thread("models", "why", str(ana), "--json", **given)
    assert json.loads(why.stdout)[0]["high"] == row["high"]


async def test_ml_03_what_is_refunded_counts_no_more_and_who_falls_is_out(kinds: Planted) -> None:
    kinds.of = "clv"
    await kinds.people(300)
    ana = await newcomer(kinds, "ana", 40, 20, 3, total=400.0)
    await kinds.pass_until(0)
    await kinds.train()
    before = (await kinds.scores())[ana]
    assert ana in await kinds.over()
    for made in await kinds.database.pool.fetch(WITH_IDS, ana):
        await kinds.database.pool.execute(REFUND, ana, kinds.opened + DAY / 2, made["message_id"])
    await kinds.pass_until(1)
    await kinds.score()
    assert (await kinds.scores())[ana] < before / 2
    assert ana not in await kinds.over()


async def test_what_is_no_number_is_never_written_and_a_good_model_writes_over_it(kinds: Planted) -> None:
    """A row whose parameter was changed together with its hash: it reads as a model of ours, and gives infinity."""
    kinds.of = "clv"
    await kinds.people(300)
    await kinds.pass_until(0)
    await kinds.train()
    scores, pool = await kinds.scores(), kinds.database.pool
    where = "where prediction = 'clv'"
    plain = json.loads(await pool.fetchval(f"select parameters from prediction_model {where}"))
    plain["value"]["v"] = 1e308
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    await pool.execute(
        f"update prediction_model set parameters = $1, sha256 = $2 {where}", text, sha256(text.encode()).hexdigest()
    )
    told = await kinds.score()
    assert "not scored: " in told
    assert f"gives what is no number for {len(scores)} of {len(scores)} customers" in told
    assert await kinds.scores() == scores
    await pool.execute(f"update prediction_score set score = 'Infinity' {where}")
    await kinds.train()
    assert (await kinds.scores()).keys() == scores.keys()
    assert all(np.isfinite(score) for score in (await kinds.scores()).values())


async def test_ml_03_14_amounts_of_a_model_that_is_too_old_let_nobody_new_in(kinds: Planted) -> None:
    """Trained again each week, and the same each day: only what moved by a hundredth is written, and age is told."""
    kinds.of = "clv"
    await kinds.people(300)
    await kinds.pass_until(0)
    await kinds.train()
    assert " 0 changed, 0 crossings" in await kinds.score()
    await kinds.pass_until(7)
    told = await kinds.train()
    assert "tried on" in told
    kept = await predictions.models(kinds.database, "clv")
    assert kept[0].card["against"]["people"] == kept[0].card["measures"]["people"]
    await kinds.pass_until(40)
    assert "its model is" in await kinds.score()
    assert (await kinds.stands()).standing(kinds.shop.clock.now()) == "held"
    assert kinds.shop.clock.now() - kept[0].trained_at > timedelta(days=28)


async def test_ml_03_14_amounts_that_are_not_true_any_more_let_nobody_new_in(kinds: Planted) -> None:
    """Everybody comes to spend far more than the past had it: what came of scores, whose horizon has passed, tells."""
    kinds.of = "clv"
    who = await kinds.people(900)
    await kinds.pass_until(0)
    await kinds.train()
    kinds.orders += [(kinds.opened + day * DAY, each, 200.0) for day in range(1, 28, 4) for each in who]
    kinds.orders[kinds.told :] = sorted(kinds.orders[kinds.told :])
    for day in range(1, 28):
        await kinds.pass_until(day)
        if "not true any more" in await kinds.score():
            break
    stands = await kinds.stands()
    assert "its amounts are not true any more" in str(stands.held_why)
    sums = await predictions.outcomes(kinds.database, "clv", 1)
    assert sum(each.came for each in sums) > 1.3 * sum(each.foretold for each in sums)
    assert {each.log_loss for each in sums} == {None}
    detail = (await kinds.shop.operate("GET", "/v1/models/clv")).json()
    assert detail["outcomes"][0]["log_loss"] is None
