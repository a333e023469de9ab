"""A prediction that becomes something else: refused while anybody asks for what it was, and begun with nothing else."""

from typing import Any
from uuid import UUID

import pytest
from predicting.conftest import BUYS, MONTH, ORDERED, Planted, console_page

from segments.define.foretelling import declare
from segments.predictions.wire import declared_from_json
from store import predictions
from workers.testing.shop import Shop

MONEY = {"kind": "lifetime-value", "orders": ORDERED, "amount": "total", "horizon": MONTH}
SORTS = {"kind": "clusters", "of": ORDERED, "features": BUYS["features"], "into": 3}
BEST = {"kind": "best-channel", "of": ORDERED, "by": "clicked", "channels": ["push", "email"]}
WILL_BUY = {"owner": "crm", "predicate": {"prediction": "buys", "over": 0.6, "back_at": 0.4}}


async def put(shop: Shop, path: str, body: dict[str, Any], status: int = 201) -> None:
    answer = await shop.operate("PUT", f"/v1/{path}", json=body)
    assert answer.status_code == status, answer.text


async def refused(shop: Shop, name: str, body: dict[str, Any], *said: str) -> None:
    """By the dry run as by the write, with what asks for it and what to do."""
    for method, path in (("PUT", f"/v1/models/{name}"), ("POST", "/v1/models/check")):
        answer = await shop.operate(method, path, json=body | {"name": name})
        assert (answer.status_code, answer.json()["code"]) == (409, "would-break"), answer.text
        assert all(each in answer.text for each in (*said, "change that first")), answer.text


async def test_what_asks_for_a_prediction_is_asked_again_before_it_becomes_something_else(planted: Planted) -> None:
    """0.6 is a probability: of money, or of a kind, it lets in whom nobody meant."""
    shop = planted.shop
    await put(shop, "models/buys", BUYS)
    await put(shop, "segments/will-buy", WILL_BUY)
    for other in (MONEY, SORTS, BEST):
        await refused(shop, "buys", other, "'will-buy'", "probability", str(other["kind"]))
    await put(shop, "models/buys", BUYS | {"of": ORDERED | {"at_least": 2}}, 200)

    await put(shop, "models/worth", MONEY)
    await put(shop, "models/next", BUYS | {"of": {"prediction": "worth", "over": 200}})
    await refused(shop, "worth", BUYS, "'next'", "lifetime-value")

    by_other_ways = {"all": [ORDERED, {"not": {"prediction": "reached", "is": "email"}}]}
    await put(shop, "models/reached", BEST)
    await put(shop, "segments/by-other-ways", {"owner": "crm", "predicate": by_other_ways})
    await refused(shop, "reached", BEST | {"channels": ["push", "sms"]}, "'by-other-ways'", "email")
    await put(shop, "models/reached", BEST | {"channels": ["push", "email", "sms"]}, 200)

    assert (await shop.operate("DELETE", "/v1/segments/will-buy")).status_code == 204
    await put(shop, "models/buys", MONEY, 200)
    await put(shop, "models/next", BUYS, 200)
    await put(shop, "models/worth", BUYS, 200)


async def test_a_change_that_waits_is_looked_at_again_when_somebody_approves_it(planted: Planted) -> None:
    shop, catalogue = planted.shop, planted.shop.parts.catalogue.predictions
    await put(shop, "models/buys", BUYS)
    worth = declared_from_json(MONEY | {"name": "buys"})
    assert (await declare(planted.database, catalogue, worth, by="crm", at=shop.clock.now(), waits=True)).waits
    await put(shop, "segments/will-buy", WILL_BUY)
    answer = await shop.operate("POST", "/v1/models/buys/approve")
    assert (answer.status_code, answer.json()["code"], "'will-buy'" in answer.text) == (409, "would-break", True), answer.text
    assert (await shop.operate("DELETE", "/v1/segments/will-buy")).status_code == 204
    assert (await shop.operate("POST", "/v1/models/buys/approve")).status_code == 200


