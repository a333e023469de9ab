"""The stage of real servers: Temporal with time skipped, Postgres, ingest, watch, workers and sandbox providers.

Promise: nothing of ours is replaced. Beside it goes a simulation of the same shop, which knows at which instants something is
due: there the servers' time is turned, customer by customer.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, groupby
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
import orjson
from anyio.from_thread import BlockingPortal, start_blocking_portal

from journeys.catalogue import load
from journeys.contracts import Channel, Outcome, doing
from journeys.simulate.products import Product
from journeys.simulate.providers import Kind
from journeys.simulate.services import Reply, ServiceReply
from segments import Segment
from segments.ask.overview import asked_of
from segments.language.events import CONTENT_SHOWN
from segments.leaves.crossed import Crossed
from store import connect, predictions
from store.deliveries.feedback import NewEvent, living, store_events
from store.predictions import NewModel, NewScores, Told
from store.runs.calls import calls_of
from store.runs.views import Run as Row
from workers.sandbox.faults import FaultRule
from workers.sandbox.messages import Provider
from workers.sandbox.services import ServiceAnswer
from workers.sandbox.webhooks import ACCOUNT_ID, stands
from workers.testing.hands import Hands, beyond
from workers.testing.people import address_of
from workers.testing.seen import Called, Message, Refusal, Run, waiting_as
from workers.testing.servers import Servers, fresh_database
from workers.testing.shop import Shop, open_shop
from workers.testing.simulated import Simulated
from workers.wishes import approved_in

#: What the sandbox is told, so that its answer means this.
FAULTS = {
    (Channel.PUSH, Kind.REFUSED): "sender_id_mismatch",
    (Channel.PUSH, Kind.LATER): "503",
    (Channel.PUSH, Kind.SILENT): "timeout_after_accept",
    (Channel.PUSH, Kind.GONE): "unregistered",
    (Channel.WEB_PUSH, Kind.REFUSED): "400",
    (Channel.WEB_PUSH, Kind.LATER): "503",
    (Channel.WEB_PUSH, Kind.SILENT): "timeout_after_accept",
    (Channel.WEB_PUSH, Kind.GONE): "410",
    (Channel.WHATSAPP, Kind.REFUSED): "131047",
    (Channel.WHATSAPP, Kind.LATER): "503",
    (Channel.WHATSAPP, Kind.SILENT): "timeout_after_accept",
    (Channel.WHATSAPP, Kind.GONE): "131026",
    (Channel.SMS, Kind.REFUSED): "21612",
    (Channel.SMS, Kind.LATER): "503",
    (Channel.SMS, Kind.SILENT): "lost",
    (Channel.SMS, Kind.GONE): "21614",
    (Channel.EMAIL, Kind.REFUSED): "554",
    (Channel.EMAIL, Kind.LATER): "451",
    (Channel.EMAIL, Kind.SILENT): "timeout_after_accept",
    (Channel.EMAIL, Kind.GONE): "550",
}
SILENCES = {Reply.LATER: "503", Reply.SILENT: "timeout_after_accept"}
S = TypeVar("S", bound="Served")
PROVIDERS = {
    Channel.PUSH: "fcm",
    Channel.WHATSAPP: "whatsapp",
    Channel.EMAIL: "smtp",
    Channel.SMS: "twilio",
    Channel.WEB_PUSH: "web-push",
}


@contextmanager
def served(servers: Servers, catalogue: str, folder: Path, **more: Any) -> Iterator["Served"]:
    """Open a shop on real servers, on a loop in a thread of its own, so that tests are plain functions; `more` are settings."""
    with opened(Served, servers, catalogue, folder, **more) as stage:
        yield stage


@contextmanager
def opened(kind: "type[S]", servers: Servers, catalogue: str, folder: Path, **more: Any) -> Iterator["S"]:
    """The same, of this kind of stage."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_open(servers, catalogue, folder, more)) as shop:
        yield kind(shop, Simulated(load(catalogue), shop.clock.now()), portal)


