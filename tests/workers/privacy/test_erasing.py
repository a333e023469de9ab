"""Erasing a customer on the real stack: unique words planted wherever a person can stand, and searched for afterwards."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import orjson
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer
from uuid_utils.compat import uuid7

from activities.channels.base import Sends
from activities.channels.carriers import Carriers
from activities.channels.errors import EndpointGone
from activities.channels.message import Accepted, Outgoing
from activities.channels.wallet.google_object import GooglePass
from activities.privacy.erasing import Erasing, sign
from journeys.clock import Clock
from journeys.contracts import Channel
from store import Database
from store.customers.certificate import holds
from store.customers.erasure import purge
from store.deliveries.feedback import NewEvent, store_events
from store.deliveries.passes import newer, of_customer
from store.runs import calls
from store.runs.calls import CallKey, Settled
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.activities.test_doubt import in_flight, row
from tests.activities.test_in_app import inside
from tests.activities.test_wallet import PIXEL, card, link
from tests.workers.privacy.searching import in_files, in_histories, in_spans, in_tables
from tests.workers.test_telemetry import exporter, log_lines  # noqa: F401 - fixtures
from workers.plugin import plugin
from workers.replaying import as_begun, fetched
from workers.sandbox.wallet.account import ISSUER
from workers.testing.people import address_of
from workers.testing.shop import SECRET, Shop, open_shop
from workers.workflows.erasing import EraseCustomer

#: No other text of a shop holds it.
MARK = "qzxjw"
ANA, OTHER, DEVICE = f"{MARK}-user", f"{MARK}-second", f"{MARK}-device"
MAIL = address_of(ANA, "email")


@pytest.fixture
async def trial(
    exporter: InMemorySpanExporter,  # noqa: F811 - it asks for the fixture
    database: Database, dsn: str, temporal_address: str, tmp_path: Path,
) -> AsyncIterator[Shop]:  # fmt: skip
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        exporter.clear()
        yield opened


async def erased(shop: Shop, answer: httpx.Response) -> dict[str, Any]:
    """The erasure as it stands once it is finished."""
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(60):
        while True:
            await shop.look()
            await shop.parts.watch.dispatcher.closer.sweep()
            told = (await shop.operate("GET", answer.headers["location"])).json()
            if told["state"] == "finished":
                return dict(told)
            await asyncio.sleep(0.02)


async def customer_of(shop: Shop, user: str) -> UUID:
    return UUID((await shop.operate("GET", "/v1/profiles", params={"user_id": user})).json()["customer_id"])


async def plant(shop: Shop) -> UUID:
    """A customer with something personal in every place that has one, in the middle of several journeys."""
    await shop.send("track", anonymousId=DEVICE, event="Product Viewed", properties={"name": f"{MARK} boots"})
    await shop.signs_up(ANA, tier="gold", note=f"{MARK} likes snow", timezone="Europe/Madrid")
    await shop.send("identify", userId=OTHER, traits={"nick": f"{MARK}-nick"})
    await shop.send("alias", userId=ANA, previousId=OTHER)
    await shop.send("identify", userId=ANA, anonymousId=DEVICE, traits={"city": f"{MARK}ville"})
    await shop.does(ANA, "Product Added", cart_id=f"{MARK}-cart", coupon=f"{MARK}-coupon")
    await shop.does(ANA, "Cart Updated", cart_id=f"{MARK}-key")
    bad = {"type": "track", "userId": ANA, "event": "", "properties": {"who": f"{MARK} dead"}}
    worse = {"type": "identify", "userId": ANA, "context": shop.consents(ANA, ["email"], by=f"{MARK}-me")}
    await shop.send("batch", batch=[bad, worse])
    await shop.look()
    chosen = await start(shop, "by_choice", ANA, params={"route": "email", "note": f"{MARK} note"}, entry={"x": f"{MARK} e"})
    asking = await start(shop, "asks_the_team", ANA)
    await shop.asleep(asking)
    noted = "update expectation set note = $1, answer = jsonb_build_object('x', $1::text)"  # a task of one's own words
    await shop.database.pool.execute(noted, f"{MARK} was rude")
    now, customer = shop.clock.now(), asking.profile_id
    async with shop.database.transaction() as connection:
        said = NewEvent(customer, f"reply/{ANA}", "Message Replied", now, {"text": f"{MARK} call me"})
        await store_events(connection, [said], source="journeys", at=now)
        key = CallKey(chosen.id, 7, "shop", "asked", now)
        await calls.settle(connection, key, Settled(None, 200, {"vat": f"{MARK}-vat"}, now))
    assert (await shop.parts.delivery.deliver(inside(asking))).sent  # with their name, in the inbox of the app
    await shop.look()
    return customer


async def test_gov_01_after_an_erasure_nothing_holds_the_person(
    trial: Shop,
    exporter: InMemorySpanExporter,  # noqa: F811 - it asks for the fixture
    log_lines: io.StringIO,  # noqa: F811 - it asks for the fixture
    tmp_path: Path,
) -> None:
    await trial.signs_up("bea")
    await trial.does("bea", "Product Added", cart_id="c-1")
    customer = await plant(trial)
    planted = await in_tables(trial.database, [MARK])
    tables = {each.partition(":")[0].removeprefix("public.").partition("_20")[0] for each in planted}
    assert tables >= {
        "profile",
        "identity",
        "endpoint",
        "consent",
        "event",
        "dead_letter",
        "run",
        "merge",
        "expectation",
        "inbox",
    }
    assert tables >= {"service_call", "event_dedupe"}, "also where the message id says it"

    answer = await trial.operate("DELETE", f"/v1/profiles/{customer}")
    assert (await trial.operate("DELETE", f"/v1/profiles/{customer}")).json()["id"] == answer.json()["id"], "asked twice"
    told = await erased(trial, answer)

    assert await in_tables(trial.database, [MARK]) == []
    assert await in_histories(trial, [MARK]) == []
    assert in_spans(exporter.get_finished_spans(), [MARK]) == []
    assert MARK not in log_lines.getvalue().lower()
    assert in_files(tmp_path, [MARK]) == [f"messages.jsonl: {MARK}"], "what the providers of the sandbox got"
    assert MARK not in orjson.dumps(told).decode().lower()

    certificate = told["certificate"]
    assert str(customer) not in orjson.dumps(certificate).decode()
    assert certificate["removed"]["event"] >= 7
    assert certificate["removed"]["dead_letter"] == 2
    assert certificate["emptied"]["profile"] == 3, "with those that were merged into it"
    assert certificate["kept_without_the_person"]["run"] == len([r for r in await trial.runs() if r.profile_id == customer])
    assert holds(certificate, [lambda said: sign(SECRET, said)])
    assert not holds(certificate | {"finished_at": "today"}, [lambda said: sign(SECRET, said)])
    text = await trial.operate("GET", f"/v1/erasures/{told['id']}/certificate")
    assert f"Erasure {told['id']}" in text.text

    assert {run.outcome for run in await trial.runs() if run.profile_id == customer} <= {"customer erased", "finished"}
    [bea] = [run for run in await trial.runs() if run.profile_id != customer]
    assert bea.outcome is None, "nobody else's journey ended"
    for each in await as_begun(trial.parts.library, await fetched(trial.client, 100, timedelta(days=1))):
        assert each.error is None


async def with_google(trial: Shop) -> tuple[Run, str]:
    """Ana, whose card is in Google's wallet, with her name on it."""
    await trial.signs_up("ana", channels=(), firstName=f"{MARK} Ana")
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(card(run))).sent
    answer = await trial.api.get(f"{await link(trial, run)}/google", headers=PIXEL)
    assert answer.status_code == 302, answer.text
    [name] = [name for kind, name in trial.sandbox.wallet.has if kind == "loyaltyObject"]
    assert MARK in str(trial.sandbox.wallet.has["loyaltyObject", name])
    return run, name


