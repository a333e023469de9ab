"""The audit is complete (GOV-02): each call that changes something is made, and stands in it as its route declares."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from api.console.frame import PLACE
from journeys import Conversion, purchases
from journeys.deciding.options import Choice, Option
from store import Database, audiences, predictions, sources
from store.audit import Which, page
from store.keys import Grant, Role, create_key, revoke_key, rotate_key
from store.products import rounds
from store.segments import declarations
from tests.api.test_roles import GUARDED
from tests.command_line import in_thread
from workers.testing.shop import Shop, open_shop

DOUBTS = "/v1/messages/in-doubt"
CSV = {"content": b"user_id\nana\n", "headers": {"content-type": "text/csv"}}
BUYS = {
    "of": {"did": "Product Viewed"},
    "label": {"did": "Order Completed", "within": 604_800},
    "horizon": 604_800,
    "features": [{"name": "views", "count": True, "of": {"did": "Product Viewed"}}],
}
VIP = {"predicate": {"trait": "tier", "is": "==", "value": "gold"}, "owner": "growth"}


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


async def customer(trial: Shop, user: str) -> UUID:
    found = "select coalesce(p.merged_into, p.id) from identity i join profile p on p.id = i.profile_id where i.value = $1"
    return UUID(str(await trial.database.pool.fetchval(found, user)))


async def somebody_in_everything(trial: Shop) -> dict[str, str]:
    """What there is to change, by the names of the parameters in paths: a customer, their run, a task, a merge …"""
    pool = trial.database.pool
    for user in ("ana", "bea", "zoe"):
        await trial.signs_up(user, tier="gold")
    await trial.send("identify", userId="anita")
    await trial.send("alias", userId="ana", previousId="anita")
    refused = await trial.api.post("/v1/batch", json={"batch": [{"type": "track"}]}, auth=(trial.ingest_key, ""))
    assert refused.json()["dead_letters"] == 1
    ana = await customer(trial, "ana")
    runs = [uuid4(), uuid4()]
    for run in runs:
        await pool.execute(
            "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id, outcome, ended_at)"
            " values ($1, 'urgent', $2, 'api', now(), now(), $1::uuid::text, $3, $4)",
            run, ana, *((None, None) if run == runs[0] else ("finished", datetime.now(UTC))),
        )  # fmt: skip
    for step in ("push:one", "push:two", "push:three", "push:four"):
        await pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, provider,"
            " copies, attempts, due_at, claimed_at)"
            " values ($1, $2, 1, $3, 'urgent', 'push', 'marketing', 'note', 'unconfirmed', 'fcm', 1, 1, now(), now())",
            runs[1], step, ana,
        )  # fmt: skip
    task = await pool.fetchval(
        "insert into expectation (run_id, wait, which, expected, until, begun_at)"
        " values ($1, 1, 'call', $2, now() + interval '1 day', now()) returning id",
        runs[0], {"kind": "people", "title": "Call", "to": "care", "choices": [], "values": []},
    )  # fmt: skip
    merge = await pool.fetchval("select id from merge")
    await pool.execute("delete from segment_progress where segment = 'vips'")  # as if it were new
    await trial.watch.load()
    await trial.look()
    campaign = uuid4()
    await pool.execute(
        "insert into campaign (id, name, journey, segment, by, created_at, begins_at, changed_at, needs_approval)"
        " values ($1, 'sale', 'by_choice', 'vips', 'olga', now(), now() + interval '1 day', now(), true)", campaign,
    )  # fmt: skip
    await sources.declare(trial.database, "loyalty", timedelta(hours=1), "traits")
    await audiences.declare(trial.database, "lookers", "viewers", "http", timedelta(days=7), 0.2)
    spans = timedelta(days=7), timedelta(days=1), timedelta(days=28)
    await predictions.declare(trial.database, "churn", "v", *spans, trial.clock.now())
    async with trial.database.transaction() as connection:
        for name in ("waits", "waits-too"):
            await declarations.put(connection, name, BUYS | {"name": name}, by="olga", at=trial.clock.now(), waits=True)
        await rounds.declare(connection, "bought-together", "together", "v", timedelta(days=1), trial.clock.now())
    await pool.execute(
        "insert into choice (name, number, digest, journey, declared, declared_at)"
        " values ('subject', 1, '', 'urgent', $1, now())",
        Choice("subject", {"option": {"a": Option(), "b": Option()}}, Conversion(by=purchases)).to_json(),
    )
    told = {"campaign": campaign} | {
        "customer_id": ana,
        "run_id": runs[0],
        "task_id": task,
        "merge_id": merge,
        "doubt": f"{runs[1]}/push:one/1",
        "another": f"{runs[1]}/push:three/1",
        "a third": f"{runs[1]}/push:four/1",
        "bea": (bea := await customer(trial, "bea")),
        "ends": str(bea)[-12:],
    }
    return {name: str(value) for name, value in told.items()}


#: Each call that changes something, in an order in which it can: what is asked, and by which name its path's parameters go.
CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/journeys/{journey}/runs"): {"journey": "by_choice", "json": {"customer": {"user_id": "bea"}}},
    ("POST", "/v1/journeys/{journey}/starts"): {"journey": "by_choice", "json": {"rows": [{"user_id": "zoe"}]}},
    ("POST", "/v1/journeys/{journey}/starts/file"): {"journey": "by_choice", **CSV},
    ("POST", "/v1/campaigns"): {
        "json": {"name": "news", "to": {"segment": "vips"}, "message": {"channel": "push", "template": "note"}}
    },
    ("POST", "/console/campaigns/new"): {
        "data": {"message": "push/note", "name": "news-too", "to": "segment:vips", "step": "make", "key": "k-1"}
    },
    ("POST", "/console/journeys/{journey}/start"): {
        "journey": "by_choice",
        "data": {"to": "rows", "rows": "user_id\nzoe", "step": "make", "key": "k-2"},
    },
    ("POST", "/console/customers/{customer_id}/start"): {"data": {"journey": "three_messages", "key": "k-3"}},
    ("POST", "/v1/campaigns/{campaign}/approve"): {},
    ("POST", "/console/campaigns/{campaign}/approve"): {},
    ("POST", "/console/campaigns/{campaign}/state"): {"data": {"to": "paused"}},
    ("PUT", "/v1/campaigns/{campaign}/state"): {"json": {"state": "cancelled"}},
    ("PUT", "/v1/journeys/{journey}/state"): {"journey": "urgent", "json": {"state": "paused"}},
    ("PUT", "/v1/state"): {"json": {"state": "paused"}},
    ("POST", "/console/journeys/{journey}/state"): {"journey": "urgent", "data": {"to": "live"}},
    ("POST", "/console/state"): {"data": {"to": "live"}},
    ("PUT", "/v1/tasks/{task_id}/assignee"): {"json": {"assignee": "olga"}},
    ("POST", "/v1/tasks/{task_id}/done"): {"json": {"outcome": "she is glad"}},
    ("POST", "/console/tasks/{task_id}/assignee"): {"data": {"assignee": "eva"}},
    ("POST", "/console/tasks/{task_id}/done"): {"data": {"outcome": "she is glad"}},
    ("POST", "/v1/runs/{run_id}/end"): {},
    ("POST", "/console/runs/{run_id}/end"): {},
    ("POST", "/v1/runs/end"): {"json": {"journey": "by_choice", "at_most": 5}},
    ("POST", f"{DOUBTS}/settle"): {"json": {"message": "{doubt}", "outcome": "sent"}},
    ("POST", "/console/trouble/doubts/settle"): {"data": {"message": "{another}", "outcome": "failed"}},
    ("POST", "/console/trouble/doubts/repeat"): {"data": {"message": "{a third}", "may_arrive_twice": "yes"}},
    ("POST", f"{DOUBTS}/repeat"): {"json": {"journey": "urgent", "at_most": 9, "may_arrive_twice": True}},
    ("PUT", "/v1/providers/{who}/limits"): {"who": "fcm", "json": {"per_day": 1_000}},
    ("DELETE", "/v1/providers/{who}/limits"): {"who": "fcm"},
    ("POST", "/v1/segments/{name}/announce"): {"name": "vips"},
    ("POST", "/v1/segments/{name}/snapshots"): {"name": "vips", "json": {"list": "frozen"}},
    ("PUT", "/v1/segments/{name}"): {"name": "gold", "json": VIP},
    ("POST", "/console/segments/{name}/snapshots"): {"name": "vips", "data": {"list": "frozen-too"}},
    ("POST", "/console/segments/build/save"): {
        "data": {"name": "silver", "owner": "me", "predicate.0.kind": "did", "predicate.0.did": "Seen"}
    },
    ("DELETE", "/v1/segments/{name}"): {"name": "gold"},
    ("POST", "/v1/lists/{name}/members"): {"name": "guests", "json": {"customers": [{"value": "ana"}]}},
    ("PUT", "/v1/lists/{name}/members"): {"name": "guests", "json": {"customers": [{"value": "bea"}]}},
    ("POST", "/v1/lists/{name}/members/remove"): {"name": "guests", "json": {"customers": [{"value": "bea"}]}},
    ("PUT", "/v1/lists/{name}/imports/{import_id}"): {"name": "guests", "import_id": str(uuid4()), **CSV},
    ("POST", "/console/segments/build/list"): {
        "data": {"name": "guests", "by": "user_id", "customers": "zoe", "id": str(uuid4())}
    },
    ("PUT", "/v1/products"): {"json": [{"id": "p-1", "name": "Boots"}]},
    ("POST", "/v1/customers/file"): {**CSV},
    ("POST", "/v1/history"): {
        "json": {
            "batch": [
                {"type": "track", "event": "Seen", "userId": "ana", "messageId": "h-1", "timestamp": "2025-01-01T00:00:00Z"}
            ]
        }
    },
    ("POST", "/v1/profiles/{customer_id}/consent"): {
        "json": {"channel": "email", "address": "ana@shop.example", "state": "withdrawn", "by": "customer"}
    },
    ("POST", "/v1/profiles/{customer_id}/preference-link"): {},
    ("POST", "/v1/profiles/{customer_id}/merges/{merge_id}/undo"): {},
    ("POST", "/console/customers/new"): {"data": {"user_id": "olga", "firstName": "Olga"}},
    ("POST", "/console/customers/{customer_id}/traits"): {"data": {"trait": "tier", "value": "silver"}},
    ("POST", "/console/customers/{customer_id}/consent"): {
        "data": {"channel": "email", "state": "withdrawn", "by": "customer", "purpose": "marketing"}
    },
    ("POST", "/console/customers/{customer_id}/merges/{merge_id}/undo"): {},
    ("POST", "/v1/suppressions"): {"json": {"channel": "email", "address": "zoe@shop.example", "reason": "by phone"}},
    ("POST", "/v1/suppressions/import"): {"content": b"email\neva@shop.example\n", "headers": CSV["headers"]},
    ("POST", "/v1/suppressions/take-back"): {"json": {"channel": "email", "digest": "07" * 32}},
    ("POST", "/console/trouble/suppressions/lift"): {"data": {"channel": "email", "digest": "08" * 32}},
    ("POST", "/v1/dead-letters/replay"): {"json": {"all": True}},
    ("POST", "/console/trouble/dead-letters/replay"): {"data": {"reason": "no-identity"}},
    ("POST", "/v1/dead-letters/purge"): {"json": {"all": True}},
    ("POST", "/v1/sources/{name}/read"): {"name": "loyalty"},
    ("POST", "/v1/audiences/{name}/compare"): {"name": "lookers"},
    ("PUT", "/v1/audiences/{name}/state"): {"name": "lookers", "json": {"state": "paused"}},
    ("POST", "/v1/audiences/{name}/let-go"): {"name": "lookers"},
    ("DELETE", "/v1/audiences/{name}"): {"name": "lookers"},
    ("PUT", "/v1/models/{name}"): {"name": "buys", "json": BUYS},
    ("POST", "/v1/models/{name}/approve"): {"name": "waits"},
    ("DELETE", "/v1/models/{name}"): {"name": "buys"},
    ("POST", "/console/models/build/new"): {
        "data": {"step": "declare", "declaration": json.dumps(BUYS | {"name": "buys-too"})},
    },
    ("POST", "/console/models/{name}/approve"): {"name": "waits-too"},
    ("POST", "/console/models/{name}/train"): {"name": "churn"},
    ("POST", "/console/models/{name}/score"): {"name": "churn"},
    ("POST", "/console/models/{name}/delete"): {"name": "waits"},
    ("POST", "/v1/models/{name}/train"): {"name": "churn"},
    ("POST", "/v1/product-rounds/{name}"): {"name": "bought-together"},
    ("POST", "/v1/models/{name}/score"): {"name": "churn"},
    ("PUT", "/v1/choices/{name}/state"): {"name": "subject", "json": {"state": "frozen"}},
    ("POST", "/console/choices/{name}/state"): {"name": "subject", "data": {"to": "learns"}},
    ("PUT", "/v1/subscriptions/{name}"): {"name": "crm", "json": {"url": "https://crm.example/hooks", "types": ["run.*"]}},
    ("PUT", "/v1/subscriptions/{name}/state"): {"name": "crm", "json": {"state": "paused"}},
    ("POST", "/console/trouble/receivers/{name}/resume"): {"name": "crm"},
    ("POST", "/v1/subscriptions/{name}/secret"): {"name": "crm", "json": {}},
    ("POST", "/v1/subscriptions/{name}/test"): {"name": "crm"},
    ("POST", "/v1/subscriptions/{name}/replay"): {"name": "crm", "json": {"since": "2026-01-01T00:00:00Z"}},
    ("DELETE", "/v1/subscriptions/{name}"): {"name": "crm"},
    ("POST", "/console/customers/{customer_id}/erase"): {"customer_id": "{bea}", "data": {"typed": "{ends}"}},
    ("DELETE", "/v1/profiles/{customer_id}"): {},
}


async def changed(trial: Shop, call: tuple[str, str], names: dict[str, str]) -> httpx.Response:
    """What came of one of these calls."""
    method, path = call
    given = {name: _meant(said, names) for name, said in CHANGES[call].items()}
    known = names | {name: given.pop(name) for name in re.findall(r"\{(\w+)\}", path) if name in given}
    headers = given.pop("headers", {}) | {"X-Request-Id": "r-17"}
    if path.startswith(PLACE):
        headers["Origin"] = "http://shop.test"
        await trial.api.post(f"{PLACE}/login", data={"key": trial.operate_key}, headers=headers)
    return await trial.operate(method, path.format_map(known), headers=headers, **given)


def _meant(said: Any, names: dict[str, str]) -> Any:
    """What is said, with what there is to change in place of its name."""
    if isinstance(said, dict):
        return {name: _meant(each, names) for name, each in said.items()}
    return names.get(said[1:-1], said) if isinstance(said, str) and said.startswith("{") else said


async def test_gov_02_each_call_that_changes_something_is_in_the_audit(trial: Shop) -> None:
    declared = {(call.method, call.path.replace(":path", "")): asks.does for call, asks in GUARDED if asks.does}
    assert set(CHANGES) == set(declared), "write here how a new call is made"
    names = await somebody_in_everything(trial)
    dead = "insert into suppression (channel, digest, scope, reason, at) values ('email', $1, 'all', 'hard bounce', now())"
    await trial.database.pool.executemany(dead, [(bytes([7] * 32),), (bytes([8] * 32),)])
    silent = []
    for call in CHANGES:
        before = max((each.id for each in await page(trial.database, Which(), limit=1)), default=0)
        if call[1].endswith("/dead-letters/replay"):  # it can be taken now
            await trial.api.post("/v1/batch", json={"batch": [{"type": "track"}]}, auth=(trial.ingest_key, ""))
            mended = '{"type": "track", "event": "E", "userId": "zoe"}'
            await trial.database.pool.execute("update dead_letter set item = $1", mended)
        if call[1] == "/console/campaigns/{campaign}/approve":  # as if nobody had
            await trial.database.pool.execute("update campaign set approved_at = null")
        if call[1] == "/console/tasks/{task_id}/assignee":  # as if nobody had done it
            await trial.database.pool.execute("update expectation set happened_at = null")
        if call[1] == "/console/customers/{customer_id}/merges/{merge_id}/undo":  # another one
            await trial.send("identify", userId="anna")
            await trial.send("alias", userId="ana", previousId="anna")
            names["merge_id"] = str(await trial.database.pool.fetchval("select max(id) from merge"))
        if call[1] == "/v1/dead-letters/purge":
            await trial.api.post("/v1/batch", json={"batch": [{"type": "track"}]}, auth=(trial.ingest_key, ""))
        answer = await changed(trial, call, names)
        news = [each for each in await page(trial.database, Which(), limit=9) if each.id > before]
        told = {(each.by, each.role, f"{each.verb} {each.kind}", each.trace) for each in news}
        if ("operate", "operate", declared[call], "r-17") not in told:
            silent.append((call, answer.text[:300], told))
    assert silent == []
    entries = {f"{each.verb} {each.kind}": each for each in await page(trial.database, Which(), limit=500)}
    assert (entries["limit provider"].was, entries["unlimit provider"].was["per_day"]) == (None, 1_000)  # type: ignore[index]
    assert entries["switch journey"].was == {"state": "live"}
    assert entries["define segment"].became["predicate"] == entries["delete segment"].was["predicate"]  # type: ignore[index]
    assert (entries["complete task"].fields, entries["say consent"].fields) == (["outcome"], ["email:marketing"])
    kept = str(await trial.database.pool.fetch("select * from audit"))
    assert [each for each in ("@", "ana", "bea", "she is glad") if re.search(rf"\b{each}\b", kept)] == [], "no value of anybody"


async def test_gov_02_a_change_that_fails_is_not_in_the_audit_and_who_changed_what_is_asked_by_admins(trial: Shop) -> None:
    admin = await create_key(trial.database.pool, "olga", Role.ADMIN)
    await trial.operate("PUT", "/v1/journeys/urgent/state", json={"state": "paused"})
    assert (await trial.operate("PUT", "/v1/journeys/no_such/state", json={"state": "paused"})).status_code == 404
    assert (await trial.operate("GET", "/v1/audit")).status_code == 403

    async def asked(**which: Any) -> list[tuple[str, str, str, Any, Any]]:
        found = (await trial.api.get("/v1/audit", params=which, auth=(admin, ""))).json()["changes"]
        return [(each["by"], f"{each['verb']} {each['kind']}", each["name"], each["was"], each["became"]) for each in found]

    switched = ("operate", "switch journey", "urgent", {"state": "live"}, {"state": "paused"})
    assert await asked(kind="journey") == await asked(by="operate") == await asked(name="urgent", verb="switch") == [switched]
    assert await asked(kind="journey", until="2020-01-01T00:00:00Z") == await asked(customer_id=str(uuid4())) == []
    newest, *_ = (await trial.api.get("/v1/audit", params={"limit": 1}, auth=(admin, ""))).json()["changes"]
    assert len(await asked(before=newest["id"])) == len(await asked()) - 1


async def test_gov_02_keys_are_in_the_audit_and_listed_without_anything_secret(trial: Shop) -> None:
    pool = trial.database.pool
    admin = await create_key(pool, "olga", Grant(Role.ADMIN, per_minute=600))
    other = await create_key(pool, "crm", Grant(Role.START, journeys=("urgent",)))
    found = (await page(trial.database, Which(kind="key", name="crm"), limit=1))[0]
    again = await rotate_key(pool, "crm", found.at)
    assert await revoke_key(pool, "crm")
    told = [(each.verb, each.became) for each in await page(trial.database, Which(kind="key", name="crm"), limit=9)]
    assert [verb for verb, _ in told] == ["revoke", "rotate", "create"]
    assert told[-1][1] == {"role": "start", "journeys": ["urgent"]}
    answer = await trial.api.get("/v1/keys", auth=(admin, ""))
    listed = {each["name"]: each for each in answer.json()}
    assert (listed["crm"]["role"], listed["crm"]["journeys"], listed["olga"]["per_minute"]) == ("start", ["urgent"], 600)
    assert listed["crm"]["ends_at"] is not None
    assert [each for each in (admin, other, again) if each in answer.text] == []


async def test_gov_02_an_erasure_reaches_the_audit_and_its_owner_is_told_of_it(trial: Shop) -> None:
    from store.customers import erasure as erasures
    from store.customers.held import held

    await trial.signs_up("ana")
    ana = await customer(trial, "ana")
    said = {"channel": "email", "address": "ana@shop.example", "state": "withdrawn", "by": "customer"}
    assert (await trial.operate("POST", f"/v1/profiles/{ana}/consent", json=said)).status_code == 201
    told = await held(trial.database, ana, lambda *_: [], trial.clock.now())
    assert told is not None
    assert [(each["what"], each["fields"]) for each in told["changes"]] == [("say consent", ["email:marketing"])]
    erasure = UUID((await trial.operate("DELETE", f"/v1/profiles/{ana}")).json()["id"])
    await erasures.purge(trial.database, erasure, trial.clock.now())
    kept = {each.verb: each.fields for each in await page(trial.database, Which(customer=ana), limit=9)}
    assert kept == {"erase": [], "say": []}


async def test_gov_02_the_api_can_unsay_nothing(trial: Shop) -> None:
    await trial.operate("PUT", "/v1/state", json={"state": "paused"})
    for statement in ("delete from audit", "update audit set by = 'nobody'", "truncate audit"):
        async with trial.api._transport.app.state.store._database.pool.acquire() as connection:  # type: ignore[attr-defined]
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_gov_02_a_command_is_in_the_audit_by_who_is_logged_in(dsn: str) -> None:
    assert (await in_thread("keys", "create", "app", database_url=dsn)).returncode == 0
    told = await in_thread("audit", "--kind", "key", database_url=dsn)
    assert re.search(rf"{getuser()}.*command line.*create key.*app", told.stdout.replace("\n", " ")), told.stdout
