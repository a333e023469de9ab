"""Segments and lists over HTTP: looked at, explained, defined by product teams and taken up by the watch without a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from temporalio.testing import ActivityEnvironment

from api.problems import Problem
from api.segments.models import predicate_of
from journeys.contracts import WatchShard
from segments import Predicate
from segments.sql import statements
from store import Database
from store.keys import Role, create_key
from store.named import queries
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api
from tests.api.test_openapi import CHECKS
from tests.segments.random_definitions import LEAVES
from workers.testing.shop import Shop, open_shop

VIPS = {"all": [{"trait": "tier", "is": "==", "value": "gold"}]}
GOLD = VIPS["all"][0]


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


async def ask(trial: Shop, path: str, **params: Any) -> Any:
    answer = await trial.operate("GET", f"/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(trial: Shop, name: str, predicate: Any, **more: Any) -> httpx.Response:
    return await trial.operate("PUT", f"/v1/segments/{name}", json={"predicate": predicate, "owner": "growth"} | more)


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    return answer.status_code, body["code"], [error["pointer"] for error in body["errors"]]


async def take_up(trial: Shop) -> None:
    """What the watch does every two seconds."""
    await trial.watch._refresh(WatchShard())


async def members(trial: Shop, name: str) -> int:
    return (await ask(trial, f"segments/{name}"))["members"]  # type: ignore[no-any-return]


async def kinds(trial: Shop, name: str) -> list[str]:
    rows = await trial.database.pool.fetch("select kind from segment_transition where segment = $1 order by id", name)
    return [row["kind"] for row in rows]


async def test_segments_of_the_catalogue_are_listed_and_explained(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.look()
    found = {each["name"]: each for each in await ask(trial, "segments")}
    assert {"carts", "open-carts", "vips", "viewers"} <= set(found)
    assert (found["vips"]["members"], found["vips"]["origin"], found["vips"]["journeys"]) == (1, "code", ["while_vip"])
    assert {concern["id"] for concern in found["carts"]["concerns"]} == {"GOV-05"}
    carts = await ask(trial, "segments/carts")
    assert carts["english"].startswith('did "Product Added" within 24 hours and did not do "Order Completed"')
    assert (carts["event_types"], carts["traits"]) == (["Order Completed", "Product Added"], [])
    assert carts["predicate"]["all"][0] == {"did": "Product Added", "within": 86_400}
    page = await ask(trial, "segments/vips/members", limit=1)
    [gold] = page["members"]
    assert (gold["traits"], page["next"]) == ({"tier": "gold"}, gold["customer_id"])
    assert await ask(trial, "segments/vips/members", after=page["next"]) == {"members": [], "next": None}
    [*_, today] = await ask(trial, "segments/vips/days")
    assert (today["entered"], today["left"], today["size"]) == (1, 0, 1)


async def test_why_a_customer_is_in_or_not(trial: Shop) -> None:
    await trial.signs_up("ana", tier="silver")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    seen = await ask(trial, "segments/viewers/why", user_id="ana")
    assert (seen["member"], seen["finding"]["holds"], seen["finding"]["saw"]["count"]) == (True, True, 1)
    assert seen["finding"]["changes_at"] > seen["at"]
    seen = await ask(trial, "segments/vips/why", email="Ana@example.com")
    assert (seen["member"], seen["finding"]["saw"], seen["finding"]["text"]) == (False, "silver", 'tier is "gold"')
    nobody = await trial.operate("GET", "/v1/segments/vips/why", params={"user_id": "nobody"})
    assert problem(nobody) == (404, "unknown-customer", [])
    both = await trial.operate("GET", "/v1/segments/vips/why", params={"user_id": "ana", "email": "a@b.c"})
    assert problem(both)[:2] == (422, "invalid-request")


async def test_a_definition_is_counted_and_previewed_without_being_saved(trial: Shop) -> None:
    for user in ("ana", "bob"):
        await trial.signs_up(user, tier="gold")
    counted = (await trial.operate("POST", "/v1/segments/count", json={"predicate": VIPS})).json()
    assert (counted["members"], counted["english"]) == (2, 'tier is "gold"')
    shown = (await trial.operate("POST", "/v1/segments/preview", json={"predicate": GOLD, "limit": 1})).json()
    assert [(each["traits"], each["entered_at"]) for each in shown["customers"]] == [({"tier": "gold"}, None)]
    assert {each["origin"] for each in await ask(trial, "segments")} == {"code"}


@pytest.mark.parametrize("leaf", dict.fromkeys(LEAVES), ids=lambda leaf: leaf.__name__)
async def test_every_kind_of_leaf_is_counted_shown_and_defined_in_the_role_of_the_api(
    ingest_api: Api, leaf: Callable[[Random], Predicate]
) -> None:
    """Which may write less than the watch does: a question that writes is refused by Postgres."""
    plain = leaf(Random(3)).to_json()
    asked = {"predicate": plain}
    calls = ("POST", "check", {}), ("POST", "count", {}), ("POST", "preview", {"limit": 3}), ("PUT", "of-it", {"owner": "crm"})
    for method, path, more in calls:
        answer = await ingest_api.http.request(method, f"/v1/segments/{path}", json=asked | more, auth=(OPERATE_KEY, ""))
        if "prediction" in plain:  # nobody has declared it here, and all doors say so
            assert (answer.status_code, "is not declared" in answer.text) == (422, True), answer.text
        else:
            assert answer.status_code in (200, 201), answer.text


async def test_gov_13_a_defined_segment_is_taken_up_kept_changed_and_let_go(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold", points=7)
    await trial.signs_up("bob", tier="gold", points=1)
    answer = await put(trial, "gold", GOLD, review_by="2020-01-01", effect={"base_rate": 0.03, "lift": 0.1})
    assert (answer.status_code, answer.json()["evaluated_to"], answer.json()["origin"]) == (201, None, "api")
    assert {each["id"] for each in answer.json()["concerns"]} >= {"GOV-03", "GOV-10"}
    await take_up(trial)
    await trial.look()
    assert (await members(trial, "gold"), await kinds(trial, "gold")) == (2, [])  # in already: nobody was told
    await trial.signs_up("eva", tier="gold", points=9)
    await trial.look()
    assert await kinds(trial, "gold") == ["entered"]
    rich = {"all": [GOLD, {"trait": "points", "is": ">", "value": 5}]}
    assert (await put(trial, "gold", rich)).status_code == 200
    await take_up(trial)
    assert (await members(trial, "gold"), await kinds(trial, "gold")) == (2, ["entered", "left"])  # bob alone noticed
    restarted = type(trial.watch)(
        trial.database, trial.watch.segments, trial.parts.library, trial.watch.dispatcher, trial.watch.clock
    )
    await restarted.load()
    await trial.signs_up("pol", tier="gold", points=9)
    await restarted.once()
    assert await members(trial, "gold") == 3
    assert (await trial.operate("DELETE", "/v1/segments/gold")).status_code == 204
    await take_up(trial)
    await trial.look()
    assert await kinds(trial, "gold") == ["entered", "left", "entered", "left", "left", "left"]
    assert problem(await trial.operate("GET", "/v1/segments/gold"))[:2] == (404, "unknown-segment")
    assert problem(await trial.operate("DELETE", "/v1/segments/gold"))[:2] == (404, "unknown-segment")


async def test_a_segment_that_fails_in_a_tick_stops_nobody_else(trial: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its members stay, nothing is lost for the others, and a changed definition is taken up anew."""
    await trial.signs_up("ana", tier="gold")
    for name in ("gold", "bad"):
        await put(trial, name, GOLD)
    await take_up(trial)
    sound = statements.among

    def failing(predicate: Predicate) -> statements.Statement:
        found = sound(predicate)
        return replace(found, sql=f"select 1 / (bool_or(id is null)::int) as id from ({found.sql}) as it")

    bad = next(each for each in trial.watch.live[WatchShard()].now if each.name == "bad")
    monkeypatch.setattr(statements, "among", lambda p: failing(p) if p is bad.predicate else sound(p))
    await trial.signs_up("eva", tier="gold")
    await trial.look()
    assert (await kinds(trial, "gold"), await kinds(trial, "bad"), await members(trial, "bad")) == (["entered"], [], 1)
    await put(trial, "bad", {"all": [GOLD, {"not": {"trait": "tier", "is": "==", "value": "none"}}]})
    await take_up(trial)
    await trial.signs_up("pol", tier="gold")
    await trial.look()
    assert await kinds(trial, "gold") == ["entered", "entered"]
    assert (await kinds(trial, "bad"), await members(trial, "bad")) == (["entered", "entered"], 3)


