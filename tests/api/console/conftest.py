import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from activities.measuring.folding import Folding
from api import ApiConfig
from journeys.contracts import Channel
from store import Database, audiences, sources, subscriptions
from store.deliveries import providers
from store.keys import Grant, Role, create_key
from store.runs.views import Run
from tests.activities.test_deliver import request
from tests.api.console.chosen import chooses
from tests.api.console.foretold import foretells, tells_of_other_kinds
from tests.api.server import serving
from workers.testing.shop import Shop, open_shop

#: What nobody may take for markup, wherever it comes from.
HOSTILE = '<script src="//evil.example/x.js"></script><img src=x onerror=alert(1)>'


@dataclass
class Console:
    """A shop in which something has happened, its console on a real port, and keys to sign on with."""

    shop: Shop
    url: str
    keys: dict[str, str]
    customer: UUID
    run: Run
    start: UUID
    letter: UUID

    @property
    def pages(self) -> dict[str, str]:
        """Each page by its name, as somebody sees it who may see everything."""
        return {
            "home": "/console",
            "customers": "/console/customers",
            "customer": f"/console/customers/{self.customer}",
            "customer why": f"/console/customers/{self.customer}?journey=three_messages",
            "journey": "/console/journeys/three_messages",
            "run": f"/console/runs/{self.run.id}",
            "segments": "/console/segments",
            "segment": "/console/segments/vips",
            "segment why": f"/console/segments/vips?customer={self.customer}",
            "segment builder": "/console/segments/fond-of-shoes/change",
            "segment builder new": "/console/segments/build/new",
            "segment list": "/console/segments/build/list",
            "segment builder of code": "/console/segments/vips/change",
            "campaigns": "/console/campaigns",
            "campaign new": "/console/campaigns/new",
            "campaign new of a message": "/console/campaigns/new?message=push/note",
            "start which": "/console/campaigns/start",
            "start many": "/console/journeys/by_choice/start",
            "start one": f"/console/customers/{self.customer}/start?journey=by_choice",
            "data": "/console/data",
            "campaign": f"/console/campaigns/{self.start}",
            "campaign to approve": f"/console/campaigns/{self.letter}",
            "templates": "/console/templates",
            "templates of one": "/console/templates?channel=whatsapp&language=es",
            "template push": "/console/templates/push/note",
            "template whatsapp": "/console/templates/whatsapp/note",
            "template email": "/console/templates/email/note",
            "template sms": "/console/templates/sms/note",
            "template in app": "/console/templates/in_app/note",
            "template wallet": "/console/templates/wallet/card",
            "experiments": "/console/experiments",
            "experiments of one": "/console/experiments?journey=three_messages",
            "choices": "/console/choices",
            "choice": "/console/choices/word",
            "predictions": "/console/models",
            "prediction": "/console/models/buys",
            "prediction band": "/console/models/buys?band=10",
            "prediction of kinds": "/console/models/styles?kind=low%20value%2C%20long%20ago",
            "prediction of channels": "/console/models/best-channel?kind=email",
            "prediction of amounts": "/console/models/value-of-a-year?band=10",
            "prediction to declare": "/console/models/build/new",
            "prediction to declare of a kind": "/console/models/build/new?kind=best-hour",
            "prediction to change": "/console/models/build/new?copy=buys",
            "trouble": "/console/trouble",
            "deliverability": "/console/deliverability",
            "deliverability of one": "/console/deliverability?journey=urgent",
            "keys": "/console/keys",
            "audit": "/console/audit",
            "audit none": "/console/audit?kind=nothing",
            "tasks": "/console/tasks",
            "tasks none": "/console/tasks?state=done",
            "nothing": "/console/no/such/page",
        }

    def client(self) -> httpx.AsyncClient:
        """A browser without a session."""
        return httpx.AsyncClient(base_url=self.url, headers={"Origin": self.url}, timeout=60)

    @asynccontextmanager
    async def signed_on(self, key: str = "operator") -> AsyncIterator[httpx.AsyncClient]:
        """A browser with a session of one of the keys."""
        async with self.client() as browser:
            answer = await browser.post("/console/login", data={"key": self.keys[key]})
            assert answer.status_code == 303, answer.text
            yield browser


