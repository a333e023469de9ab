"""A threshold or a kind that nobody has asked for so far: told by the scores, and written down without waiting for a day."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from predicting.conftest import Planted

from segments.load.stored import LiveSegments
from workers.worker import keep_predicting

NEW: dict[str, Any] = {"prediction": "churn", "over": 0.55, "back_at": 0.4}
KIND: dict[str, Any] = {"prediction": "styles", "is": "dozing"}


async def of(planted: Planted, what: str, predicate: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await planted.shop.operate("POST", f"/v1/segments/{what}", json={"predicate": predicate} | more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def worries(planted: Planted, segment: str) -> dict[str, str]:
    found = (await planted.shop.operate("GET", "/v1/concerns")).json()
    return {each["kind"]: each["sentence"] for each in found if each["segment"] == segment}


async def test_who_is_over_a_new_threshold_is_told_by_the_scores_as_they_stand(planted: Planted) -> None:
    people = await planted.people(300)
    await planted.pass_until(0)
    await planted.train()
    scores = await planted.scores()
    over = {who for who, score in scores.items() if score >= 0.55}
    assert 0 < len(over) < len(scores)
    counted = await of(planted, "count", NEW)
    assert counted["members"] == len(over)
    assert "told by the scores as they stand" in counted["hints"][0]
    assert (await of(planted, "count", NEW, quickly=True))["members"] == len(over)
    assert (await of(planted, "count", {"not": NEW}))["members"] == len(people) - len(over), "with those who have no score"
    both = {"all": [{"did": "Order Completed", "within": 40 * 86_400}, NEW]}
    recent = await of(planted, "count", both)
    assert 0 < recent["members"] < len(over)
    shown = await of(planted, "preview", NEW, limit=500)
    assert {UUID(each["customer_id"]) for each in shown["customers"]} == over
    asked = await of(planted, "count", {"prediction": "churn", "over": 0.7, "back_at": 0.5})
    assert (asked["members"], asked["hints"]) == (len(await planted.over()), []), "by its crossings: it is asked for"


async def test_a_segment_with_a_new_threshold_has_customers_scored_at_once_and_says_so_until_then(planted: Planted) -> None:
    shop = planted.shop
    await planted.people(300)
    await planted.pass_until(0)
    await planted.train()
    over = {who for who, score in (await planted.scores()).items() if score >= 0.55}
    body = {"owner": "crm", "predicate": NEW}
    assert (await shop.operate("PUT", "/v1/segments/shaky", json=body)).status_code == 201
    live = LiveSegments(tuple(shop.parts.catalogue.segments.values()))
    await live.load(planted.database, shop.clock.now, 0, 1)
    page = (await shop.operate("GET", "/v1/segments/shaky")).json()
    assert (page["state"], page["members"]) == ("live", 0)
    told = await worries(planted, "shaky")
    assert told.keys() == {"waits for scoring"}, "and not that it is empty, or is to be retired"
    assert told["waits for scoring"].startswith("waits for the scoring of churn")
    assert [each["kind"] for each in page["concerns"]] == ["waits for scoring"]
    who = next(iter(over))
    why = (await shop.operate("GET", f"/v1/segments/shaky/why?customer_id={who}")).json()
    assert (why["member"], why["finding"]["holds"], why["finding"]["saw"]["threshold"]) == (False, True, 0.55)

    await planted.pass_until(0.05)
    predicting, before = shop.parts.predicting, await planted.stands()
    running = asyncio.create_task(predicting.keep_up(partial(keep_predicting, predicting.client)))
    try:
        async with asyncio.timeout(60):
            while (await planted.stands()).score_asked_at is None:  # noqa: ASYNC110 - another process may write it
                await asyncio.sleep(0.05)
        await predicting.wake()
        await predicting.client.get_workflow_handle("predict/churn/score/asked").result()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert (await planted.stands()).scored_at != before.scored_at
    await predicting.complete()
    assert (await planted.stands()).score_asked_at is None, "it is asked for once"
    over = {who for who, score in (await planted.scores()).items() if score >= 0.55}
    rows = await planted.database.pool.fetch("select profile_id from event where type = '$crossed:churn:0.55:0.4'")
    assert {row["profile_id"] for row in rows} == over, "with the first scoring everybody who is over it is written down"
    assert "waits for scoring" not in await worries(planted, "shaky")
    counted = await of(planted, "count", NEW)
    assert (counted["members"], counted["hints"]) == (len(over), [])


async def test_a_kind_that_nobody_is_of_is_told_with_those_that_there_are(kinds: Planted) -> None:
    kinds.of = "styles"
    await kinds.people(300)
    await kinds.pass_until(0)
    await kinds.train()
    none = {"prediction": "styles", "is": "VIPs"}
    said = "nobody is 'VIPs' by the prediction styles, which has 'dozing', 'regulars' only"
    for what in ("check", "count", "preview"):
        assert said in (await of(kinds, what, none))["hints"]
    body = {"owner": "crm", "predicate": none}
    answer = await kinds.shop.operate("PUT", "/v1/segments/vips", json=body)
    assert (answer.status_code, said in answer.json()["hints"]) == (201, True)
    assert "no such kind" in await worries(kinds, "vips")
    detail = (await kinds.shop.operate("GET", "/v1/segments/vips")).json()
    assert [each["kind"] for each in detail["concerns"] if each["id"] == "GOV-05"] == ["no such kind"]
