"""A whole shop in one process, over real servers: ingest API, watch, dispatcher, workers, sandbox providers.

Nothing of ours is replaced. Only the clock is in the test's hand: `shop.now` is the business time that ingest, watch and
deliver see, and each run's own time is skipped by Temporal.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
from google.protobuf.duration_pb2 import Duration
from pydantic import PrivateAttr, SecretStr
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

import api
from activities.templates import Templates
from activities.watch import Watch
from api import ApiConfig
from journeys import Outcome
from journeys.clock import Clock
from journeys.contracts import RunOver
from journeys.walk.samples import sample
from store import Database, connect
from store.keys import Grant, Role, create_key
from store.report import refusals
from store.runs.lists import Wanted, list_runs
from store.runs.views import Message, Run, messages_of, run_by_id
from workers.assembly import Parts, assemble
from workers.definitions import experiments_of, previews_of, senders_of, templates_in
from workers.sandbox import Sandbox, running_sandbox
from workers.sandbox.server import (
    ACCESS_TOKEN,
    APP_SECRET,
    EMAIL_FROM,
    PHONE_NUMBER_ID,
    TWILIO_TOKEN,
    WEB_PUSH_CONTACT,
    WEB_PUSH_KEY,
    WEB_PUSH_PUBLIC_KEY,
)
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER
from workers.serve import api_config, rendering
from workers.settings import Settings
from workers.temporal import connect_temporal
from workers.testing.on_time import starting_on_time
from workers.testing.people import CHANNELS, consent, contact
from workers.testing.servers import as_api
from workers.worker import serving, workers

SECRET = "8f1d2c3b4a5968778695a4b3c2d1e0f9"  # noqa: S105 - a shop in a test has nothing to hide


class HandClock(Clock):
    """Business time as the test sets it; histories see an ordinary clock."""

    _now: datetime | None = PrivateAttr(default=None)

    def now(self) -> datetime:
        """The time that it was set to."""
        return self._now or self.business(datetime.now(UTC))

    def set(self, now: datetime) -> None:
        """Turn it to a time."""
        self._now = now


@dataclass(repr=False)  # a whole catalogue, written out each time that somebody names the task that made it
class Shop:
    """What a test works with."""

    database: Database
    client: Client
    skipper: TimeSkipper
    sandbox: Sandbox
    parts: Parts
    api: httpx.AsyncClient
    ingest_key: str
    operate_key: str
    clock: HandClock
    settings: Settings
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def watch(self) -> Watch:
        """What sees events, and time alone, move customers in and out."""
        return self.parts.watch

    async def signs_up(self, user: str, channels: Sequence[str] = CHANNELS, **traits: Any) -> None:
        """A customer with an address and consent on these channels."""
        await self.send("identify", userId=user, traits=contact(user) | traits, context=self.consents(user, channels))

    def consents(self, user: str, channels: Sequence[str], status: str = "SUBSCRIBED", **more: str) -> dict[str, Any]:
        """What a customer's apps say of their addresses here: browsers have the sandbox's push service."""
        return consent(user, channels, status, service=self.sandbox.url, **more)

    async def does(self, user: str, event: str, at: datetime | None = None, **properties: Any) -> None:
        """A track call; `at` also turns the shop's clock forward to that time."""
        when = at or self.clock.now()
        if at is not None:
            self.clock.set(max(at, self.clock.now()))
        await self.send("track", userId=user, event=event, properties=properties, timestamp=when.isoformat())

    async def send(self, call: str, **body: Any) -> None:
        """A call to the ingest API: such as `identify` or `track`."""
        body.setdefault("messageId", str(uuid4()))
        answer = await self.api.post(f"/v1/{call}", json=body, auth=(self.ingest_key, ""))
        assert answer.is_success, answer.text

    async def operate(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A call to the API with a key that operates."""
        return await self.api.request(method, path, auth=(self.operate_key, ""), **more)

    async def look(self, at: datetime | None = None) -> None:
        """Let the watch see all that there is to see at a time, and Temporal hear of it."""
        if at is not None:
            self.clock.set(at)
        while await self.watch.once():
            pass

    async def runs(self, journey: str | None = None, *, is_open: bool = False) -> list[Run]:
        """Runs, oldest first."""
        found = await list_runs(self.database, Wanted(journey=journey, status="open" if is_open else None), limit=5_000)
        return sorted(found, key=lambda run: (run.entered_at, run.id))

    async def run(self, journey: str | None = None) -> Run:
        """The only run.

        Raises:
            AssertionError: there is none, or there are several; with who was refused, and why.
        """
        found = await self.runs(journey)
        if len(found) != 1:
            raise AssertionError(await self._told(journey, len(found)))
        return found[0]

    async def _told(self, journey: str | None, count: int) -> str:
        among = f"in {journey}" if journey else "in any journey"
        reasons = await refusals(self.database, journey) if journey else {}
        why = "".join(f"; refused: {reason} ({number})" for reason, number in reasons.items())
        return f"{f'{count} runs are' if count else 'nobody is'} {among}{why}"

    def workflow(self, run: Run) -> "WorkflowHandle[Any, RunOver]":
        """The run as Temporal has it."""
        return self.client.get_workflow_handle(run.workflow_id, result_type=RunOver)

    async def forward(self, run: Run, span: timedelta) -> None:
        """Let a run's own time pass, and wait until the run has done what was due by then."""
        handle = self.workflow(run)
        await self.skipper.fast_forward(handle, span)

    async def asleep(self, run: Run, *, timers: int = 1) -> None:
        """Return as soon as a run has started a timer: it stands in a wait, with all that it waits for written down."""
        async with asyncio.timeout(60):
            while await self._timers(run) < timers:  # noqa: ASYNC110 - a worker gets it there
                await asyncio.sleep(0.05)

    async def _timers(self, run: Run) -> int:
        events = (await self.workflow(run).fetch_history()).events
        return sum(event.event_type == EventType.EVENT_TYPE_TIMER_STARTED for event in events)

    async def over(self, run: Run) -> RunOver:
        """Skip whatever time a run still waits for, and return how it ended."""
        async with asyncio.timeout(60):
            with suppress(RPCError):  # it is over already
                await self.skipper.fast_forward(self.workflow(run))
            return await self.workflow(run).result()

    async def closed(self, run: Run) -> Run:
        """The run as soon as the closer has read from Temporal that it is over."""
        async with asyncio.timeout(20):
            while True:
                await self.watch.dispatcher.closer.sweep()
                found = await run_by_id(self.database, run.id)
                if found is not None and found.ended_at is not None:
                    return found
                await asyncio.sleep(0.05)

    async def messages(self, run: Run) -> list[Message]:
        """The run's messages as the ledger has them."""
        return await messages_of(self.database, run.id)

    async def settled_as(self, run: Run, state: str) -> None:
        """Return as soon as the run's only message is in a state."""
        async with asyncio.timeout(60):
            while [m.state for m in await self.messages(run)] != [state]:  # noqa: ASYNC110 - workers get it there
                await asyncio.sleep(0.01)

    async def settled(self, run: Run, count: int) -> list[Message]:
        """The run's messages, as soon as there are this many with a final state."""
        async with asyncio.timeout(30):
            while True:
                done = [m for m in await self.messages(run) if m.state in {o.value for o in Outcome} - {"deferred"}]
                if len(done) >= count:
                    return done
                await asyncio.sleep(0.02)


async def new_namespace(address: str) -> str:
    """A Temporal namespace of a test's own."""
    name = f"test-{uuid4().hex[:12]}"
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    client = await Client.connect(address)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    )
    return name


