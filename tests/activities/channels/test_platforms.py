"""Pushes go by the platform of their address: APNs for iOS where it is configured, FCM for all else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from activities.channels import Accepted, Outgoing, PushContent, TryLater
from activities.channels.base import Provider, Sends
from activities.channels.kinds import KINDS
from activities.channels.platforms import by_platform
from tests.activities.channels.outgoing import to
from tests.activities.channels.test_apns import DEVICE
from tests.activities.channels.test_fcm import TOKEN
from workers.sandbox import Sandbox
from workers.settings import Settings

PLAIN = PushContent(title="a", body="b")


def settings(sandbox: Sandbox, *without: str) -> Settings:
    told = {name.removeprefix("JOURNEYS_").lower(): value for name, value in sandbox.environment.items()}
    return Settings(_env_file=None, **{n: v for n, v in told.items() if not n.startswith(without or ("-",))})  # type: ignore[arg-type]


def on(platform: str | None, value: str = TOKEN) -> Outgoing:
    outgoing = to(value, PLAIN)
    return outgoing.model_copy(update={"address": outgoing.address.model_copy(update={"platform": platform})})


@asynccontextmanager
async def carrier(given: Settings) -> AsyncIterator[Any]:
    carriers = KINDS["push"].carriers(given)
    assert carriers is not None
    [provider] = carriers.all
    yield provider
    await carriers.close()


async def test_a_push_goes_by_the_platform_of_its_address(sandbox: Sandbox) -> None:
    async with carrier(settings(sandbox)) as push:
        told = [await push.send(on(*each)) for each in (("ios", DEVICE), ("android", TOKEN), (None, TOKEN))]
    assert [each.provider for each in told] == ["apns", "fcm", "fcm"]
    assert [message.provider.value for message in sandbox.messages] == ["apns", "fcm", "fcm"]
    assert push.name == "fcm+apns"


async def test_without_apns_all_go_by_fcm_and_without_fcm_android_waits(sandbox: Sandbox) -> None:
    async with carrier(settings(sandbox, "apns")) as push:
        assert push.name == "fcm"
        await push.send(on("ios"))
    async with carrier(settings(sandbox, "fcm")) as push:
        await push.send(on("ios", DEVICE))
        with pytest.raises(TryLater, match="no provider is configured for the platform android: only apns"):
            await push.send(on("android"))
    assert [message.provider.value for message in sandbox.messages] == ["fcm", "apns"]


async def test_an_outage_of_one_keeps_the_others_pushes_from_nothing(sandbox: Sandbox) -> None:
    async with carrier(settings(sandbox).model_copy(update={"fcm_url": "http://127.0.0.1:1"})) as push:
        await push.send(on("ios", DEVICE))
        with pytest.raises(TryLater, match="fcm ConnectError"):
            await push.send(on("android"))
    both = {"fcm_url": "http://127.0.0.1:1", "apns_url": "http://127.0.0.1:1"}
    async with carrier(settings(sandbox).model_copy(update=both)) as push:
        with pytest.raises(TryLater, match="asked before sending"):  # and so without a claim
            await push.ready().__aenter__()


class _Line:
    async def send(self, _: Outgoing) -> Accepted:
        return Accepted()


class Carrier(Sends):
    """A provider that is always there."""

    idempotent = False
    connections = 1
    tells_within = timedelta(0)

    def __init__(self, name: str, *platforms: str) -> None:
        self.name, self.platforms = name, frozenset(platforms)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[_Line]:
        yield _Line()

    async def close(self) -> None:
        return


def test_who_carries_to_all_platforms_stays_as_it_is() -> None:
    one, other = Carrier("one"), Carrier("other")
    assert by_platform([one, other]) == [one, other]
    assert by_platform([]) == []


async def test_each_platform_has_its_own() -> None:
    apple, web = Carrier("apple", "ios", "mac"), Carrier("web", "web")
    [push] = cast("Any", by_platform([Carrier("usual"), apple, Carrier("second", "ios"), web]))
    told = [(await push.send(on(platform))).provider for platform in ("ios", "mac", "web", "android", None)]
    assert told == ["apple", "apple", "web", "usual", "usual"]
    found: Provider = push
    assert found.name == "usual+web+apple"
