"""A shop in real processes for tests that kill them, and a sender that tries again as the SDKs of Segment do.

Every channel is there, and every provider of it: letters and text messages are shared out, and every second customer has an
iPhone.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from crash.evidence import watched
from temporalio.client import Client

from journeys import catalogue
from segments.load.load import NEVER
from store import Database
from tests.extent import scaled
from workers.embedded.ports import LOCALHOST, Ports
from workers.embedded.stack import EmbeddedStack
from workers.sandbox.server import SES_SECRET
from workers.settings import Settings
from workers.testing.people import CHANNELS, consent, contact

TESTS = Path(__file__).parents[1]
#: Limits for a machine that is busy with other things, in seconds; alone everything takes a fraction.
SOON, EVENTUALLY = 60.0, scaled(600.0, 900.0)

Call = dict[str, Any]


@asynccontextmanager
async def open_stack(folder: Path, **servers: str) -> AsyncIterator[EmbeddedStack]:
    """Two workers, API and sandbox; on the servers given, else on a Postgres and a Temporal of their own."""
    settings = Settings.model_validate({"data_dir": folder, "catalogue": "crash.catalogue", **servers})
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    ports = Ports(folder, lambda *_: None, usual=False)
    env = {"PYTHONPATH": path, "JOURNEYS_DOUBT_PAUSE": "PT1S"} | other_providers(ports.take("sandbox", 0))
    ports.release()
    async with EmbeddedStack(settings, workers=2, usual_ports=False, env=env) as stack:
        await until(lambda: watch_keeps_up(stack), SOON)
        await watched(stack.dsn)
        yield stack


def other_providers(port: int) -> dict[str, str]:
    """Those that the embedded stack leaves out, in the same sandbox; each has its share."""
    url, amazon = f"http://{LOCALHOST}:{port}", {"ACCESS_KEY_ID": "AKIDEXAMPLE", "SECRET_ACCESS_KEY": SES_SECRET}
    return {
        **{f"JOURNEYS_{of}_{name}": value for of in ("SES", "AWS_SMS") for name, value in amazon.items()},
        "JOURNEYS_SES_REGION": "eu-west-1",
        "JOURNEYS_SES_URL": url,
        "JOURNEYS_AWS_SMS_REGION": "eu-west-1",
        "JOURNEYS_AWS_SMS_URL": url,
        "JOURNEYS_RESEND_API_KEY": "re_sandbox",
        "JOURNEYS_RESEND_URL": url,
        "JOURNEYS_PROVIDER_WEIGHTS": "smtp=1,ses=1,resend=1,twilio=1,aws-sms=1",
    }


async def watch_keeps_up(stack: EmbeddedStack) -> bool:
    """Whether the segments were loaded: who is in a segment before that is a member, but has not entered."""
    connection = await asyncpg.connect(stack.dsn)
    try:
        loaded: int = await connection.fetchval("select count(*) from segment_progress where evaluated_to > $1", NEVER)
    finally:
        await connection.close()
    return loaded == len(catalogue.load("crash.catalogue").segments)


async def temporal_of(stack: EmbeddedStack) -> Client:
    return await Client.connect(stack.temporal_address, namespace=stack.settings.temporal_namespace)


def signs_up(user: str, served: str = "https://push.example", **traits: Any) -> Call:
    """Somebody with an address and consent on every channel; their browser has the push service of `served`."""
    context = consent(user, CHANNELS, service=served)
    if has_iphone(user):
        context["device"] = {"token": hashlib.sha256(user.encode()).hexdigest(), "type": "ios"}
        token = {"type": "IOS_PUSH", "key": context["device"]["token"]}
        context["messaging_subscriptions"] = [
            each | token if each["type"] == "ANDROID_PUSH" else each for each in context["messaging_subscriptions"]
        ]
    about = {"traits": contact(user) | traits, "context": context}
    return {"type": "identify", "messageId": str(uuid4()), "userId": user, **about}


def has_iphone(user: str) -> bool:
    return sum(user.encode()) % 2 == 0


def track(user: str, event: str, **properties: Any) -> Call:
    return {"type": "track", "messageId": str(uuid4()), "userId": user, "event": event, "properties": properties}


def carts_of(users: Iterable[str], served: str = "https://push.example") -> list[Call]:
    """New customers who put something into their carts."""
    return [call for user in users for call in (signs_up(user, served), track(user, "Product Added"))]


@asynccontextmanager
async def sender(stack: EmbeddedStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.ingest, ""), timeout=30) as http:
        yield http


async def send(http: httpx.AsyncClient, calls: list[Call]) -> None:
    """Send a batch, and the same batch again until it is taken."""
    while True:
        try:
            answer = await http.post("/v1/batch", json={"batch": calls})
        except httpx.TransportError:
            await asyncio.sleep(0.2)
            continue
        if answer.status_code == 200:
            assert answer.json()["dead_letters"] == 0
            return
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(float(answer.headers["retry-after"]) / 4)


async def begin(stack: EmbeddedStack, journey: str, users: Iterable[str]) -> None:
    """Start a run for each."""
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=60) as http:
        for user in users:
            answer = await http.post(f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
            assert answer.status_code == 201, answer.text


async def everything_ended(database: Database) -> bool:
    """No event, transition or run still waits for something."""
    waiting: int = await database.pool.fetchval(
        """select (select count(*) from dirty) + (select count(*) from segment_transition where dispatched_at is null)
                + (select count(*) from run where ended_at is null)"""
    )
    return waiting == 0


async def until(condition: Callable[[], Awaitable[bool]], within: float) -> None:
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - we wait for other processes
            await asyncio.sleep(0.2)