async def test_a_running_watch_takes_up_what_is_defined_and_lets_go_of_what_is_deleted(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    running = asyncio.create_task(ActivityEnvironment().run(trial.watch.watch, WatchShard()))
    try:
        async with asyncio.timeout(30):
            await put(trial, "gold", GOLD)
            while await members(trial, "gold") != 1:  # noqa: ASYNC110 - only Postgres knows
                await asyncio.sleep(0.1)
            await trial.operate("DELETE", "/v1/segments/gold")
            while await kinds(trial, "gold") != ["left"]:  # noqa: ASYNC110 - only Postgres knows
                await asyncio.sleep(0.1)
            rows = "select count(*) from segment_size where segment = 'gold'"  # one more and one fewer: folded to nothing
            while await trial.database.pool.fetchval(rows):  # noqa: ASYNC110 - only Postgres knows
                await asyncio.sleep(0.1)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_people_already_in_are_announced_on_request(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await put(trial, "gold", GOLD, announce=True)
    await take_up(trial)
    assert await kinds(trial, "gold") == ["entered"]


async def test_members_are_announced_later_and_enter_by_the_rule_of_the_journey(trial: Shop) -> None:
    for user in ("ana", "bob"):
        await trial.signs_up(user, tier="gold")
    await trial.database.pool.execute("delete from segment_progress where segment = 'vips'")  # as if it were new
    await trial.watch.load()
    await trial.look()
    assert (await members(trial, "vips"), await trial.runs("while_vip")) == (2, [])
    first = await trial.operate("POST", "/v1/segments/vips/announce", params={"limit": 1})
    assert (first.status_code, first.json()) == (200, {"announced": 1, "remaining": 1})
    both = [trial.operate("POST", "/v1/segments/vips/announce") for _ in range(2)]
    assert sorted([answer.json()["announced"] for answer in await asyncio.gather(*both)]) == [0, 1]
    await trial.look()
    assert len(await trial.runs("while_vip")) == 2
    [*_, today] = await ask(trial, "segments/vips/days")
    assert (today["entered"], today["size"]) == (0, 2)
    await put(trial, "gold", GOLD)
    refused = problem(await trial.operate("POST", "/v1/segments/gold/announce"))
    assert refused[:2] == (409, "not-live")


async def test_a_definition_is_waiting_then_loading_then_live(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await put(trial, "gold", GOLD)
    seen = await ask(trial, "segments/gold")
    assert (seen["state"], seen["loaded"]) == ("waiting", None)
    await trial.watch.register(WatchShard())
    seen = await ask(trial, "segments/gold")
    assert (seen["state"], seen["loaded"], seen["members"]) == ("loading", 0, 0)
    await trial.watch.load()
    seen = await ask(trial, "segments/gold")
    assert (seen["state"], seen["loaded"], seen["members"]) == ("live", None, 1)


async def test_a_shard_that_slept_lets_go_of_what_was_deleted_meanwhile(trial: Shop) -> None:
    for n in range(12):
        await trial.signs_up(f"u{n}", tier="gold")
    await put(trial, "gold", GOLD)
    for shard in range(2):
        await trial.watch.load(WatchShard(shard=shard, shards=2))
    await trial.operate("DELETE", "/v1/segments/gold")
    await trial.watch._refresh(WatchShard(shard=0, shards=2))
    some = await trial.database.pool.fetchval("select count(*) from segment_member where segment = 'gold'")
    assert 0 < some < 12
    await trial.watch.load(WatchShard())  # meanwhile all shards became one
    assert await trial.database.pool.fetchval("select count(*) from segment_member where segment = 'gold'") == 0
    assert await trial.database.pool.fetchval("select count(*) from segment_progress where segment = 'gold'") == 0
    assert await kinds(trial, "gold") == ["left"] * 12


async def test_a_definition_that_cannot_be_read_any_more_does_not_stop_the_others(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await put(trial, "broken", GOLD)
    await put(trial, "gold", GOLD)
    await trial.database.pool.execute(
        "update segment_definition set definition = jsonb_set(definition, '{predicate}', '{\"of-the-future\": 1}')"
        " where name = 'broken'"
    )
    await take_up(trial)
    await trial.look()
    assert await members(trial, "gold") == 1
    assert "broken" not in {each["name"] for each in await ask(trial, "segments")}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("x", {"predicate": {"all": [GOLD, {"did": "A", "within": "soon"}]}, "owner": "o"}, "/predicate/all/1/within"),
        ("x", {"predicate": {"trait": "a", "is": "~", "value": 1}, "owner": "o"}, "/predicate"),
        ("x", {"predicate": {"property": "a", "is": "exists"}, "owner": "o"}, "/predicate"),
        ("x", {"predicate": {}, "owner": "o"}, "/predicate"),
        ("x", {"predicate": GOLD}, "/owner"),
        ("x", {"predicate": GOLD, "owner": "o", "colour": "red"}, "/colour"),
        ("x", {"predicate": GOLD, "owner": "o", "effect": {"base_rate": 0.5, "lift": 1}}, "/effect"),
        ("x", {"predicate": GOLD, "owner": "o", "review_by": "soon"}, "/review_by"),
        ("Not a name", {"predicate": GOLD, "owner": "o"}, "name"),
    ],
)
async def test_a_bad_definition_is_refused_with_its_place(trial: Shop, name: str, body: Any, expected: str) -> None:
    answer = await trial.operate("PUT", f"/v1/segments/{name}", json=body)
    assert problem(answer)[0] == 422
    assert expected in problem(answer)[2]


async def test_a_missing_owner_hides_nothing_else(trial: Shop) -> None:
    """FAULTS F7: all at once."""
    wrong = {"predicate": {"any": [{"member_of": "nobody"}, {"did": "A", "within": "soon"}]}, "colour": "red"}
    answer = await trial.operate("PUT", "/v1/segments/x", json=wrong)
    assert problem(answer) == (422, "invalid-request", ["/owner", "/colour", "/predicate/any/1/within"])


async def test_deep_nesting_and_many_conditions_are_refused_not_a_crash(trial: Shop) -> None:
    deep: Any = GOLD
    for _ in range(60):
        deep = {"not": {"all": [deep]}}
    assert problem(await put(trial, "deep", deep))[:2] == (422, "invalid-definition")
    wide = {"any": [{"trait": f"t{n}", "is": "==", "value": n} for n in range(3_000)]}
    assert problem(await put(trial, "wide", wide))[:2] == (422, "invalid-definition")


async def test_a_segment_in_code_is_changed_in_code(trial: Shop) -> None:
    assert problem(await put(trial, "vips", GOLD))[:2] == (409, "in-code")
    assert problem(await trial.operate("DELETE", "/v1/segments/vips"))[:2] == (409, "in-code")


async def test_a_segment_that_names_others_follows_them(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.signs_up("bob", tier="silver")
    await put(trial, "gold", GOLD)
    both = {"all": [{"member_of": "gold"}, {"not": {"member_of": "viewers"}}]}
    made = (await put(trial, "quiet-gold", both)).json()
    assert (made["predicate"], made["made_of"]) == (both, ["gold", "viewers"])
    assert made["english"] == 'in segment "gold" and not in segment "viewers"'
    await take_up(trial)
    assert await members(trial, "quiet-gold") == 1
    counted = (
        await trial.operate("POST", "/v1/segments/count", json={"predicate": {"not": {"member_of": "quiet-gold"}}})
    ).json()
    assert counted["members"] == 1
    await put(trial, "gold", {"trait": "tier", "is": "exists"})
    changed = await ask(trial, "segments/quiet-gold")
    assert changed["version"] != made["version"]
    await take_up(trial)
    assert (await members(trial, "quiet-gold"), await kinds(trial, "quiet-gold")) == (2, ["entered"])
    assert (await put(trial, "quiet-gold", changed["predicate"])).status_code == 200
    shown = await ask(trial, "segments/quiet-gold/why", user_id="ana")
    assert [part["text"] for part in shown["finding"]["parts"]] == ['in segment "gold"', 'not in segment "viewers"']
    told = await trial.operate("DELETE", "/v1/segments/gold")
    assert problem(told)[:2] == (409, "still-named")
    assert "is named by segment 'quiet-gold'" in told.json()["detail"]


def test_a_threshold_that_lies_above_the_other_one_is_pointed_at() -> None:
    with pytest.raises(Problem) as refused:
        predicate_of({"all": [{"did": "A"}, {"prediction": "churn", "over": 0.5, "back_at": 0.6}]}, {})
    assert [each.pointer for each in refused.value.errors] == ["/predicate/all/1/back_at"]


async def test_names_that_lead_nowhere_or_in_a_circle_are_refused_with_their_place(trial: Shop) -> None:
    await put(trial, "gold", GOLD)
    await put(trial, "best", {"member_of": "gold"})
    nowhere = await put(trial, "x", {"any": [GOLD, {"not": {"member_of": "nobody"}}]})
    assert problem(nowhere) == (422, "invalid-definition", ["/predicate/any/1/not/member_of"])
    circle = await put(trial, "gold", {"all": [{"member_of": "best"}]})
    assert problem(circle) == (422, "invalid-definition", ["/predicate/all/0/member_of"])
    assert "gold → best → gold: a segment cannot contain itself" in circle.json()["detail"]
    inside = await put(trial, "x", {"all": [GOLD, {"any": [{"did": "A", "at_least": 2, "at_most": 1}]}]})
    assert problem(inside)[2] == ["/predicate/all/1/any/0"]


async def test_a_journey_waits_for_a_segment_that_is_defined_later_and_enters_once_per_key(trial: Shop) -> None:
    def waits(journeys: list[dict[str, Any]]) -> dict[str, Any]:
        return next(each for each in journeys if each["name"] == "calms_down")

    sentence = "journey 'calms_down' is entered by it; define it (`PUT /v1/segments/vip-at-risk`)"
    told = waits(await ask(trial, "journeys"))
    assert (told["entry_segment"], told["warnings"]) == ("vip-at-risk", [sentence])
    assert ("JRN-19", "vip-at-risk", sentence) in {
        (each["id"], each["segment"], each["sentence"]) for each in await ask(trial, "concerns")
    }
    await trial.signs_up("ana", tier="gold")
    await put(trial, "gold", GOLD)
    at_risk = {"all": [{"member_of": "gold"}, {"did": "Ticket Opened", "within": 30 * 86_400}]}
    made = (await put(trial, "vip-at-risk", at_risk)).json()
    assert made["journeys"] == ["calms_down"]
    assert waits(await ask(trial, "journeys"))["warnings"] == []
    await take_up(trial)
    for ticket in ("t-1", "t-2", "t-1"):
        await trial.does("ana", "Ticket Opened", ticket=ticket)
        await trial.look()
    assert [run.entry_key for run in await trial.runs("calms_down")] == ["t-1", "t-2"]
    told_why = await trial.operate("DELETE", "/v1/segments/vip-at-risk")
    assert problem(told_why)[:2] == (409, "still-named")
    assert "is named by journey 'calms_down'" in told_why.json()["detail"]
    await trial.signs_up("ana", tier="silver")
    await trial.look()
    assert {run.exit_reason for run in await trial.runs("calms_down")} == {"left the segment"}


async def test_a_segment_is_frozen_as_a_list_that_never_changes(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.signs_up("bob", tier="silver")
    await put(trial, "gold", GOLD)
    path, body = "/v1/segments/gold/snapshots", {"list": "gold-then", "at": (trial.clock.now() - timedelta(days=1)).isoformat()}
    made = await trial.operate("POST", path, json=body)
    assert (made.status_code, made.json()["members"], made.json()["state"]) == (201, 1, "finished")
    assert made.json()["taken_as_now"] == ["traits (tier)"]
    again = await trial.operate("POST", path, json=body)
    assert (again.status_code, again.json()) == (200, made.json())
    assert await ask(trial, "segments/gold/snapshots") == [made.json()]
    [kept] = await ask(trial, "lists")
    assert (kept["members"], kept["snapshot"]) == (1, made.json())
    await put(trial, "invited", {"listed": "gold-then"})
    await take_up(trial)
    assert await members(trial, "invited") == 1
    to_bob = {"customers": [{"value": "bob"}]}
    for method, where in (("POST", "members"), ("PUT", "members"), ("POST", "members/remove")):
        assert problem(await trial.operate(method, f"/v1/lists/gold-then/{where}", json=to_bob))[:2] == (409, "list-frozen")
    file = await trial.operate("PUT", f"/v1/lists/gold-then/imports/{uuid4()}", content="user_id\nbob\n")
    assert problem(file)[:2] == (409, "list-frozen")
    other = await trial.operate("POST", "/v1/segments/vips/snapshots", json={"list": "gold-then"})
    assert problem(other)[:2] == (409, "list-exists")
    ahead = await trial.operate("POST", path, json={"list": "x", "at": "2100-01-01T00:00:00Z"})
    assert problem(ahead)[:2] == (422, "in-the-future")
    assert problem(await trial.operate("POST", "/v1/segments/none/snapshots", json={"list": "x"}))[:2] == (
        404,
        "unknown-segment",
    )
    assert problem(await trial.operate("POST", path, json={"list": "x", "at": "2026-01-01T00:00:00"}))[2] == ["/at"]


async def test_concerns_and_coverage(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await put(trial, "gold", GOLD)
    await take_up(trial)
    await trial.look()
    found = await ask(trial, "concerns", overlap=0.5, most=2)
    assert {(each["kind"], each["segment"]) for each in found if each["id"] == "GOV-04"} == {
        ("too many", None),
        ("overlapping", "gold"),
    }
    await ask(trial, "concerns", source_silence=["crm=48", "web=1"])
    wrong = await trial.operate("GET", "/v1/concerns", params={"source_silence": "crm"})
    assert problem(wrong)[:2] == (422, "invalid-request")
    report = await ask(trial, "coverage", segment="gold")
    tier = next(each for each in report["traits"] if each["trait"] == "tier")
    assert (report["customers"], tier["share"], tier["outdated"]) == (1, 1.0, 0)
    assert tier["newest_at"] is not None
    assert [(source["source"], source["share"]) for source in tier["sources"]] == [("ingest", 1.0)]
    assert (tier["inferred_share"], tier["median_confidence"], tier["outdated_share"]) == (0, None, 0)
    [gold] = report["segments"]
    assert (gold["segment"], gold["sentence"]) == ("gold", None)
    assert gold["needs"] == [{"trait": "tier", "share": 1.0, "outdated": 0.0, "enough": True}]
    assert problem(await trial.operate("GET", "/v1/coverage", params={"segment": "none"}))[:2] == (404, "unknown-segment")


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "2020-01-01", "until": "2025-01-01"},
        {"until": "9999-12-31"},
        {"until": "0001-01-01"},
        {"since": "0001-01-01"},
        {"since": "9999-12-31"},
        {"since": "1969-12-31", "until": "1970-01-02"},
    ],
)
async def test_a_period_that_is_none(trial: Shop, wrong: dict[str, str]) -> None:
    assert problem(await trial.operate("GET", "/v1/segments/vips/days", params=wrong))[:2] == (422, "bad-period")


async def test_a_size_long_ago_costs_no_more_than_one_of_today(trial: Shop) -> None:
    """Days behind the last one count together: Postgres makes no line for each of them."""
    await trial.signs_up("ana", tier="gold")
    await trial.look()
    await trial.database.pool.execute("update segment set known_from = '2020-01-01' where name = 'vips'")
    today = trial.clock.now().date()
    [*_, newest] = await ask(trial, "segments/vips/days")
    [*_, before] = await ask(trial, "segments/vips/days", until=str(today - timedelta(days=1)))
    assert [(each["entered"], each["left"], each["size"]) for each in (newest, before)] == [(1, 0, 1), (0, 0, 0)]
    assert len(await ask(trial, "segments/vips/days", until="1970-01-31")) == 31
    sql = queries("segment_views")["days"]
    plan = await trial.database.pool.fetchval(
        f"explain (analyze, format json) {sql}".replace("$1", "'vips'")
        .replace("$2", "'1970-01-01'")
        .replace("$3", "'1970-01-31'")
    )
    made = [node["Actual Rows"] for node in _nodes(plan[0]["Plan"]) if node["Node Type"] == "Function Scan"]
    assert made == [31]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


async def test_a_list_is_kept_by_hand_and_a_segment_made_of_it_follows(trial: Shop) -> None:
    for user in ("ana", "bob", "eva"):
        await trial.signs_up(user)
    await put(trial, "invited", {"listed": "guests"})
    await take_up(trial)
    some = [{"value": "ana"}, {"kind": "email", "value": "bob@example.com"}, {"value": "nobody"}, {"value": "ana"}]
    added = (await trial.operate("POST", "/v1/lists/guests/members", json={"customers": some})).json()
    assert (added["added"], added["already"], added["problems"]) == (2, 0, [{"row": 3, "problem": "no such customer"}])
    await trial.look()
    assert await members(trial, "invited") == 2
    refused = await trial.operate("PUT", "/v1/lists/guests/members", json={"customers": some})
    assert problem(refused)[:2] == (422, "bad-rows")
    only = (await trial.operate("PUT", "/v1/lists/guests/members", json={"customers": [{"value": "eva"}]})).json()
    assert (only["added"], only["removed"]) == (1, 2)
    off = (await trial.operate("POST", "/v1/lists/guests/members/remove", json={"customers": some})).json()
    assert (off["removed"], off["already"]) == (0, 2)
    await trial.look()
    assert (
        await kinds(trial, "invited") == ["entered", "entered", "left", "left", "entered"]
        or sorted(await kinds(trial, "invited")) == ["entered"] * 3 + ["left"] * 2
    )
    [kept] = await ask(trial, "lists")
    assert (kept["name"], kept["members"], kept["by"]) == ("guests", 1, "operate")
    why = await ask(trial, "segments/invited/why", user_id="ana")
    assert (why["member"], why["finding"]["text"]) == (False, 'is on the list "guests"')


async def test_a_csv_file_is_imported_reported_and_sent_again_without_harm(trial: Shop) -> None:
    await trial.signs_up("ana")
    path = f"/v1/lists/guests/imports/{uuid4()}"
    text = "email,name\nana@example.com,Ana\nnobody@example.com,N\nnonsense,X\n"
    for added, already in ((1, 0), (0, 1)):
        answer = await trial.operate("PUT", path, content=text, headers={"content-type": "text/csv"})
        assert answer.status_code == 200, answer.text
        done = answer.json()
        assert (done["state"], done["rows"], done["added"], done["already"], done["bad"]) == ("finished", 3, added, already, 2)
    assert {problem["row"] for problem in done["problems"]} == {3, 4}
    first = await ask(trial, f"{path.removeprefix('/v1/')}/problems", limit=1)
    assert first == {"problems": [{"row": 3, "problem": "no such customer"}], "next": 3}
    rest = await ask(trial, f"{path.removeprefix('/v1/')}/problems", after=first["next"])
    assert rest == {"problems": [{"row": 4, "problem": "the email is no address"}], "next": None}
    assert "nobody" not in str(done)
    assert (await trial.operate("GET", path)).json() == done
    elsewhere = await trial.operate("GET", path.replace("guests", "others"))
    assert problem(elsewhere)[:2] == (404, "unknown-import")
    bad = await trial.operate("PUT", f"/v1/lists/guests/imports/{uuid4()}", content=b"colour\nred\n")
    assert problem(bad)[:2] == (400, "bad-file")
    latin = await trial.operate("PUT", f"/v1/lists/guests/imports/{uuid4()}", content=b"email\nJos\xe9@example.com\n")
    assert (latin.status_code, latin.json()["problems"]) == (200, [{"row": 2, "problem": "no such customer"}])


async def test_two_imports_at_once_add_each_customer_once(trial: Shop) -> None:
    for n in range(8):
        await trial.signs_up(f"u{n}")
    text = "user_id\n" + "\n".join(f"u{n}" for n in range(8))
    sent = [trial.operate("PUT", f"/v1/lists/guests/imports/{uuid4()}", content=text) for _ in range(4)]
    answers = [answer.json() for answer in await asyncio.gather(*sent)]
    assert sum(answer["added"] for answer in answers) == 8
    assert await trial.database.pool.fetchval("select count(*) from event where type = '$list:guests'") == 8


async def test_nobody_but_an_operator_asks(ingest_api: Api) -> None:
    reads = ["segments", "segments/x/members", "segments/x/why", "lists"]
    for method, path in [*(("GET", path) for path in reads), ("PUT", "segments/x")]:
        body = {"predicate": GOLD, "owner": "o"} if method == "PUT" else None
        answer = await ingest_api.http.request(method, f"/v1/{path}", json=body, auth=(INGEST_KEY, ""))
        assert problem(answer)[0] == 403, path
        assert problem(await ingest_api.http.request(method, f"/v1/{path}", json=body, auth=("no", "")))[0] == 401


async def test_an_ingest_key_cannot_write_a_list(ingest_api: Api) -> None:
    await ingest_api.batch({"type": "track", "userId": "u", "event": "$list:vips", "properties": {"listed": True}})
    [reason] = await ingest_api.reasons()
    assert reason.startswith("reserved-event")
    assert await ingest_api.events() == []


async def test_a_clock_that_shows_when_time_changes_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    before = await ask(trial, "segments/viewers/why", user_id="ana")
    await trial.look(trial.clock.now() + timedelta(hours=2))
    after = await ask(trial, "segments/viewers/why", user_id="ana")
    assert (before["member"], after["member"], after["finding"]["changes_at"]) == (True, False, None)
    rows = await trial.database.pool.fetch("select at from segment_transition where segment = 'viewers' and kind = 'left'")
    assert [row["at"].isoformat().replace("+00:00", "Z") for row in rows] == [before["finding"]["changes_at"]]


async def test_the_description_of_these_calls_is_true_under_fuzzing(ingest_api: Api) -> None:
    document = (await ingest_api.http.get("/openapi.json")).json()
    await asyncio.to_thread(_fuzz, schemathesis.openapi.from_dict(document), ingest_api.url)


def _fuzz(schema: Any, url: str) -> None:
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith(
            ("/v1/segments", "/v1/lists", "/v1/concerns", "/v1/coverage", "/v1/profiles", "/v1/models")
        ):
            tried += 1
            _fuzz_operation(operation, url)
    assert tried == 46


def _fuzz_operation(operation: Any, url: str) -> None:
    @settings(max_examples=10, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=url, auth=(OPERATE_KEY, ""))
        case.validate_response(answer, checks=list(CHECKS))

    fuzz()


async def test_who_may_not_look_people_up_reads_no_value_that_names_one(trial: Shop) -> None:
    """Not in the definition, nor in its words, nor where a journey tells why; and the audit has none for anybody."""
    who = "ana@example.com"
    named = {"any": [{"customers": ["ana", "bea"]}, {"trait": "correo", "is": "==", "value": who}, GOLD]}
    assert (await put(trial, "named", named)).status_code == 201
    assert (await ask(trial, "segments/named"))["predicate"] == named
    plain = (await create_key(trial.database.pool, "plain", Role.OPERATE), "")
    told = (await trial.api.get("/v1/segments/named", auth=plain)).json()
    assert told["predicate"]["any"] == [{"customers": ["…", "…"]}, {"trait": "correo", "is": "==", "value": "…"}, GOLD]
    assert 'correo is "…"' in told["english"]
    assert not any(value in str(told) for value in (who, "bea"))
    again = {"predicate": told["predicate"], "owner": "growth"}  # what is read without values is not written back by mistake
    assert (await trial.api.put("/v1/segments/named", auth=plain, json=again)).status_code == 403
    await trial.operate("DELETE", "/v1/segments/named")
    rows = await trial.database.pool.fetch("select was, became from audit where kind = 'segment' order by id")
    assert len(rows) == 2
    assert not any(value in str([*map(dict, rows)]) for value in (who, "bea", "ana"))
    assert rows[0]["became"]["predicate"]["any"][2] == GOLD