@pytest.fixture
async def console(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Console]:
    async with open_shop(
        database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False, temporal_ui_url="http://ui.test"
    ) as shop:
        run = await something_happens(shop)
        start, letter = await starts_for_many(shop)
        await goes_wrong(shop, run)
        assert (await shop.operate("PUT", "/v1/segments/fond-of-shoes", json=FOND_OF_SHOES)).status_code == 201
        await chooses(shop, run)
        await foretells(shop, f"Who buys {HOSTILE}")
        await tells_of_other_kinds(shop)
        keys = {name: await create_key(database.pool, name, grant) for name, grant in GRANTS.items()}
        config: ApiConfig = shop.api._transport.app.state.config  # type: ignore[attr-defined]
        async with serving(replace(config, key_ttl=0.1)) as url:
            yield Console(shop, url, keys, run.profile_id, run, start, letter)


GRANTS = {
    "operator": Grant(Role.OPERATE, personal=True),
    "admin": Grant(Role.ADMIN, personal=True),
    "reader": Grant(Role.READ),
    "of one": Grant(Role.OPERATE, personal=True, journeys=("three_messages",)),
    "starter": Grant(Role.START),
}


#: A segment with a condition of many kinds, some inside others, one that no form can draw, and words that mean harm.
FOND_OF_SHOES = {
    "owner": "growth",
    "description": f"Bought shoes {HOSTILE}",
    "review_by": "2027-06-30",
    "predicate": {
        "all": [
            {"did": "Order Completed", "within": 7_776_000, "at_least": 2, "period": {"unit": "month", "otherwise": "UTC"},
             "where": {"any": [{"property": "kind", "is": "in", "value": ["shoes", HOSTILE]},
                               {"property": "products",
                                "any_item": {"property": "price", "is": "between", "value": [10, 99.5]}}]}},
            {"not": {"any": [{"did": "Message Clicked", "within": 2_592_000,
                              "where": {"property": "channel", "is": "==", "value": "email"}},
                             {"held": {"trait": "tier", "is": "==", "value": "gold"}, "for": 604_800}]}},
            {"total": "total", "of": {"did": "Order Completed", "then": {"did": "Order Returned"}}, "is": "<", "value": 500},
            {"age": "birthday", "is": ">=", "value": 18, "otherwise": "Europe/Madrid"},
            {"near": {"lat": 40.4168, "lon": -3.7038, "km": 20},
             "of": {"event": "Location Updated", "lat": "lat", "lon": "lon", "within": 86_400}},
            {"score": [{"points": 2, "when": {"reachable": "push"}, "why": "can be reached"},
                       {"points": -1, "when": {"trait": "address.city", "is": "==", "value": "Madrid"}, "why": "lives there"}],
             "is": ">", "value": 1},
            {"trait": "plan", "is": "in", "value": ["gold", 7]},
        ]
    },
}  # fmt: skip


async def something_happens(shop: Shop) -> Run:
    """Ana is in two journeys, got a push, and was not sent an email; others are in segments, with names that mean harm."""
    now = shop.clock.now()
    await shop.look(now - timedelta(days=2))
    for n, name in enumerate(("ana", "bea", "eva", "zoe")):
        await shop.signs_up(name, tier="gold", firstName=HOSTILE if n else "Ana", city="Bilbao")
        await shop.look(now - timedelta(days=2) + timedelta(hours=n * 9))
    await shop.does("ana", "Product Added", at=now - timedelta(hours=2), name=HOSTILE, price=59.9)
    await shop.does("ana", "Product Viewed", url="https://shop.example/boots")
    await shop.send("track", anonymousId="visitor-7", event="Product Viewed")
    await shop.look(now)
    run = await shop.run("three_messages")
    useless_after = now + timedelta(hours=12)
    assert (await shop.parts.delivery.deliver(request(run, due_at=now, useless_after=useless_after))).sent
    await shop.send("track", userId="ana", event="Order Completed", timestamp=now.isoformat())
    late = request(run, step="email:note", channel=Channel.EMAIL, due_at=now, useless_after=useless_after)
    assert not (await shop.parts.delivery.deliver(late)).sent, "the goal is reached"
    for _ in range(100):  # a turn that somebody else was faster in is none
        await Folding(shop.database, None, shop.clock).fold()
        if await shop.database.pool.fetchval("select exists (select from daily_sum)"):
            break
        await asyncio.sleep(0.1)
    await asks(shop, run, "call", now - timedelta(hours=1), title=f"Call {HOSTILE}", to="care", choices=["reached", HOSTILE])
    await asks(shop, run, "look", now + timedelta(hours=1), title="Look after her", to="shop", values=["price", "glad"])
    return run


