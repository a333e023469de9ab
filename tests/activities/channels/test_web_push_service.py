"""Web push against a push service that is not ours (web-push-testing): it checks who sends and reads what it is to show."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from activities.channels import EndpointGone, Refused
from activities.channels.web_push.web_push import WebPush
from store.addresses import browser_subscription
from tests.activities.channels.outgoing import to
from tests.activities.channels.test_web_push import PLAIN, WHOLE, settings
from tests.programs import SDK, missing, node_modules
from workers.sandbox import Sandbox
from workers.sandbox.server import WEB_PUSH_PUBLIC_KEY

#: The key of RFC 8292's example, whose other half is not ours.
ANOTHER = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"


@dataclass
class Service:
    """The service, and one browser that is subscribed to it."""

    http: httpx.AsyncClient
    subscription: dict[str, Any]

    async def shown(self) -> list[str]:
        """What the browser could read."""
        answer = await self.http.post("/get-notifications", json={"clientHash": self.subscription["clientHash"]})
        found: list[str] = answer.json()["data"]["messages"]
        return found


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    if not (node_modules() / "web-push-testing").is_dir():
        missing("web-push-testing is not installed: make sdks")
    running = await asyncio.create_subprocess_exec(
        "node", SDK / "push-service.cjs", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(60):
            port = int(await running.stdout.readline())
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}", timeout=30) as http:
            asked = {"userVisibleOnly": "true", "applicationServerKey": WEB_PUSH_PUBLIC_KEY}
            answer = await http.post("/subscribe", data=asked)
            assert answer.status_code == 200, answer.text
            yield Service(http, answer.json()["data"])
    finally:
        running.kill()
        await running.wait()


@pytest.fixture
async def web_push(sandbox: Sandbox) -> AsyncIterator[WebPush]:
    found = WebPush.configured(settings(sandbox, private_targets="127.0.0.0/8, ::1/128"))
    assert found is not None
    yield found
    await found.close()


async def test_another_push_service_takes_it_and_the_browser_reads_it(web_push: WebPush, service: Service) -> None:
    address = browser_subscription(service.subscription)
    assert address is not None
    for content in (PLAIN, WHOLE):
        await web_push.send(to(address, content))
    plain, whole = map(orjson.loads, await service.shown())
    assert plain.items() >= {"title": "a", "body": "b"}.items()
    assert whole.items() >= orjson.loads(WHOLE.model_dump_json(exclude={"priority", "collapse"})).items()


async def test_a_subscription_that_is_over_is_gone(web_push: WebPush, service: Service) -> None:
    address = browser_subscription(service.subscription)
    assert address is not None
    await service.http.post(f"/expire-subscription/{service.subscription['clientHash']}")
    with pytest.raises(EndpointGone):
        await web_push.send(to(address, PLAIN))


async def test_a_browser_that_is_subscribed_to_another_sender_reads_nothing(web_push: WebPush, service: Service) -> None:
    """The service knows who may write by the key that the page subscribed with."""
    other = await service.http.post("/subscribe", data={"userVisibleOnly": "true", "applicationServerKey": ANOTHER})
    stranger = browser_subscription(other.json()["data"])
    assert stranger is not None
    with pytest.raises(Refused):
        await web_push.send(to(stranger, PLAIN))
