"""Outgoing webhooks over real servers, to a receiver that checks signatures by the specification: all told, none lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from temporalio.exceptions import ApplicationError

from activities.notifying.notifying import ATTEMPTS, PATIENCE, Notifying
from store import Database, subscriptions
from store.customers.erasure import begin, purge
from store.keys import Grant, Role, create_key
from store.subscriptions import TYPES, masked
from tests.activities.test_deliver import request, start
from tests.standard_webhooks import NotGenuine, verify
from workers.testing.shop import Shop, open_shop

Says = Callable[[dict[str, Any]], str]


@dataclass
class Receiver:
    """A server of somebody else's: takes what is signed with its secret, and keeps it by its id."""

    port: int = 0
    secret: str = ""
    says: Says = lambda _: "204 No Content"
    took: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?of=shop"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                headers |= {"webhook-signature": head.split("webhook-signature: ")[1].split("\r\n")[0]}
                body = await reader.readexactly(int(headers["content-length"]))
                writer.write(f"HTTP/1.1 {self._answer(headers, body)}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()

    def _answer(self, headers: dict[str, str], body: bytes) -> str:
        self.heard.append(headers["webhook-id"])
        try:
            verify(self.secret, headers, body)
        except NotGenuine:
            return "401 Unauthorized"
        told = orjson.loads(body)
        if (answer := self.says(told)).startswith("2"):
            self.took[headers["webhook-id"]] = told
        return answer

    def types(self) -> list[str]:
        return sorted(told["type"] for told in self.took.values())


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    there = Receiver()
    async with await asyncio.start_server(there.serve, "127.0.0.1", 0) as listener:
        there.port = listener.sockets[0].getsockname()[1]
        yield there


@pytest.fixture
async def quiet(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose workers stand still: what is to be told is told when the test says so."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


async def put(shop: Shop, receiver: Receiver, name: str = "crm", **more: Any) -> UUID:
    answer = await shop.operate("PUT", f"/v1/subscriptions/{name}", json={"url": receiver.url, "types": ["*"]} | more)
    assert answer.status_code == 200, answer.text
    receiver.secret = answer.json()["secret"]
    return UUID(answer.json()["id"])


async def waiting(shop: Shop) -> int:
    return int(await shop.database.pool.fetchval("select count(*) from notification where state = 'waiting'"))


async def turn(shop: Shop, id_: UUID) -> int | None:
    """What Temporal does: nothing where it takes nothing."""
    with suppress(ApplicationError):
        return await shop.parts.notifying.notify(str(id_))
    return None


async def some(shop: Shop, count: int, type_: str = "run.entered") -> None:
    """So many things that happened to nobody."""
    await shop.database.pool.execute(
        "insert into notification (subscription, type, at, about)"
        " select s.id, $2, $3, jsonb_build_object('number', n) from subscription s, generate_series(1, $1) as n",
        count, type_, shop.clock.now(),
    )  # fmt: skip


async def test_what_happens_is_told_signed_and_without_anything_personal(trial: Shop, receiver: Receiver) -> None:
    """From the watch to the receiver, through Temporal: a customer enters a segment and a journey, and is taken out of it."""
    id_ = await put(trial, receiver)
    await trial.signs_up("ana", tier="gold")
    await trial.look()
    answer = await trial.operate("POST", "/v1/journeys/by_choice/runs", json={"customer": {"user_id": "ana"}})
    assert answer.status_code == 201, answer.text
    await trial.look()
    run = await trial.run("by_choice")
    await trial.operate("POST", f"/v1/runs/{run.id}/end")
    await trial.look()
    await trial.closed(run)
    async with asyncio.timeout(60):
        while "run.ended" not in receiver.types() or await waiting(trial):
            await trial.parts.notifying.wake()
            await asyncio.sleep(0.05)
    told = list(receiver.took.values())
    assert {"segment.entered", "run.entered", "run.ended"} <= set(receiver.types())
    ended = next(each for each in told if each["type"] == "run.ended")
    assert ended["data"]["run_id"] == str(run.id)
    assert ended["data"]["customer_id"] == str(run.profile_id)
    assert (ended["data"]["journey"], ended["data"]["outcome"]) == ("by_choice", "ended by an operator")
    assert len(receiver.heard) == len(receiver.took), "each once"
    assert [each for each in told if "ana" in str(each)] == []
    workflow = trial.client.get_workflow_handle(f"notify/{id_}")
    assert "ana" not in str([event async for event in workflow.fetch_history_events()])


async def test_each_type_is_told_by_what_really_happens_and_by_nothing_else(quiet: Shop, receiver: Receiver) -> None:
    """Every change of rows that stands for a type, one after another; the same changes again tell nothing."""
    id_ = await put(quiet, receiver)
    await quiet.signs_up("ana", tier="gold")
    await quiet.look()
    pool, now = quiet.database.pool, datetime.now(UTC)
    ana = await pool.fetchval("select profile_id from identity where value = 'ana'")
    run = await pool.fetchval(
        "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id)"
        " values (gen_random_uuid(), 'urgent', $1, 'api', $2, $2, 'w') returning id", ana, now,
    )  # fmt: skip
    for state in ("skipped", "withheld", "failed", "unconfirmed", "sent", "returned"):
        await pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at,"
            " claimed_at) values ($1, $2, 1, $3, 'urgent', 'push', 'marketing', 'note', 'claimed', $4, $4)",
            run, state, ana, now,
        )  # fmt: skip
        became = "sent" if state == "returned" else state
        await pool.execute("update delivery set state = $2, settled_at = $3 where step = $1", state, became, now)
    facts = ("delivered", "returned", "opened_human", "clicked_human", "complained", "unsubscribed", "replied")
    for step, fact in (("returned" if fact == "returned" else "sent", fact) for fact in facts):
        await pool.execute(f"update delivery set {fact}_at = coalesce({fact}_at, $2) where step = $1", step, now)
        await pool.execute(f"update delivery set {fact}_at = coalesce({fact}_at, $2) where step = $1", step, now)
    expected = {"kind": "people", "title": "Call", "to": "care", "choices": ["glad"], "values": []}
    task = await pool.fetchval(
        "insert into expectation (run_id, wait, which, expected, until, begun_at)"
        " values ($1, 1, 'call', $2, $3, $3) returning id",
        run, expected, now,
    )  # fmt: skip
    await pool.execute("update expectation set happened_at = $1, answer = $2 where id = $3", now, {"outcome": "glad"}, task)
    await pool.execute("update expectation set told_at = $1", now)
    for _ in range(2):
        await pool.execute(
            "update run set exit_reason = 'goal reached', exit_at = $1, ended_by = 'bought' where id = $2", now, run
        )
        await pool.execute("update run set ended_at = coalesce(ended_at, $1), outcome = 'goal reached' where id = $2", now, run)
    await quiet.signs_up("ana", tier="silver")
    await quiet.look()
    await turn(quiet, id_)
    found = receiver.types()
    assert set(found) == set(TYPES) - {"customer.erased"}
    twice = {each: found.count(each) for each in found if found.count(each) != 1}
    assert twice == {"message.sent": 2, "run.entered": 2}, "one came back; and the segment starts a journey"
    of = {told["type"]: told["data"] for told in receiver.took.values()}
    assert (of["task.done"]["outcome"], of["run.converted"]["goal"], of["message.opened"]["kind"]) == (
        "glad",
        "bought",
        "human",
    )
    assert of["message.bounced"]["step"] == "returned"


async def test_only_what_is_wanted_is_told_and_a_user_id_only_where_it_is(quiet: Shop, receiver: Receiver) -> None:
    id_ = await put(quiet, receiver, types=["segment.*"], segments=["vips"], personal=True)
    await quiet.signs_up("ana", tier="gold")
    await quiet.look()
    await turn(quiet, id_)
    assert receiver.types() == ["segment.entered"]
    told = next(iter(receiver.took.values()))["data"]
    assert (told["segment"], told["user_id"]) == ("vips", "ana")


async def test_a_receiver_that_is_away_loses_nothing_and_is_asked_less_and_less(quiet: Shop, receiver: Receiver) -> None:
    id_ = await put(quiet, receiver)
    receiver.says = lambda _: "503 Service Unavailable"
    await some(quiet, 100)
    with pytest.raises(ApplicationError, match="crm takes nothing: it answers 503"):
        await quiet.parts.notifying.notify(str(id_))
    heard = len(receiver.heard)
    assert await turn(quiet, id_) is None
    assert len(receiver.heard) == heard + 1, "one of them finds out whether it is there again"
    shown = (await quiet.operate("GET", "/v1/subscriptions/crm")).json()
    assert (shown["state"], shown["failure"], shown["waiting"]) == ("failing", "it answers 503", 100)
    receiver.says = lambda _: "200 OK"
    quiet.clock.set(quiet.clock.now() + timedelta(minutes=10))
    assert await turn(quiet, id_) == 100
    assert len(receiver.took) == 100
    assert (await quiet.operate("GET", "/v1/subscriptions/crm")).json()["state"] == "active"


async def test_an_answer_that_is_lost_is_told_again_under_the_same_id(quiet: Shop, receiver: Receiver) -> None:
    """The worker dies after the receiver has taken it, before that is written down."""
    id_ = await put(quiet, receiver)
    await some(quiet, 3)

    async def dies(*_: object) -> None:
        raise ConnectionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscriptions, "settle", dies)
        with pytest.raises(ConnectionError):
            await quiet.parts.notifying.notify(str(id_))
    assert await turn(quiet, id_) == 3
    assert (len(receiver.heard), len(receiver.took)) == (6, 3)