class _Told(Settings):
    """Settings as they are told, whatever stands in the environment and in files."""

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[Any, ...]:
        """Of all that pydantic-settings knows only what is passed."""
        return (sources["init_settings"],)


def settings_for(dsn: str, address: str, namespace: str, sandbox: Sandbox, catalogue: str, **more: Any) -> Settings:
    """Settings that point every part at the test's servers."""
    given: dict[str, Any] = {
        "catalogue": catalogue,
        "database_url": SecretStr(dsn),
        "temporal_address": address,
        "temporal_namespace": namespace,
        "secret": SecretStr(SECRET),
        "deploy_key": SecretStr(SECRET),
        "public_url": "http://shop.test",
        "fcm_service_account": sandbox.service_account,
        "fcm_url": sandbox.url,
        "whatsapp_url": sandbox.url,
        "whatsapp_phone_number_id": PHONE_NUMBER_ID,
        "whatsapp_token": SecretStr(ACCESS_TOKEN),
        "whatsapp_app_secret": SecretStr(APP_SECRET),
        "twilio_url": sandbox.url,
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": SecretStr(TWILIO_TOKEN),
        "sms_senders": SENDER,
        "smtp_url": SecretStr(f"smtp://{sandbox.smtp_host}:{sandbox.smtp_port}"),
        "email_from": EMAIL_FROM,
        "web_push_contact": WEB_PUSH_CONTACT,
        "web_push_key": SecretStr(WEB_PUSH_KEY),
        "web_push_public_key": WEB_PUSH_PUBLIC_KEY,
        **{name.removeprefix("JOURNEYS_").lower(): value for name, value in sandbox.of_wallets.items()},
        "sandboxed": True,
        "services": SecretStr(sandbox.environment["JOURNEYS_SERVICES"]),
        "contexts": SecretStr(sandbox.environment["JOURNEYS_CONTEXTS"]),
        "private_targets": "127.0.0.0/8",
    }
    return _Told(**(given | more))


