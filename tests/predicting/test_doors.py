"""Predictions by API and command line: cards, training at once, a customer's reasons; and segments that product teams write."""

import asyncio
import json
import re
from datetime import timedelta
from uuid import UUID

from predicting.conftest import CATALOGUE, DAY, Planted

from tests.command_line import in_thread

AT_LEAST_HALF = {"owner": "crm", "predicate": {"prediction": "churn", "over": 0.5}}


async def test_ml_08_the_api_tells_family_window_features_and_measures(planted: Planted) -> None:
    shop = planted.shop
    (waiting,) = (await shop.operate("GET", "/v1/models")).json()["models"]
    assert (waiting["state"], waiting["version"]) == ("waiting", None)
    assert "journeys worker --train" in waiting["held_why"]
    assert (await shop.operate("GET", "/v1/models/churn")).json()["versions"] == []
    await planted.people(600)
    await planted.pass_until(0)
    await planted.train()
    (row,) = (await shop.operate("GET", "/v1/models")).json()["models"]
    assert (row["state"], row["version"], row["family"], row["held_why"]) == ("scoring", 1, "propensity", None)
    assert row["auc"] > 0.7
    detail = (await shop.operate("GET", "/v1/models/churn")).json()
    assert detail["features"]["orders_30d"] == 'the number of "Order Completed" within 30 days'
    assert len(detail["window"]) == 2
    assert detail["versions"][0]["card"]["measures"]["auc"] == row["auc"]
    assert sum(detail["bands"]) == row["people"] == len(await planted.scores())
    assert "parameters" not in json.dumps(detail)
    answer = await shop.operate("GET", "/v1/models/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-prediction")
    assert (await shop.operate("POST", "/v1/models/nobody/train")).status_code == 404


async def test_who_asks_by_the_api_has_it_trained_and_scored(planted: Planted) -> None:
    shop = planted.shop
    await planted.people(600)
    await planted.pass_until(0)
    await planted.train()
    await planted.pass_until(2)
    for what, number in (("train", 2), ("score", 2)):
        assert (await shop.operate("POST", f"/v1/models/churn/{what}")).status_code == 202
        await shop.parts.predicting.wake()
        client = shop.parts.predicting.client
        await client.get_workflow_handle(f"predict/churn/{what}/asked", result_type=str).result()
        assert (await planted.stands()).models == number
    assert (await planted.stands()).asked_at is None


async def test_a_customers_scores_and_reasons_are_personal(planted: Planted) -> None:
    shop = planted.shop
    await planted.people(600)
    await planted.pass_until(0)
    await planted.train()
    who, score = max((await planted.scores()).items(), key=lambda each: each[1])
    answer = await shop.operate("GET", f"/v1/profiles/{who}/scores")
    assert answer.headers["cache-control"] == "no-store"
    (told,) = answer.json()["scores"]
    assert (told["prediction"], told["score"], told["unexplained"]) == ("churn", score, None)
    assert told["reasons"]
    assert abs(told["reasons"][0]["effect"]) >= abs(told["reasons"][-1]["effect"])
    assert (await shop.operate("GET", f"/v1/profiles/{UUID(int=7)}/scores")).status_code == 404
    (export,) = (await shop.operate("GET", f"/v1/profiles/{who}/export")).json()["foretold"]
    assert (export["prediction"], export["score"]) == ("churn", score)