async def test_gov_01_what_stands_in_googles_wallet_shows_nothing_of_them_any_more(trial: Shop) -> None:
    """Google is away at first: the certificate is not written before it has heard."""
    run, name = await with_google(trial)
    await trial.database.pool.execute("delete from wallet_device")  # she removed it from her phone; Google keeps the object
    trial.sandbox.faults.tell("wallet", "503", times=2)
    told = await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{run.profile_id}"))
    assert trial.sandbox.wallet.has["loyaltyObject", name] == {"id": name, "classId": f"{ISSUER}.card", "state": "EXPIRED"}
    assert told["certificate"]["emptied"]["google_wallet"] == 1
    assert await trial.database.pool.fetchval("select subject from erasure") is None, "nor is it known which it was"


async def test_what_google_would_not_empty_is_told_by_the_certificate(trial: Shop) -> None:
    run, _ = await with_google(trial)
    trial.sandbox.faults.tell("wallet", "invalid", times=1)
    told = await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{run.profile_id}"))
    assert told["certificate"]["kept_by_google_wallet"] == 1
    assert "google_wallet" not in told["certificate"]["emptied"]
    text = await trial.operate("GET", f"/v1/erasures/{told['id']}/certificate")
    assert "Passes that Google Wallet would not let us empty; remove them in the issuer's console: 1." in text.text


