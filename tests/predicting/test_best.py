"""CH-11, CH-13: on which channel and at which hour each customer answers is learned, and journeys go by it."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from predicting.conftest import DAY, Planted, trained
from uuid_utils.compat import uuid7

from journeys import BestChannel, did
from segments.ask import known
from segments.ask.foretold import foretold
from store import Database, predictions
from tests.command_line import in_thread
from workers.testing.shop import Shop

BEST = "predicting.best_catalogue"
RUN = """
insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id, ended_at, outcome)
values ($1, 'past', $2, 'api', $3, $3, $4, $3, 'completed')
"""
SENT = """
insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at, claimed_at,
                      settled_at)
values ($1, $2, $3, $4, 'past', $5, $6, 'x', 'sent', $7, $7, $7)
"""
TOLD = """
insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
values ($1, $2, $3, 'track', gen_random_uuid()::text, $4, 'test', $5)
"""
SCORED = "select score, label, more, version from prediction_score where prediction = $1 and profile_id = $2"
MADRID, TOKYO = "Europe/Madrid", "Asia/Tokyo"


class Post:
    """Messages of the past: who was sent what, and what they did with it."""

    def __init__(self, planted: Planted) -> None:
        self.planted = planted
        self.runs: dict[UUID, UUID] = {}
        self.count = 0

    async def sends(
        self,
        who: UUID,
        channel: str,
        at: datetime,
        answer: str | None = None,
        *,
        machine: bool | None = None,
        purpose: str = "marketing",
        known: datetime | None = None,
    ) -> None:
        """A message, and an answer a minute later, known at once or at an instant."""
        database, self.count = self.planted.database, self.count + 1
        if who not in self.runs:
            self.runs[who] = UUID(str(uuid7()))
            await database.pool.execute(RUN, self.runs[who], who, at, str(self.runs[who]))
        key = self.runs[who], f"{channel}:x", self.count
        await database.pool.execute(SENT, *key, who, channel, purpose, at)
        if answer is not None:
            about = {"run_id": str(key[0]), "step": key[1], "occurrence": key[2], "channel": channel}
            said = about | ({} if machine is None else {"machine": machine})
            then = at + timedelta(minutes=1)
            await database.pool.execute("select ensure_event_week($1)", then)
            await database.pool.execute(TOLD, who, then, answer, said, known or then)


async def known_as(shop: Shop, user: str, channels: Sequence[str] = ("push", "email", "whatsapp"), **traits: str) -> UUID:
    await shop.signs_up(user, channels, **traits)
    return UUID(str(await shop.database.pool.fetchval("select profile_id from identity where value = $1", user)))


@pytest.fixture
async def reached(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Planted]:
    """A shop that learns how its customers are best reached, with a trainer beside it."""
    async with trained(database, dsn, temporal_address, tmp_path, BEST) as found:
        yield found


async def crowd(planted: Planted, post: Post, *, at: Sequence[int] = (9, 13, 18)) -> list[UUID]:
    """Sixty customers who were sent eight messages each on three channels, and answer a tenth of any."""
    dice = np.random.default_rng(1)
    who = await planted.people(60)
    start = planted.opened.astimezone(ZoneInfo(MADRID)).replace(minute=0, second=0, microsecond=0)
    for each in who:
        for n in range(24):
            when = (start - int(dice.integers(2, 170)) * DAY).replace(hour=int(dice.choice(at)))
            answer = "Message Clicked" if dice.random() < 0.1 else None
            await post.sends(each, ("push", "email", "whatsapp")[n % 3], when, answer)
    return who


async def by_order(planted: Planted, who: UUID) -> dict[str, float]:
    """Messages by channel, and those that an order followed."""
    ordered = did("Order Completed")
    best = BestChannel("b", of=ordered, channels=("push", "whatsapp"), by=ordered)
    async with planted.database.transaction() as connection:
        return await known.of_one(connection, best.columns, who, planted.opened)


async def test_ch_13_who_answers_on_whatsapp_is_learned_and_written_to_there(reached: Planted, dsn: str) -> None:
    """CH-11 as well: the journey asks which channel is best; a machine's clicks, transactional mail and late news are none."""
    reached.of = "best-channel"
    shop, post = reached.shop, Post(reached)
    await crowd(reached, post)
    ana, luis, eva = [await known_as(shop, user) for user in ("ana", "luis", "eva")]
    for who in (ana, luis, eva):
        reached.orders.append((reached.opened - 100 * DAY, who, 40.0))
    for n in range(10):
        at = reached.opened - (20 + n) * DAY
        await post.sends(ana, "whatsapp", at, "Message Replied" if n < 8 else None)
        await post.sends(ana, "email", at, "Message Clicked", machine=True)
        await post.sends(ana, "push", at)
        await post.sends(luis, "email", at, "Message Clicked", machine=False)
        await post.sends(luis, "whatsapp", at, "Message Replied", purpose="transactional")
        await post.sends(eva, "push", at, "Message Clicked", known=reached.opened + 5 * DAY)
    reached.orders.append((reached.opened - 20 * DAY + DAY / 24, ana, 5.0))
    reached.orders.sort()
    await reached.pass_until(0)
    followed = {"sent push": 10, "answered push": 3, "sent whatsapp": 10, "answered whatsapp": 3}
    assert await by_order(reached, ana) == followed, "the messages of the three days before the order"
    assert "3 options" in await reached.train()

    found = {who: await reached.database.pool.fetchrow(SCORED, "best-channel", who) for who in (ana, luis, eva)}
    assert [found[who]["label"] for who in (ana, luis, eva)] == ["whatsapp", "email", None]  # type: ignore[index]
    mine = found[ana]
    assert mine is not None
    assert mine["score"] == mine["more"]["whatsapp"] > 0.3 > mine["more"]["email"]
    assert mine["more"]["sure"] >= 0.8
    await shop.look()
    runs = {run.profile_id: run for run in await shop.runs("talking")}
    assert ana in runs
    assert {luis, eva}.isdisjoint(runs)
    (message,) = await shop.settled(runs[ana], 1)
    assert message.channel == "whatsapp"
    entry = await reached.database.pool.fetchval(
        "select properties from event where profile_id = $1 and type = '$crossed:best-channel'", ana
    )
    assert (entry["kind"], entry["was"], entry["version"]) == ("whatsapp", None, 1)

    (told,) = [
        each
        for each in await foretold(reached.database, shop.parts.catalogue.predictions, ana)
        if each.prediction == reached.of
    ]
    assert told.unexplained is None
    assert told.reasons[0].words.startswith("8 of 10 messages by whatsapp were clicked; of all customers' ")
    card = (await predictions.models(reached.database, "best-channel"))[0].card
    assert {each["name"]: each["sent"] for each in card["options"]}["email"] == 60 * 8 + 20
    shown = await in_thread("models", "show", "best-channel", database_url=dsn, catalogue=BEST, path=("tests",))
    assert "Options of the sample" in shown.stdout, shown.stderr
    why = await in_thread("models", "why", str(ana), "--json", database_url=dsn, catalogue=BEST, path=("tests",))
    assert {each["prediction"]: each["label"] for each in json.loads(why.stdout)}["best-channel"] == "whatsapp"

    await reached.pass_until(6)
    await reached.score()
    late = await reached.database.pool.fetchrow(SCORED, "best-channel", eva)
    assert late is not None
    assert late["label"] == "push", "what she did with pushes has come to be known"
    pigeons = {"owner": "crm", "predicate": {"prediction": "best-channel", "is": "pigeon"}}
    answer = await shop.operate("PUT", "/v1/segments/pigeons", json=pigeons)
    assert (answer.status_code, "there are: push, email, whatsapp" in answer.json()["detail"]) == (422, True)


