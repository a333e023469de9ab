"""A prediction's holdout holds by every way in: segments of the API, campaigns, bulk starts, journeys that journeys start."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from predicting.conftest import DAY, Planted
from predicting.test_journey import known

from journeys.catalogue import load
from journeys.entry import is_held_out, left_alone
from tests.predicting.test_declaring import BUYS

CHURN, BUYING = "$prediction/churn", "$prediction/buying"
NOTE = {"channel": "push", "template": "we-miss-you", "quiet_hours": None}
#: Those whom a product team lets in: at risk by the catalogue's prediction, and not by the team's own, which has no model yet.
LEAVING = {
    "owner": "crm",
    "predicate": {
        "all": [
            {"did": "Application Opened"},
            {"prediction": "churn", "over": 0.7, "back_at": 0.5},
            {"not": {"prediction": "buying", "over": 0.9}},
        ]
    },
}


async def post(held: Planted, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = await held.shop.operate("POST", path, json=body)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def finished(held: Planted, id_: str) -> dict[str, int]:
    """What came of the customers of a campaign, by the words of the API."""
    async with asyncio.timeout(60):
        while (told := (await held.shop.operate("GET", f"/v1/campaigns/{id_}")).json())["state"] != "finished":
            await held.shop.watch.dispatcher.campaigner.start()
            await asyncio.sleep(0.05)
    outcomes: dict[str, int] = told["outcomes"]
    return outcomes


def lots(customer: UUID) -> tuple[bool, bool]:
    """Whether the catalogue's prediction leaves them alone, and the team's."""
    found = left_alone({"churn": 0.4, "buying": 0.3}, customer)
    return found["churn"].held, found["buying"].held


@pytest.fixture
async def at_risk(held: Planted) -> list[UUID]:
    """Two customers of each lot, all of them in the segment of the catalogue and in that of the team."""
    shop, found = held.shop, dict[tuple[bool, bool], list[UUID]]()
    buying = await shop.operate("PUT", "/v1/models/buying", json=BUYS | {"holdout": 0.3})
    assert buying.status_code in (200, 201), buying.text
    assert (await shop.operate("PUT", "/v1/segments/leaving", json=LEAVING)).status_code == 201
    await held.people(300)
    for n in range(200):
        each = await known(held, f"user-{n}")
        if len(same := found.setdefault(lots(each), [])) < 2:
            same.append(each)
            await shop.does(f"user-{n}", "Application Opened")
            held.orders += [(held.opened - day * DAY, each, 40.0) for day in range(120, 55, -5)]
        if sum(map(len, found.values())) == 8:
            break
    held.orders.sort()
    await held.pass_until(0)
    await shop.watch.load()
    await held.train()
    await shop.look()
    who = [each for same in found.values() for each in same]
    inside = await held.database.pool.fetch("select profile_id from segment_member where segment = 'leaving'")
    assert {row["profile_id"] for row in inside} >= set(who)
    return who


async def sends(held: Planted, who: list[UUID], journey: str) -> dict[UUID, str]:
    rows = await held.database.pool.fetch("select profile_id, state from delivery where journey = $1", journey)
    return {row["profile_id"]: row["state"] for row in rows if row["profile_id"] in who}


async def test_whoever_is_left_alone_is_by_every_way_in_and_both_arms_are_written_down(
    held: Planted, at_risk: list[UUID]
) -> None:
    shop = held.shop
    by_either, by_churn = {each for each in at_risk if any(lots(each))}, {each for each in at_risk if lots(each)[0]}
    for run in await shop.runs("of_the_team"):
        await shop.over(run)
        assert run.holdout is (run.profile_id in by_either)
    expected = {each: "withheld" if each in by_either else "sent" for each in at_risk}
    assert await sends(held, at_risk, "of_the_team") == expected, "by a segment that stands in the API alone"
    await shop.look()
    for run in await shop.runs("afterwards"):
        await shop.over(run)
    assert await sends(held, at_risk, "afterwards") == expected, "and by what follows from it"

    rows = await held.database.pool.fetch("select * from exposure where profile_id = any($1::uuid[])", at_risk)
    arms = {(row["experiment"], row["profile_id"]): (row["arm"], row["share"]) for row in rows}
    for each in at_risk:
        churn, buying = lots(each)
        if not churn:  # compared as they were drawn: who is in the holdout of one is in no arm of the other's
            assert arms[BUYING, each] == (("withheld", 0.3) if buying else ("written to", 0.7))
        elif not buying:
            assert arms[CHURN, each] == ("withheld", 0.4)
        else:
            assert (BUYING, each) not in arms

    alone = min(by_churn)
    why = json.dumps((await shop.operate("GET", f"/v1/journeys/of_the_team/why-not?customer_id={alone}")).json())
    assert "is left alone by the prediction churn (40%): enters, and is sent nothing" in why
    assert "was not sent: holdout of the prediction: churn" in why


async def test_a_campaign_and_a_bulk_start_to_its_segment_leave_the_same_alone_and_say_so_before(
    held: Planted, at_risk: list[UUID]
) -> None:
    shop = held.shop
    by_churn = {each for each in at_risk if lots(each)[0]}
    told, sent = {"holdout of the prediction: churn": len(by_churn)}, len(at_risk) - len(by_churn)
    to: dict[str, Any] = {"name": "sale", "to": {"segment": "at-risk"}, "message": NOTE}
    tried = await post(held, "/v1/campaigns", 200, **to, dry_run=True)
    assert (tried["would"], tried["reached"]) == (told | {"be written to": sent}, sent)
    made = await post(held, "/v1/campaigns", **to)
    assert await finished(held, made["id"]) == {"sent": sent, "withheld: holdout": len(by_churn)}
    expected = {each: "withheld" if each in by_churn else "sent" for each in at_risk}
    assert await sends(held, at_risk, "campaign:sale") == expected
    why = await shop.operate("GET", f"/v1/journeys/campaign:sale/why-not?customer_id={min(by_churn)}")
    assert "was not sent: holdout of the prediction: churn" in why.text, why.text

    tried = await post(held, "/v1/journeys/by_hand/starts", 200, segment="at-risk", dry_run=True)
    assert tried["would"] == told | {"enter": sent}
    made = await post(held, "/v1/journeys/by_hand/starts", segment="at-risk")
    assert await finished(held, made["id"]) == {"entered": len(at_risk)}
    await shop.look()
    for run in await shop.runs("by_hand"):
        await shop.over(run)
    assert await sends(held, at_risk, "by_hand") == expected

    rows = await held.database.pool.fetch("select * from exposure where experiment = $1", CHURN)
    own = {each for each in at_risk if is_held_out(load("predicting.held_catalogue").journeys["retention"].spec, each)}
    assert {row["profile_id"]: row["arm"] for row in rows if row["profile_id"] in own} == {
        each: "withheld" if each in by_churn else "written to" for each in own
    }, "a journey's own holdout is the journey's alone"
    assert all(row["score"] is not None for row in rows if row["profile_id"] in at_risk)


async def test_whoever_is_started_or_written_to_for_another_reason_is_in_no_arm(held: Planted, at_risk: list[UUID]) -> None:
    """By an operator, by a list, or by a segment that asks for none: no prediction let them in."""
    shop = held.shop
    await held.database.pool.execute("delete from exposure")
    everybody = {"owner": "crm", "predicate": {"did": "Application Opened"}}
    assert (await shop.operate("PUT", "/v1/segments/everybody", json=everybody)).status_code == 201
    await shop.watch.load()
    await post(held, "/v1/journeys/by_hand/runs", customer={"user_id": "user-0"})
    made = await post(held, "/v1/campaigns", name="news", to={"segment": "everybody"}, message=NOTE)
    assert await finished(held, made["id"]) == {"sent": 8}
    await shop.look()
    for run in await shop.runs("by_hand"):
        assert (await shop.over(run)).sent == 1
    assert (
        await held.database.pool.fetchval("select count(*) from run where foretold is not null and campaign is not null") == 0
    )
    named = "select count(*) from exposure e join run r on r.id = e.run_id where r.journey in ('by_hand', 'campaign:news')"
    assert await held.database.pool.fetchval(named) == 0