async def test_one_that_is_never_taken_keeps_none_waiting_and_is_given_up_and_replayed(quiet: Shop, receiver: Receiver) -> None:
    id_ = await put(quiet, receiver)
    receiver.says = lambda told: "500 Oops" if told["data"].get("number") == 1 else "204 No Content"
    await some(quiet, 5)
    assert await turn(quiet, id_) == 4
    for n in range(ATTEMPTS):
        quiet.clock.set(quiet.clock.now() + timedelta(days=1, minutes=1))
        await some(quiet, 1, f"more-{n}")
        await quiet.database.pool.execute("update notification set about = '{}' where type = $1", f"more-{n}")
        await turn(quiet, id_)
    assert await waiting(quiet) == 0
    assert len(receiver.took) == 4 + ATTEMPTS
    page = (await quiet.operate("GET", "/v1/subscriptions/crm/notifications", params={"state": "given up"})).json()
    (lost,) = page["notifications"]
    assert (lost["attempts"], lost["status"], lost["about"]) == (ATTEMPTS, 500, {"number": 1})
    receiver.says = lambda _: "204 No Content"
    since = (quiet.clock.now() - timedelta(days=29)).isoformat()
    again = await quiet.operate("POST", "/v1/subscriptions/crm/replay", json={"since": since})
    assert again.json() == {"notifications": 1}
    assert await turn(quiet, id_) == 1
    assert lost["id"] in receiver.took