async def asks(shop: Shop, run: Run, which: str, by: datetime, **expected: Any) -> UUID:
    """A task that the run waits for, which goes on to `lead`; returns its id."""
    told = {"kind": "people", "by": by.isoformat(), "escalate": "lead", "choices": [], "values": []} | expected
    waits = await shop.database.pool.fetchval("select count(*) from expectation where run_id = $1", run.id)
    found: UUID = await shop.database.pool.fetchval(
        "insert into expectation (run_id, wait, which, expected, until, begun_at) values ($1, $2, $3, $4, $5, $6) returning id",
        run.id, waits + 1, which, told, shop.clock.now() + timedelta(days=1), by - timedelta(hours=2),
    )  # fmt: skip
    return found


async def starts_for_many(shop: Shop) -> tuple[UUID, UUID]:
    """A start of three rows, one bad, one of the others left out; and a letter that waits for approval."""
    rows = [{"user_id": "ana"}, {"user_id": "bea"}, {"user_id": HOSTILE}]
    made = await shop.operate("POST", "/v1/journeys/by_choice/starts", json={"rows": rows})
    start = UUID(made.json()["id"])
    await shop.database.pool.execute(
        "update campaign_row set state = 'done', outcome = 'refused', reason = 'already running' where campaign = $1"
        " and number = 1", start,
    )  # fmt: skip
    made = await shop.operate(
        "POST",
        "/v1/campaigns",
        json={"name": "news", "to": {"segment": "vips"}, "message": {"channel": "push", "template": "note"}},
    )
    letter = UUID(made.json()["id"])
    await shop.database.pool.execute("update campaign set needs_approval = true where id = $1", letter)
    return start, letter


async def goes_wrong(shop: Shop, run: Run) -> None:
    """A message in doubt, dead letters, a dead address, a provider, a source and a receiver that do not do what they should."""
    pool, now = shop.database.pool, shop.clock.now()
    await pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, provider,"
        " copies, attempts, due_at, claimed_at, reason) values"
        " ($1, 'sms:note', 1, $2, $3, 'sms', 'marketing', 'note', 'unconfirmed', 'twilio', 1, 1, $4, $4, $5)",
        run.id, run.profile_id, run.journey, now - timedelta(days=40), f"no answer {HOSTILE}",
    )  # fmt: skip
    bad = [{"type": "track", "event": HOSTILE}, {"type": "track", "event": "Seen", "userId": ""}, {"type": HOSTILE}]
    await shop.api.post("/v1/batch", json={"batch": bad}, auth=(shop.ingest_key, ""))
    said = {"channel": "email", "address": "zoe@shop.example", "reason": f"by phone {HOSTILE}"}
    await shop.operate("POST", "/v1/suppressions", json=said)
    await providers.stop(shop.database, "fcm", "worker-1", timedelta(days=1), f"401 {HOSTILE}")
    await sources.declare(shop.database, "loyalty", timedelta(hours=1), "traits")
    await sources.fail(shop.database, "loyalty", now, f"no such column {HOSTILE}")
    await audiences.declare(shop.database, "lookers", "viewers", "http", timedelta(days=7), 0.2)
    await audiences.fails(shop.database, "lookers", f"LOOKERS_URL answers {HOSTILE}", now)
    for name in ("crm", "fine"):
        hook = {"url": f"https://{name}.example/hooks", "types": ["run.*"]}
        assert (await shop.operate("PUT", f"/v1/subscriptions/{name}", json=hook)).status_code == 200
    (crm,) = await subscriptions.found(shop.database, "crm")
    await subscriptions.stop(shop.database, crm.id, f"410 {HOSTILE}", now)