@asynccontextmanager
async def _open(servers: Servers, catalogue: str, folder: Path, more: Mapping[str, Any]) -> AsyncIterator[Shop]:
    async with fresh_database(servers.postgres) as dsn:
        database = await connect(dsn)
        try:
            async with open_shop(database, dsn, servers.temporal, folder, catalogue=catalogue, on_time=True, **more) as shop:
                shop.clock.set(next_monday())
                yield shop
        finally:
            await database.close()


def next_monday() -> datetime:
    """The next Monday at nine: servers have no past."""
    now = datetime.now(UTC)
    monday = now.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=-now.weekday())
    return monday if monday > now else monday + timedelta(days=7)


class Served:
    """A `Stage` on real servers; `shadow` is the simulation beside it."""

    def __init__(self, shop: Shop, shadow: Simulated, portal: BlockingPortal) -> None:
        self.shop = shop
        self.shadow = shadow
        self.catalogue = shadow.catalogue
        self._portal = portal
        self._hands = Hands(shop)
        self._profiles: dict[str, UUID] = {}
        self._numbers = count(1)

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.shadow.now

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any]) -> None:
        """A customer with addresses and consent on these channels; the shadow's has the same id, and so the same luck."""
        self._portal.call(self._signs_up, name, channels, traits)
        self.shadow.joins(name, channels, traits, self._profiles[name])
        self._portal.call(self._hands.settle, self.now, [self._profiles[name]])

    def becomes(self, name: str, traits: Mapping[str, Any]) -> None:
        """Their traits change."""
        self._identify(name, traits, {})
        self.shadow.becomes(name, traits)

    def says(self, name: str, channel: Channel, *, yes: bool) -> None:
        """They consent, or withdraw it: themselves, so that a yes takes back a no."""
        status = "SUBSCRIBED" if yes else "UNSUBSCRIBED"
        self._identify(name, {}, self.shop.consents(name, [channel], status, by="customer"))
        self.shadow.says(name, channel, yes=yes)

    def does(self, name: str, event: str, properties: Mapping[str, Any], at: datetime) -> None:
        """They do something."""

        async def does() -> None:
            async with self._about(name):
                track = {"userId": name, "event": event, "properties": dict(properties), "timestamp": at.isoformat()}
                await self.shop.send("track", **track)

        self._portal.call(does)
        self.shadow.does(name, event, properties, at)

    def came_back(self, name: str, step: str, event: str, said: Mapping[str, Any]) -> bool:
        """Something became of the last message of a step: written as the providers' webhooks write it."""
        sent = self.shadow.last_sent(name, step)
        if sent is not None:
            self._portal.call(self._news, name, step, event, {**sent.told, **said})
            self.shadow.came_back(name, step, event, said)
        return sent is not None

    def passes(self, until: datetime) -> None:
        """Time passes from instant to instant at which the shadow has something to do."""
        due = list(self.shadow.steps(until))
        for at, together in groupby(due, key=lambda each: each[0]):
            names = {name for _, name in together}
            following = min((then for then, name in due if then > at and name in names), default=until)
            profiles = [self._profiles[name] for name in sorted(names)]
            self._portal.call(self._hands.turn, at, profiles, beyond(following - at))
        self._portal.call(self._hands.turn, until, [])

    def starts(self, journey: str, name: str, params: Mapping[str, Any], key: str, entry: Mapping[str, Any]) -> None:
        """Somebody starts a run over the API."""
        body = {"customer": {"user_id": name}, "params": dict(params), "entry": dict(entry)} | ({"key": key} if key else {})

        async def starts() -> None:
            async with self._about(name):
                answer = await self.shop.operate("POST", f"/v1/journeys/{journey}/runs", json=body)
            assert answer.is_success or answer.status_code == httpx.codes.CONFLICT, answer.text

        self._portal.call(starts)
        self.shadow.starts(journey, name, params, key, entry)

    def switches(self, journey: str, state: str) -> None:
        """An operator pauses or kills a journey, or lets it live."""

        async def switches() -> None:
            async with self._about(*self._profiles):
                answer = await self.shop.operate("PUT", f"/v1/journeys/{journey}/state", json={"state": state})
            assert answer.is_success, answer.text

        self._portal.call(switches)
        self.shadow.switches(journey, state)

    def completes(self, name: str, which: str, outcome: str | None, values: Mapping[str, Any]) -> bool:
        """Somebody of the company does what a customer's run waits for."""
        if waits := self.shadow.expecting(name, which) is not None:
            self._portal.call(self._complete, name, which, {"outcome": outcome, "values": dict(values)})
            self.shadow.completes(name, which, outcome, values)
        return waits

    def provider(self, kind: Kind, channel: Channel, name: str | None, times: int, after: timedelta | None) -> None:
        """What the next messages on a channel meet."""
        match = f"*{address_of(name, channel).lstrip('+')}" if name else "*"
        more = {"retry_after": int(after.total_seconds())} if after and channel is not Channel.EMAIL else {}
        hold = {"hold_seconds": 0} if kind is Kind.SILENT else {}
        rule = {"match": match, "times": times} | more | hold
        self.shop.sandbox.faults.tell(PROVIDERS[channel], FAULTS[channel, kind], **rule)
        self.shadow.provider(kind, channel, name, times, after)

    def template(self, name: str, status: str, category: str | None) -> None:
        """Meta says how a WhatsApp template stands: the sandbox lists it so, and its webhook comes in."""
        sandbox, told = self.shop.sandbox, []
        for named, language in approved_in(self.catalogue.module)[name]:
            sandbox.whatsapp.templates.put(named, language, status, category or "MARKETING")
            told.append(stands(named, language, status, category))

        async def hears() -> None:
            entry = {"id": ACCOUNT_ID, "time": int(self.now.timestamp()), "changes": told}
            body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
            headers = {"X-Hub-Signature-256": sandbox.whatsapp.webhooks.signature(body)}
            async with self._about(*self._profiles):
                answer = await self.shop.api.post("/v1/webhooks/whatsapp", content=body, headers=headers)
            assert answer.is_success, answer.text

        self._portal.call(hears)
        self.shadow.template(name, status, category)

    def service(self, reply: ServiceReply, service: str, name: str | None, times: int | None) -> None:
        """What a service answers: the sandbox is told."""
        fault = None
        if reply.kind is not Reply.ANSWERS:
            after = int(reply.after.total_seconds()) if reply.after else None
            strikes = str(reply.status) if reply.status else SILENCES[reply.kind]
            fault = FaultRule(provider=Provider.SERVICES, fault=strikes, retry_after=after, hold_seconds=0)
        told = ServiceAnswer(service=service, body=dict(reply.body), fault=fault, match=name or "*", times=times)
        self.shop.sandbox.answers.tell(told)
        self.shadow.service(reply, service, name, times)

    def context(self, name: str, answer: Mapping[str, Any] | None, at: Mapping[str, str]) -> None:
        """What a context's provider tells: the sandbox is told, which answers as its format has it."""
        body: Any = answer
        for part in reversed(self.catalogue.contexts[name].answer.split(".")) if answer is not None else ():
            body = {part: body} if part else body
        self.shop.sandbox.answers.tell_of_place(name, body, at)
        self.shadow.context(name, answer, at)

    def foretells(self, name: str, prediction: str, score: float | None, label: str | None) -> None:
        """What a prediction says of a customer from now on: written as a scoring writes it, by a model that nobody fitted."""

        async def foretells() -> None:
            async with self._about(name):
                await self._scores(prediction, self._profiles[name], score, label)

        self._portal.call(foretells)
        self.shadow.foretells(name, prediction, score, label)

    def sells(self, product: Product) -> None:
        """The shop tells a product over the API."""
        told = {"id": product.id, "name": product.id.capitalize(), "available": product.available, **product.relations}

        async def sells() -> None:
            answer = await self.shop.operate("PUT", "/v1/products", json=[told])
            assert answer.is_success, answer.text

        self._portal.call(sells)
        self.shadow.sells(product)

    def defines(self, segment: Segment) -> None:
        """A product team defines a segment over the API."""

        async def defines() -> None:
            body = {"predicate": segment.predicate.to_json(), "owner": segment.owner or "whoever tests"}
            answer = await self.shop.operate("PUT", f"/v1/segments/{segment.name}", json=body)
            assert answer.is_success, answer.text
            await self.shop.watch.load()

        self._portal.call(defines)
        self.shadow.defines(segment)

    def runs(self, name: str) -> list[Run]:
        """A customer's runs, oldest first, as Postgres and Temporal have them."""
        return self._portal.call(self._runs, name)

    def zone(self, name: str) -> str:
        """Where a customer's clock stands now, or in how many zones it may."""
        return self.shadow.zone(name)

    def in_app(self, name: str) -> list[str]:
        """The templates of the messages that a customer's inbox inside the app shows now, as the API shows them to an app."""

        async def asked() -> list[str]:
            async with self._about(name):
                headers = {"Journeys-User": quote(name)}
                answer = await self.shop.api.get("/v1/inbox", auth=(self.shop.ingest_key, ""), headers=headers)
            assert answer.is_success, answer.text
            ids = [each["id"] for each in answer.json()["messages"]]
            templates = "select i.id::text, d.template from inbox i join delivery d using (run_id, step, occurrence)"
            rows = await self.shop.database.pool.fetch(f"{templates} where i.id = any($1::uuid[])", ids)
            named = {row["id"]: row["template"] for row in rows}
            return [named[id_] for id_ in ids]

        return self._portal.call(asked)

    def content(self, name: str, place: str) -> str | None:
        """The template that a place shows a customer now, and that they have seen it, as a page asks the API and tells it."""

        async def looks() -> str | None:
            headers, auth = {"Journeys-User": quote(name)}, (self.shop.ingest_key, "")
            async with self._about(name):
                answer = await self.shop.api.get("/v1/content", params={"place": place}, auth=auth, headers=headers)
                assert answer.is_success, answer.text
                shown = answer.json()["places"][place]
                if shown is not None:
                    seen = {"token": shown["token"]}
                    answer = await self.shop.api.post("/v1/content/seen", json=seen, auth=auth, headers=headers)
                    assert answer.is_success, answer.text
            if shown is None:
                return None
            told = "select properties ->> 'content' from event where type = $1 and profile_id = $2"
            asked = f"{told} order by received_at desc limit 1", CONTENT_SHOWN, self._profiles[name]
            found: str = await self.shop.database.pool.fetchval(*asked)
            return found

        found = self._portal.call(looks)
        self.shadow.content(name, place)
        return found

    def refusals(self, name: str) -> list[Refusal]:
        """The journeys that did not let a customer in."""

        async def refused() -> list[Refusal]:
            asked = "select journey, reason, at from entry_refused where profile_id = $1 order by id"
            rows = await self.shop.database.pool.fetch(asked, self._profiles[name])
            return [Refusal(**row) for row in rows]

        return self._portal.call(refused)

    def _identify(self, name: str, traits: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        async def identify() -> None:
            async with self._about(name):
                await self.shop.send("identify", userId=name, traits=dict(traits), context=dict(context))

        self._portal.call(identify)

    @asynccontextmanager
    async def _about(self, *names: str) -> AsyncIterator[None]:
        """Something is done about customers, whose runs are where the shop is before it, and at rest after it."""
        profiles = [self._profiles[name] for name in names]
        await self._hands.turn(self.now, profiles)
        yield
        await self._hands.settle(self.now, profiles)

    async def _signs_up(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any]) -> None:
        await self.shop.signs_up(name, channels, **traits)
        asked = "select profile_id from identity where kind = 'user_id' and value = $1"
        self._profiles[name] = await self.shop.database.pool.fetchval(asked, name)

    async def _scores(self, name: str, who: UUID, score: float | None, label: str | None) -> None:
        declared, database, at = self.catalogue.predictions[name], self.shop.database, self.now
        await self.shop.parts.predicting.declare()
        (row,) = await predictions.found(database, name)
        if row.champion_at != at:
            model = NewModel(declared.version, "told by a test", "{}", sha256(b"{}").hexdigest(), {}, at)
            await predictions.keep(database, name, model, replacing=row.champion, wins=True)
            (row,) = await predictions.found(database, name)
        told = Told(name, row.champion or 0, at)
        asked = await asked_of(database, self.catalogue.segments, self.catalogue.asks, name)
        async with database.transaction() as connection:
            if score is None:
                await predictions.drop(connection, name, [who])
            else:
                await predictions.write(connection, name, at, NewScores.of_one(who, told.version, score, label))
            for leaf in asked:
                if isinstance(leaf, Crossed):
                    await predictions.cross(connection, leaf, [(who, score)], told, at)
                else:
                    await predictions.sort(connection, leaf.kind, [(who, label)], told, at)

    async def _news(self, name: str, step: str, event: str, told: dict[str, Any]) -> None:
        async with self._about(name):
            rows = await self._hands.rows([self._profiles[name]])
            messages = [(row, each) for row in rows for each in await self.shop.messages(row) if each.step == step]
            sent = [found for found in messages if found[1].state == Outcome.SENT]
            row, message = max(sent, key=lambda found: (found[1].settled_at or found[1].due_at, found[1].occurrence))
            told |= {"run_id": str(row.id), "occurrence": message.occurrence}
            news = NewEvent(self._profiles[name], f"news-{next(self._numbers)}", event, self.now, told)
            async with self.shop.database.transaction() as connection:
                await living(connection, [news.profile_id])
                await store_events(connection, [news], source=told["channel"], at=self.now)

    async def _complete(self, name: str, which: str, how: dict[str, Any]) -> None:
        asked = """select e.id from expectation e join run r on r.id = e.run_id
                   where r.profile_id = $1 and e.which = $2 and e.happened_at is null and e.until > $3 and r.ended_at is null
                   order by r.entered_at, r.id limit 1"""
        async with self._about(name):
            task = await self.shop.database.pool.fetchval(asked, self._profiles[name], which, self.now)
            assert task is not None, f"nobody waits for this task: {which} of {name}"
            answer = await self.shop.operate("POST", f"/v1/tasks/{task}/done", json=how)
        assert answer.is_success, answer.text

    async def _runs(self, name: str) -> list[Run]:
        await self._hands.turn(self.now, [self._profiles[name]])
        seen = [await self._seen(row) for row in await self._hands.rows([self._profiles[name]])]
        return waiting_as(seen, self.shadow.runs(name))

    async def _seen(self, row: Row) -> Run:
        messages = tuple(
            Message(
                each.step,
                each.occurrence,
                each.state,
                each.reason,
                each.due_at,
                each.settled_at or each.due_at,
                tuple(doing(each.detail)),
                each.detail.get("product"),
            )
            for each in await self.shop.messages(row)
        )
        calls = tuple(
            Called(
                each.service,
                each.event,
                (each.reason or "answered") if each.settled_at else None,
                each.asked_at,
                each.settled_at,
            )
            for each in await calls_of(self.shop.database, row.id)
        )
        let_in = row.waits_until is None
        return Run(row.journey, row.entered_at, messages, row.outcome, row.ended_at, None, row.ended_by, calls, let_in)