async def test_a_pass_that_never_was_at_google_is_not_put_there(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    assert (await trial.parts.delivery.deliver(card(run))).sent
    told = await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{run.profile_id}"))
    assert not trial.sandbox.wallet.has
    assert told["certificate"]["removed"]["wallet_pass"] == 1
    assert "google_wallet" not in told["certificate"]["emptied"]
    assert "kept_by_google_wallet" not in told["certificate"], "Google had nothing, nor a class for it"


async def test_who_follows_googles_link_while_they_are_erased_leaves_nothing_there(
    trial: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, name = await with_google(trial)
    [pass_] = await of_customer(trial.database, run.profile_id)
    wallets = trial.parts.erasing.wallets
    assert wallets is not None
    assert wallets.google is not None
    put = wallets.google.put

    async def erased_meanwhile(shown: GooglePass) -> None:
        await trial.database.pool.execute("delete from wallet_pass")
        await put(shown)

    behind = await newer(trial.database, pass_.serial, "android", "", None)
    monkeypatch.setattr(wallets.google, "put", erased_meanwhile)
    await wallets.tell(trial.database, behind)
    assert MARK not in str(trial.sandbox.wallet.has["loyaltyObject", name])


async def test_the_workflow_of_an_erasure_replays(trial: Shop) -> None:
    await trial.signs_up("ana")
    answer = await trial.operate("DELETE", f"/v1/profiles/{await customer_of(trial, 'ana')}")
    told = await erased(trial, answer)
    handle = trial.client.get_workflow_handle(f"erasure/{told['id']}")
    await handle.result()
    history = await handle.fetch_history()
    assert len(history.events) <= 20
    await Replayer(workflows=[EraseCustomer], plugins=[plugin(sandboxed=True)]).replay_workflow(history)
    assert (await purge(trial.database, UUID(told["id"]), trial.clock.now())).rows == 0


async def test_who_is_erased_in_mid_send_gets_nothing_after_it(trial: Shop) -> None:
    """The first attempt never says what became of it; the address that comes next is not tried, and nothing is sent again."""
    await trial.signs_up("ana")
    run = await start(trial, "while_vip", "ana")
    trial.sandbox.faults.tell("fcm", "slow", hold_seconds=1, times=1)
    asked = request(run)
    sending = asyncio.create_task(trial.parts.delivery.deliver(asked))
    await in_flight(trial, asked)
    answer = await trial.operate("DELETE", f"/v1/profiles/{run.profile_id}")
    assert answer.json()["in_flight"] == 1
    assert (await sending).sent, "it was at the provider"
    told = await row(trial, asked)
    assert (told["state"], told["detail"], told["provider_message_id"], told["endpoint_id"]) == ("sent", {}, None, None)
    for channel in (Channel.PUSH, Channel.EMAIL):
        after = request(run, occurrence=2, channel=channel, step=f"{channel.value}:note")
        receipt = await trial.parts.delivery.deliver(after)
        assert (receipt.sent, receipt.reason) == (False, "customer erased")
    await erased(trial, answer)
    assert len(trial.sandbox.messages) == 1


class Interrupted(Sends):
    """A provider that knows no address, and during whose first answer something else happens."""

    name, idempotent, connections, tells_within = "fcm", False, 1, timedelta(0)

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self.meanwhile, self.asked = meanwhile, 0

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Interrupted"]:
        yield self

    async def send(self, outgoing: Outgoing) -> Accepted:  # noqa: ARG002 - the protocol asks for it
        self.asked += 1
        await self.meanwhile()
        raise EndpointGone("gone")

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_a_second_address_is_not_tried_after_an_erasure(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.send("identify", userId="ana", context={"device": {"token": "token-two", "type": "ios"},
        "messaging_subscriptions": [{"key": "token-two", "type": "IOS_PUSH", "status": "SUBSCRIBED"}]})  # fmt: skip
    run = await start(trial, "while_vip", "ana")
    erasing = Interrupted(lambda: trial.operate("DELETE", f"/v1/profiles/{run.profile_id}"))
    delivery = replace(trial.parts.delivery, carriers={Channel.PUSH: Carriers(erasing)})
    receipt = await delivery.deliver(request(run))
    assert (receipt.sent, receipt.reason) == (False, "customer erased")
    assert erasing.asked == 1


async def test_a_late_event_makes_a_new_customer_and_a_repeated_one_nothing(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.send("track", userId="ana", event="Order Completed", messageId="m-1")
    before = await customer_of(trial, "ana")
    await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{before}"))
    await trial.send("track", userId="ana", event="Order Completed", messageId="m-1")
    assert await trial.database.pool.fetchval("select count(*) from event") == 0
    assert (await trial.operate("GET", "/v1/profiles", params={"user_id": "ana"})).status_code == 404
    assert (await trial.operate("GET", "/v1/profiles", params={"customer_id": str(before)})).status_code == 404
    await trial.send("track", userId="ana", event="Order Completed", messageId="m-2")
    after = await customer_of(trial, "ana")
    assert after != before
    assert await trial.database.pool.fetchval("select array_agg(profile_id) from event") == [after]


async def test_a_no_outlives_the_customer_and_their_next_life(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.send("identify", userId="ana", context=trial.consents("ana", ["email"], "UNSUBSCRIBED", by="customer"))
    await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{await customer_of(trial, 'ana')}"))
    await trial.signs_up("ana")
    run = await start(trial, "by_choice", "ana", params={"route": "email"})
    await trial.over(run)
    assert [(m.state, m.reason) for m in await trial.messages(run)] == [("skipped", "address suppressed")]


async def test_ingest_at_the_same_time_ends_up_with_a_new_customer(trial: Shop) -> None:
    """Whatever the order: nothing is stored under who was erased, and nothing is lost."""
    await trial.signs_up("ana")
    before = await customer_of(trial, "ana")
    sends = [trial.send("track", userId="ana", event="Searched", messageId=f"s-{n}") for n in range(20)]
    erase = trial.operate("DELETE", f"/v1/profiles/{before}")
    *_, answer = await asyncio.gather(*sends[:10], *sends[10:], erase)
    await erased(trial, answer)
    assert await trial.database.pool.fetchval("select count(*) from event where profile_id = $1", before) == 0
    kept = await trial.database.pool.fetchval("select count(*) from event where type = 'Searched'")
    counted = (await trial.operate("GET", answer.headers["location"])).json()["certificate"]["removed"]
    assert kept + counted["event"] == 21, "with the identify call"


async def test_nobody_is_erased_by_a_wrong_key_and_an_unknown_customer_is_told(trial: Shop) -> None:
    await trial.signs_up("ana")
    path = f"/v1/profiles/{await customer_of(trial, 'ana')}"
    assert (await trial.api.delete(path, auth=(trial.ingest_key, ""))).status_code == 403
    answer = await trial.operate("DELETE", f"/v1/profiles/{UUID(int=7)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-customer")
    assert await trial.database.pool.fetchval("select count(*) from erasure") == 0


async def test_a_purge_shows_that_it_lives_while_it_works(database: Database) -> None:
    """So that another worker takes over within seconds of a kill, and not from one that merely waits for Postgres."""
    beaten, environment = asyncio.Event(), ActivityEnvironment()
    environment.on_heartbeat = lambda *_: beaten.set()
    purging = Erasing(database, cast("Client", None), Clock(), SECRET).purge
    async with asyncio.timeout(20):
        async with database.transaction() as connection:
            await connection.execute("lock table erasure in access exclusive mode")
            running = asyncio.create_task(environment.run(purging, str(uuid7())))
            await beaten.wait()
            assert not running.done()
        await running


FORETOLD = {
    "of": {"did": "Order Completed"},
    "label": {"did": "Order Completed", "within": 30 * 86_400},
    "horizon": 30 * 86_400,
    "features": [{"name": "days_since_order", "days_since": {"did": "Order Completed"}}],
    "owner": "crm",
}


async def test_definitions_that_list_a_name_are_counted_and_the_audit_forgets_it(trial: Shop) -> None:
    """Somebody writes the definition anew without the id; an old audit, with a name at a trait that names nobody, loses it."""
    customer = await plant(trial)
    listing = {"any": [{"customers": [ANA]}, {"trait": "tier", "is": "==", "value": "gold"}]}
    for name, predicate in (("hers", listing), ("others", {"customers": ["bea"]}), ("gold", listing["any"][1])):
        answer = await trial.operate("PUT", f"/v1/segments/{name}", json={"predicate": predicate, "owner": "growth"})
        assert answer.status_code == 201, answer.text
    mailed = {"did": "Order Completed", "where": {"property": "email", "is": "==", "value": MAIL.upper()}}
    for of in ({"did": "Order Completed"}, mailed, mailed | {"at_least": 2}):
        foretold = FORETOLD | {"of": of}
        answer = await trial.operate("PUT", "/v1/models/hers", json=foretold)
        assert answer.status_code in (200, 201), answer.text
    old = {"predicate": {"trait": "host", "is": "==", "value": ANA}, "owner": "growth"}
    await trial.database.pool.execute(
        "insert into audit (by, role, verb, kind, name, became) values ('eva', 'operate', 'define', 'segment', 'old', $1)", old
    )
    for name, of in (("spelt", MAIL), ("other", "bea")):
        declared = FORETOLD | {"of": {"did": "Order Completed", "where": {"property": "host", "is": "==", "value": of}}}
        await trial.database.pool.execute(
            "insert into audit (by, role, verb, kind, name, was) values ('eva', 'operate', 'declare', 'prediction', $1, $2)",
            name,
            declared,
        )
    told = await erased(trial, await trial.operate("DELETE", f"/v1/profiles/{customer}"))
    assert told["certificate"]["named_in_definitions"] == 3, "a segment, and two versions of a prediction"
    text = (await trial.operate("GET", f"/v1/erasures/{told['id']}/certificate")).text
    assert "Definitions of segments and predictions that name them; write them anew without it: 3." in text
    audit = await trial.database.pool.fetch("select name, was, became from audit where kind = 'prediction'")
    assert not any(MAIL in str(dict(row)).lower() for row in audit)
    kept = {row["name"]: row["was"] for row in audit if row["was"] and row["name"] != "hers"}
    assert ("of" in kept["spelt"], "of" in kept["other"], kept["spelt"]["owner"]) == (False, True, "crm")
    audits = {
        row["name"]: row["became"]
        for row in await trial.database.pool.fetch("select name, became from audit where kind = 'segment'")
    }
    assert audits["old"] == {"owner": "growth"}
    assert audits["gold"]["predicate"] == listing["any"][1]
    assert ANA not in str(audits)
