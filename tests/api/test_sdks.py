"""Independent SDKs of Segment and RudderStack work against the API unchanged, but for its URL and key."""

import asyncio
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import rudderstack.analytics.client
import segment.analytics.client
from rudderstack.analytics.request import APIError

from store.keys import Role, create_key
from tests.api.server import INGEST_KEY, Api
from tests.programs import SDK, node_modules

KINDS = ["track", "identify", "page", "screen", "group", "alias"]


def say_everything(client: Any) -> None:
    client.track(anonymous_id="visitor", event="Product Viewed", properties={"price": 59.9})
    client.identify("ana", anonymous_id="visitor", traits={"email": "ana@shop.example", "plan": "pro"})
    client.page("ana", name="Shoes", properties={"url": "/shoes"})
    client.screen("ana", name="Cart")
    client.group("ana", "acme", traits={"size": 3})
    client.alias("old-ana", "ana")
    client.shutdown()


def segment_python(url: str) -> None:
    failures: list[Any] = []
    say_everything(segment.analytics.client.Client(INGEST_KEY, host=url, on_error=lambda *error: failures.append(error)))
    assert failures == []


def segment_python_gzip(url: str) -> None:
    failures: list[Any] = []
    client = segment.analytics.client.Client(INGEST_KEY, host=url, gzip=True, on_error=lambda *error: failures.append(error))
    say_everything(client)
    assert failures == []


def rudderstack_python(url: str) -> None:
    failures: list[Any] = []
    say_everything(rudderstack.analytics.client.Client(INGEST_KEY, host=url, on_error=lambda *error: failures.append(error)))
    assert failures == []


async def check_everything(api: Api) -> None:
    events = await api.events()
    assert sorted(event["kind"] for event in events) == sorted(KINDS)
    assert len({event["profile_id"] for event in events}) == 1
    assert {event["type"] for event in events} >= {"Product Viewed", "Page Viewed", "Screen Viewed", "$identify"}
    traits = await api.database.pool.fetchval("select traits from profile where merged_into is null")
    assert traits == {"email": "ana@shop.example", "plan": "pro"}
    assert await api.database.pool.fetchval("select address from endpoint") == "ana@shop.example"
    names = await api.database.pool.fetch("select value from identity order by value")
    assert {row["value"] for row in names} == {"ana", "old-ana", "visitor"}
    assert await api.reasons() == []


@pytest.mark.parametrize("send", [segment_python, segment_python_gzip, rudderstack_python])
async def test_python_sdks_work_unchanged(ingest_api: Api, send: Callable[[str], None]) -> None:
    await asyncio.to_thread(send, ingest_api.url)
    await check_everything(ingest_api)


@pytest.mark.parametrize("script", ["segment.cjs", "rudder.cjs"])
async def test_node_sdks_work_unchanged(ingest_api: Api, script: str) -> None:
    node_modules()
    command = ["node", script, ingest_api.url, INGEST_KEY]
    done = await asyncio.to_thread(subprocess.run, command, cwd=SDK, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    await check_everything(ingest_api)


async def test_a_refused_key_is_reported_by_the_sdk(ingest_api: Api) -> None:
    """A wrong key ends as the SDK's own error, with our sentence in it, instead of hanging."""
    key = await create_key(ingest_api.database.pool, "other", Role.OPERATE)
    client = rudderstack.analytics.client.Client(key, host=ingest_api.url, sync_mode=True)
    with pytest.raises(APIError, match="this key has the role"):
        await asyncio.to_thread(client.track, "ana", "Product Viewed")