@pytest.mark.parametrize("gone", [True, False])
async def test_who_wants_nothing_any_more_is_told_nothing_until_somebody_resumes_it(
    gone: bool, quiet: Shop, receiver: Receiver
) -> None:
    id_ = await put(quiet, receiver)
    receiver.says = lambda _: "410 Gone" if gone else "500 Oops"
    await some(quiet, 2)
    await turn(quiet, id_)
    if not gone:
        quiet.clock.set(quiet.clock.now() + PATIENCE + timedelta(minutes=1))
        await turn(quiet, id_)
    assert (await quiet.operate("GET", "/v1/subscriptions/crm")).json()["state"] == "stopped"
    heard = len(receiver.heard)
    await some(quiet, 1)
    assert await turn(quiet, id_) == 0
    assert len(receiver.heard) == heard
    assert await subscriptions.to_wake(quiet.database, quiet.clock.now()) == []
    receiver.says = lambda _: "204 No Content"
    await quiet.operate("PUT", "/v1/subscriptions/crm/state", json={"state": "active"})
    quiet.clock.set(quiet.clock.now() + timedelta(hours=1))
    await turn(quiet, id_)
    assert len(receiver.took) == 3
    assert await waiting(quiet) == 0


async def test_while_a_secret_is_replaced_either_verifies(quiet: Shop, receiver: Receiver) -> None:
    id_ = await put(quiet, receiver)
    old = receiver.secret
    answer = (await quiet.operate("POST", "/v1/subscriptions/crm/secret", json={"grace_hours": 1})).json()
    assert answer["secret"] != old
    await quiet.operate("POST", "/v1/subscriptions/crm/test")
    assert await turn(quiet, id_) == 1, "the receiver still has the old one"
    quiet.clock.set(quiet.clock.now() + timedelta(hours=2))
    await quiet.operate("POST", "/v1/subscriptions/crm/test")
    assert await turn(quiet, id_) is None
    receiver.secret = answer["secret"]
    quiet.clock.set(quiet.clock.now() + timedelta(hours=2))
    assert await turn(quiet, id_) == 1
    assert receiver.types() == ["subscription.test"] * 2
    given = quiet.parts.notifying
    another = Notifying(given.database, given.client, given.clock, given.http, "another secret", (given.secret,))
    await quiet.operate("POST", "/v1/subscriptions/crm/test")
    assert await another.notify(str(id_)) == 1, "JOURNEYS_SECRET was replaced, and nobody has to do anything"