async def test_of_another_kind_it_begins_with_nothing_of_what_it_was(planted: Planted) -> None:
    """No score, no model, nobody over a threshold or of a kind; nor when it is what it was again."""
    shop = planted.shop
    await planted.people(600)
    await planted.pass_until(0)
    planted.of = "buys"
    await put(shop, "models/buys", BUYS)
    await put(shop, "segments/will-buy", WILL_BUY)
    assert "it is champion" in await planted.train()
    assert len(await planted.over()) > 50
    assert (await shop.operate("DELETE", "/v1/segments/will-buy")).status_code == 204

    await planted.pass_until(1)
    await put(shop, "models/buys", SORTS, 200)
    await begins(planted)
    await put(shop, "segments/first-kind", {"owner": "crm", "predicate": {"prediction": "buys", "is": "often"}})
    assert "it is champion" in await planted.train()
    assert len(await sorted_into(planted)) > 500
    detail = (await shop.operate("GET", "/v1/models/buys")).json()
    assert [each["state"] for each in detail["versions"]] == ["champion", "former"]
    assert (detail["weeks"], len(detail["sizes"]) > 1) == ([], True)
    assert (await shop.operate("DELETE", "/v1/segments/first-kind")).status_code == 204

    await planted.pass_until(2)
    await put(shop, "models/buys", BUYS, 200)
    await begins(planted)
    assert await sorted_into(planted) == set()
    await put(shop, "segments/will-buy", WILL_BUY)
    assert "has been trained" in await console_page(shop, "/console/models/buys")
    counted = await shop.operate("POST", "/v1/segments/count", json={"predicate": WILL_BUY["predicate"]})
    assert counted.json()["members"] == 0, "whom the first one let in are in no more"
    assert "it is champion" in await planted.train()
    assert await planted.over() == {who for who, score in (await planted.scores()).items() if score >= 0.6}


async def begins(planted: Planted) -> None:
    row = await planted.stands()
    assert (row.champion, row.people, row.settled, row.asked_at is not None) == (None, 0, [], True)
    assert (await planted.scores(), await planted.over()) == ({}, set())


async def sorted_into(planted: Planted) -> set[UUID]:
    """Who is of a kind, by the events that say so."""
    rows = await planted.database.pool.fetch(
        "select distinct on (profile_id) profile_id, properties ->> 'kind' as kind from event"
        " where type = '$crossed:buys' order by profile_id, ts desc"
    )
    return {row["profile_id"] for row in rows if row["kind"] is not None}


async def test_a_scoring_that_goes_on_while_something_else_is_declared_writes_none_of_it(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read who there is and what it says of them; what it would write is of what is declared no more."""
    await planted.people(400)
    await planted.pass_until(0)
    planted.of = "buys"
    await put(planted.shop, "models/buys", BUYS)
    await planted.train()
    await planted.pass_until(3)
    row = await planted.stands()
    spans, doing = (row.retrain, row.score, row.max_age), predictions.doing

    async def changes(database: Any, name: str, what: str) -> None:
        await doing(database, name, what)
        if what.startswith("writing"):
            await predictions.declare(database, name, "money", *spans, planted.shop.clock.now(), kind="lifetime-value")

    monkeypatch.setattr(predictions, "doing", changes)
    assert "something else was declared" in await planted.score()
    await begins(planted)


async def test_help_is_learned_by_a_probability_that_leaves_some_alone_and_goes_on_doing_so(planted: Planted) -> None:
    """By API as in code, by name: else a training could but fail, for ever."""
    shop = planted.shop
    helped = {"kind": "uplift", "name": "helped", "of": ORDERED, "features": BUYS["features"]}
    await put(shop, "models/buys", BUYS)
    await put(shop, "models/sorts", SORTS)
    for by, said in (
        ("nowhere", "'nowhere', which is not declared"),
        ("sorts", "'sorts' is of the kind 'clusters', which has none"),
        ("buys", "'buys' leaves nobody alone"),
        ("helped", "asks for itself"),
    ):
        for method, path in (("PUT", "/v1/models/helped"), ("POST", "/v1/models/check")):
            answer = await shop.operate(method, path, json=helped | {"by": by})
            assert (answer.status_code, said in answer.text) == (422, True), answer.text
            assert answer.json()["errors"][0]["pointer"] == "/by"

    await put(shop, "models/buys", BUYS | {"holdout": 0.2}, 200)
    await put(shop, "models/helped", helped | {"by": "buys"})
    await refused(shop, "buys", BUYS, "'helped'", "leaves nobody alone")
    await refused(shop, "buys", MONEY, "'helped'", "lifetime-value")
    await put(shop, "models/buys", BUYS | {"holdout": 0.1}, 200)
    answer = await shop.operate("DELETE", "/v1/models/buys")
    assert (answer.status_code, "asked for by prediction 'helped'" in answer.text) == (409, True), answer.text