async def test_a_product_team_asks_for_another_threshold_and_for_no_prediction_that_there_is_not(planted: Planted) -> None:
    """The next scoring writes down who is over it, though no score has changed."""
    shop = planted.shop
    await planted.people(600)
    await planted.pass_until(0)
    await planted.train()
    answer = await shop.operate("PUT", "/v1/segments/half", json=AT_LEAST_HALF)
    assert answer.status_code == 201, answer.text
    changed, crossed = map(int, re.findall(r"(\d+) (?:changed|crossings)", await planted.score()))
    assert changed < 5 < crossed, "but of whom an order grew too old for a feature in these seconds"
    rows = await planted.database.pool.fetch("select profile_id from event where type = '$crossed:churn:0.5:0.5'")
    assert {row["profile_id"] for row in rows} == {who for who, score in (await planted.scores()).items() if score >= 0.5}
    wrong = {"owner": "crm", "predicate": {"not": {"prediction": "lottery", "over": 0.5}}}
    answer = await shop.operate("PUT", "/v1/segments/rich", json=wrong)
    assert answer.status_code == 422
    assert "prediction 'lottery': is not declared; there are: churn" in answer.json()["detail"]


async def test_merged_customers_are_scored_as_one(planted: Planted) -> None:
    shop = planted.shop
    await planted.people(600)
    await shop.send("identify", userId="ana", anonymousId="her-phone")
    await shop.send("track", event="Application Opened", anonymousId="her-laptop")
    names = await planted.database.pool.fetch("select value, profile_id from identity")
    found = {row["value"]: row["profile_id"] for row in names}
    for who in (found["ana"], found["her-laptop"]):
        planted.orders += [(planted.opened - day * DAY, who, 40.0) for day in range(120, 40, -5)]
    planted.orders.sort()
    await planted.pass_until(0)
    await planted.train()
    assert {found["ana"], found["her-laptop"]} <= (await planted.scores()).keys()
    await shop.send("identify", userId="ana", anonymousId="her-laptop")
    merged = await planted.database.pool.fetchval("select merged_into from profile where id = $1", found["her-laptop"])
    assert merged == found["ana"]
    assert not {found["ana"], found["her-laptop"]} & (await planted.scores()).keys(), "neither is who was scored"
    await planted.pass_until(1)
    await planted.score()
    assert {found["ana"], found["her-laptop"]} & (await planted.scores()).keys() == {found["ana"]}


async def test_the_command_line_tells_the_same_with_pictures_and_as_json(planted: Planted, dsn: str) -> None:
    await planted.people(600)
    await planted.pass_until(0)
    await planted.train()
    who = max((await planted.scores()).items(), key=lambda each: each[1])[0]
    given = {"database_url": dsn, "catalogue": CATALOGUE, "path": ("tests",)}

    async def told(*arguments: str) -> str:
        done = await in_thread("models", *arguments, **given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "scoring" in await told("list")
    card = await told("show", "churn")
    for part in ("Are its probabilities true?", "What it goes by", "Customers by score", "┃", "━━", "AUC", "age, sex"):
        assert part in card, card
    (row,) = json.loads(await told("list", "--json"))
    assert (row["name"], row["state"], row["version"]) == ("churn", "scoring", 1)
    assert json.loads(await told("show", "churn", "--json"))["versions"][0]["card"]["family"] == "propensity"
    assert "the odds" in await told("why", str(who))
    (why,) = json.loads(await told("why", str(who), "--json"))
    assert why["reasons"][0]["words"]
    assert json.loads(await told("score", "churn", "--json")) == {"asked": "churn"}
    assert json.loads(await told("train", "churn", "--json")) == {"asked": "churn"}
    assert (await planted.stands()).asked_at is not None
    assert (await planted.stands()).score_asked_at is not None
    waiting = asyncio.create_task(in_thread("models", "train", "churn", "--wait", **given))
    while not waiting.done():
        await planted.shop.parts.predicting.wake()
        await asyncio.sleep(0.2)
    done = await waiting
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"version [23] was trained; it is (champion|challenger)", done.stdout.strip()), done.stdout
    missing = await in_thread("models", "train", "nobody", **given)
    assert (missing.returncode, "no prediction 'nobody'" in missing.stderr) == (1, True)


def test_spans_are_those_of_the_declaration() -> None:
    from journeys.catalogue import load

    churn = load(CATALOGUE).predictions["churn"]
    assert (churn.retrain, churn.score, churn.max_age) == (timedelta(days=7), timedelta(days=1), timedelta(days=28))