@asynccontextmanager
async def open_shop(
    database: Database,
    dsn: str,
    temporal_address: str,
    folder: Path,
    *,
    catalogue: str = "definitions",
    serve: bool = True,
    speed: float = 1.0,
    on_time: bool = False,
    **more: Any,
) -> AsyncIterator[Shop]:
    """Open a shop on a fresh database and a namespace of its own; its days may pass faster than ours.

    A run begins at Temporal's time; where runs are `on_time`, at the shop's, however far ahead that is. `more` are settings.
    """
    async with AsyncExitStack() as stack:
        namespace = await new_namespace(temporal_address)
        sandbox = await stack.enter_async_context(running_sandbox(folder / "sandbox"))
        settings = settings_for(dsn, temporal_address, namespace, sandbox, catalogue, **more)
        skipper = TimeSkipper(await connect_temporal(settings), config=TimeSkippingConfig(enabled=False))
        now = datetime.now(UTC)
        clock = HandClock(real_origin=now, business_origin=now, speed=speed)
        client = starting_on_time(skipper.client, clock) if on_time else skipper.client
        parts = with_clock(assemble(settings, database, client), clock)
        sandbox.answers.usual({name: sample(service) for name, service in parts.catalogue.services.items()})
        stack.push_async_callback(parts.close)
        config = api_config(settings, parts.catalogue.journeys, parts.catalogue.segments, parts.library.archive.id)
        config = _with_messages(config, parts, clock)
        api_database = await connect(as_api(dsn), max_size=4)
        stack.push_async_callback(api_database.close)
        app = api.create_app(replace(config, clock=clock), database=api_database)
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
        )
        if serve:
            await stack.enter_async_context(serving(workers(skipper.client, parts)))
        await parts.watch.load()
        ingest = await create_key(database.pool, "ingest", Role.INGEST)
        operate = await create_key(database.pool, "operate", Grant(Role.OPERATE, personal=True))
        yield Shop(database, skipper.client, skipper, sandbox, parts, http, ingest, operate, clock, settings)
        await app.state.ingest.intake.close()


def _with_messages(config: ApiConfig, parts: Parts, clock: HandClock) -> ApiConfig:
    """With the templates of the catalogue: to be shown in places, listed, and looked at."""
    catalogue, templates = parts.catalogue, cast("Templates", parts.library.own.templates)  # as every catalogue has them
    senders = senders_of(catalogue)
    previews = previews_of(catalogue, templates, config.public_url, senders)
    return replace(
        config,
        places=catalogue.places,
        predictions=catalogue.predictions,
        experiments=experiments_of(catalogue),
        render=rendering(templates.render),
        preview=partial(previews, clock),
        templates=[*templates_in(catalogue, templates, senders)],
    )


def with_clock(parts: Parts, clock: HandClock) -> Parts:
    """The parts, with their time in the test's hand."""
    given = parts.watch.dispatcher
    given.closer.clock = given.mender.clock = given.brakes.clock = clock
    dispatcher = replace(
        given,
        clock=clock,
        line=replace(given.line, clock=clock),
        undecided=replace(given.undecided, clock=clock),
        mover=replace(given.mover, clock=clock),
        ender=replace(given.ender, clock=clock),
        eraser=replace(given.eraser, clock=clock),
        repeater=replace(given.repeater, clock=clock),
        campaigner=replace(given.campaigner, clock=clock),
    )
    watch = Watch(parts.watch.database, parts.watch.segments, parts.library, dispatcher, clock)
    knowing = replace(parts.delivery.knowing, most=timedelta(0))  # days pass in no time: what was told is old at once
    delivery = replace(
        parts.delivery,
        knowing=knowing,
        clock=lambda request: _tried_at(clock, request.due_at),
        doubt=replace(parts.delivery.doubt, speed=clock.speed),
    )
    calling = replace(parts.calling, clock=lambda asked: _tried_at(clock, asked.at), speed=clock.speed)
    hourly = parts.exporting.hourly and replace(parts.exporting.hourly, business=lambda _: clock.now())
    erasing = replace(parts.erasing, clock=clock, pause=timedelta(milliseconds=20), hourly=hourly)
    exporting = replace(parts.exporting, hourly=hourly)
    campaigns = replace(parts.campaigns, delivery=delivery, clock=clock)
    notifying = replace(parts.notifying, clock=clock)
    sourcing, audiences = replace(parts.sourcing, clock=clock), replace(parts.audiences, clock=clock)
    predicting, rounds = replace(parts.predicting, clock=clock), replace(parts.rounds, clock=clock)
    telling, reminding = replace(parts.telling, clock=clock), replace(parts.reminding, clock=clock)
    parts = replace(
        parts,
        watch=watch,
        notifying=notifying,
        sourcing=sourcing,
        predicting=predicting,
        rounds=rounds,
        telling=telling,
        reminding=reminding,
        delivery=delivery,
        campaigns=campaigns,
        calling=calling,
    )
    looking = replace(parts.looking, knowing=knowing)
    return replace(parts, audiences=audiences, erasing=erasing, exporting=exporting, looking=looking)


def _tried_at(clock: Clock, due_at: datetime) -> datetime:
    """The run's own time: it was skipped, so the wall clock would be days behind."""
    if not activity.in_activity():
        return due_at
    return max(due_at, clock.business(activity.info().current_attempt_scheduled_time))