async def test_gov_01_whoever_was_told_of_a_customer_hears_of_their_erasure(quiet: Shop, receiver: Receiver) -> None:
    id_ = await put(quiet, receiver)
    await quiet.signs_up("ana", tier="gold")
    await quiet.look()
    pool = quiet.database.pool
    ana = await pool.fetchval("select profile_id from identity where value = 'ana'")
    held = (await quiet.operate("GET", f"/v1/profiles/{ana}/export")).json()
    assert [(each["to"], each["type"]) for each in held["told"]] == [("crm", "segment.entered"), ("crm", "run.entered")]
    begun = await begin(quiet.database, ana, lambda *_: b"", at=quiet.clock.now(), by="test")
    assert begun is not None
    while (await purge(quiet.database, begun.id, quiet.clock.now())).rows:
        pass
    assert await pool.fetchval("select count(*) from notification where profile_id = $1", ana) == 0
    await pool.execute("update erasure set finished_at = $1, subject = null", quiet.clock.now())
    await turn(quiet, id_)
    assert [told["data"]["customer_id"] for told in receiver.took.values() if told["type"] == "customer.erased"] == [str(ana)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"url": "ftp://crm.example/x"}, "https://"),
        ({"url": "https://ana:secret@crm.example/x"}, "password"),
        ({"url": "https://169.254.169.254/latest"}, "inside"),
        ({"url": "https://10.0.0.1/x"}, "inside"),
        ({"url": "https://[::ffff:10.0.0.1]/x"}, "inside"),
        ({"url": "https://crm.example:99999/"}, "no address"),
        ({"types": ["run.exploded"]}, "no type 'run.exploded'"),
        ({"types": []}, "at least 1"),
        ({"journeys": ["no_such"]}, "no journey 'no_such'"),
        ({"segments": ["no-such"]}, "no segment 'no-such'"),
        ({"color": "red"}, "color"),
    ],
)
async def test_what_cannot_be_told_like_that_is_refused(body: dict[str, Any], said: str, quiet: Shop) -> None:
    given = {"url": "https://crm.example/hooks", "types": ["run.*"]} | body
    answer = await quiet.operate("PUT", "/v1/subscriptions/crm", json=given)
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    assert (await quiet.operate("GET", "/v1/subscriptions/crm")).status_code == 404


async def test_a_name_that_leads_inside_is_not_asked(quiet: Shop, receiver: Receiver) -> None:
    """What a name leads to is looked at when it is asked: here to loopback, which no setting opens."""
    id_ = await put(quiet, receiver)
    from activities.web.guarded import guarded_client

    async with guarded_client(timedelta(seconds=5)) as http:
        given = quiet.parts.notifying
        closed = Notifying(given.database, given.client, given.clock, http, given.secret)
        await some(quiet, 1)
        with pytest.raises(ApplicationError, match="takes nothing"):
            await closed.notify(str(id_))
    assert receiver.heard == []