async def test_ch_11_a_journey_sends_on_the_best_channel_at_the_best_hour_of_the_customers_own_day(reached: Planted) -> None:
    """Read once, with the version and the date in the history; who has no best channel gets a push at once."""
    shop, post = reached.shop, Post(reached)
    await crowd(reached, post)
    ana, eva = await known_as(shop, "ana", timezone=TOKYO), await known_as(shop, "eva")
    for who in (ana, eva):
        reached.orders.append((reached.opened - 100 * DAY, who, 40.0))
    start = reached.opened.astimezone(ZoneInfo(TOKYO)).replace(minute=10, second=0, microsecond=0)
    for n in range(30):
        for hour in (9, 18):
            at = (start - (10 + n) * DAY).replace(hour=hour)
            await post.sends(ana, "whatsapp", at, "Message Replied" if hour == 18 else None)
    await reached.pass_until(0)
    for reached.of in ("best-hour", "best-channel"):
        await reached.train()
    hour = await reached.database.pool.fetchrow(SCORED, "best-hour", ana)
    assert hour is not None
    assert (hour["label"], hour["more"]["18"] > hour["more"]["09"]) == ("18", True)
    for user in ("ana", "eva"):
        await shop.does(user, "Asked For Offer")
    await shop.look()
    runs = {run.profile_id: run for run in await shop.runs("offer")}
    for who in (ana, eva):
        await shop.over(runs[who])
    (mine,), (hers,) = [await shop.messages(runs[who]) for who in (ana, eva)]
    assert (mine.channel, hers.channel) == ("whatsapp", "push")
    assert mine.due_at.astimezone(ZoneInfo(TOKYO)).hour == 18
    events = (await shop.workflow(runs[ana]).fetch_history()).events
    (heard,) = [sent for each in events if b'"label":"18"' in (sent := each.SerializeToString())]
    assert b'"version":1' in heard
    assert f'"as_of":"{reached.opened:%Y-%m-%d}'.encode() in heard
    say = "update prediction set held_why = 'it is not true any more'"
    await reached.database.pool.execute(say)
    await shop.look(shop.clock.now() + DAY)
    await shop.does("ana", "Asked For Offer")
    await shop.look()
    again = [run for run in await shop.runs("offer") if run.profile_id == ana and run.id != runs[ana].id]
    assert len(again) == 1
    await shop.over(again[0])
    assert [message.channel for message in await shop.messages(again[0])] == ["push"], "nobody goes by what is not trusted"