async def test_who_is_deleted_while_messages_go_out_touches_none_of_them(quiet: Shop, receiver: Receiver) -> None:
    """A receiver and an audience go in transactions that last: a message settles and an address is noted as if nothing were."""
    await quiet.signs_up("ana", tier="gold")
    run = await start(quiet, "while_vip")
    await put(quiet, receiver)
    pool = quiet.database.pool
    await pool.execute("insert into audience (name, segment, kind, every, most_gone) values ('ads', 'vip', 'http', '1 day', 1)")
    async with pool.acquire() as somebody, somebody.transaction():
        await somebody.execute("delete from subscription where name = 'crm'")
        await somebody.execute("delete from audience where name = 'ads'")
        async with asyncio.timeout(10):  # nobody waits for who deletes
            assert (await quiet.parts.delivery.deliver(request(run))).sent
            await pool.execute("insert into audience_due (audience, profile_id) values ('ads', $1)", run.profile_id)
    assert await pool.fetchval("select state from delivery") == "sent"
    assert await waiting(quiet) > 0, "written for who is gone by now"
    await quiet.parts.retaining.retain()
    assert await waiting(quiet) == 0
    assert await pool.fetchval("select count(*) from audience_due") == 0


async def test_a_deleted_receiver_takes_along_what_it_was_still_to_be_told(quiet: Shop, receiver: Receiver) -> None:
    await put(quiet, receiver)
    await some(quiet, 3)
    assert (await quiet.operate("DELETE", "/v1/subscriptions/crm")).status_code == 204
    assert await quiet.database.pool.fetchval("select count(*) from notification") == 0


async def test_what_triggers_write_hangs_on_nothing_that_somebody_deletes(database: Database) -> None:
    """A foreign key of such a table would break the transaction in which a message is settled."""
    triggers = await database.pool.fetch("""
        select distinct c.conrelid::regclass::text as written, c.confrelid::regclass::text as referred
        from pg_proc f join pg_constraint c on c.contype = 'f'
        where f.pronamespace = 'public'::regnamespace and f.prokind = 'f'
          and pg_get_functiondef(f.oid) ~* ('insert into (public\\.)?' || c.conrelid::regclass::text || '\\M')""")
    assert {row["referred"] for row in triggers} <= {"profile", "run"}, triggers


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://crm.example/hooks/v1", "https://crm.example/hooks/v1"),
        ("https://crm.example:8443/hooks?token=s3cret&of=shop&x", "https://crm.example:8443/hooks?token=…&of=…&…"),
        ("https://hooks.example/services/T01/B02/0123456789abcdefXYZ", "https://hooks.example/services/T01/B02/…"),
        ("https://eva:s3cret@crm.example/#s3cret", "https://…@crm.example/#…"),
    ],
)
def test_what_may_be_a_secret_in_an_address_is_not_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


async def test_who_may_not_change_a_receiver_reads_no_secret_of_its_address_nor_does_the_audit(
    quiet: Shop, receiver: Receiver
) -> None:
    await put(quiet, receiver)
    assert (await quiet.operate("GET", "/v1/subscriptions/crm")).json()["url"] == receiver.url
    reads = (await create_key(quiet.database.pool, "reads", Role.READ), "")
    held = (await create_key(quiet.database.pool, "held", Grant(Role.OPERATE, journeys=("while_vip",))), "")
    for auth in (reads, held):
        for path in ("/v1/subscriptions", "/v1/subscriptions/crm"):
            answer = await quiet.api.get(path, auth=auth)
            assert "of=shop" not in answer.text
            assert answer.status_code == 403 or "of=…" in answer.text
    await quiet.operate("DELETE", "/v1/subscriptions/crm")
    rows = await quiet.database.pool.fetch("select was, became from audit where kind = 'subscription' order by id")
    assert [(row["was"] or row["became"])["url"] for row in rows] == [receiver.url.replace("shop", "…")] * 2
