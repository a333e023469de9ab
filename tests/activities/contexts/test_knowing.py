"""What it is like at a place: asked once by all workers, never waited for too long, and as declared where it is not told."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.channels import breaker
from activities.contexts.asking import Providers
from activities.contexts.knowing import Knowing
from activities.contexts.where import Where, where_of
from activities.web.addresses import network_of
from activities.web.guarded import guarded_client
from journeys import Context, Weather
from journeys import open_meteo as weather_by_open_meteo
from journeys.contracts import Reason
from store import Database
from store.deliveries.providers import stopped
from tests.activities.contexts.open_meteo import OpenMeteo, open_meteo

WARM = Weather(temperature=26)
LIMA = {"address": {"latitude": -12.04637, "longitude": -77.04279, "street": "Jirón 1"}, "email": "ana@example.com"}
NEAR_BY = {"address": {"latitude": -12.04999, "longitude": -77.01}}
FAR = {"address": {"latitude": 52.5, "longitude": 13.4}}
WEATHER = weather_by_open_meteo(otherwise=WARM, timeout=timedelta(milliseconds=500))
LOOPBACK = [network_of("127.0.0.0/8")]


@pytest.fixture
async def provider() -> AsyncIterator[OpenMeteo]:
    async with open_meteo() as made:
        yield made


@pytest.fixture
async def workers(database: Database, provider: OpenMeteo) -> AsyncIterator[list[Knowing]]:
    """Two processes' knowledge, over one database."""
    made = [guarded_client(timedelta(seconds=5), LOOPBACK) for _ in range(2)]
    yield [Knowing(database, Providers({"weather": Where(url=provider.url)}, http)) for http in made]
    for http in made:
        await http.aclose()


async def forget(database: Database) -> None:
    """Time passes: what was told is old."""
    await database.pool.execute("update context_answer set until = clock_timestamp() - interval '1 second'")


async def test_of_one_place_and_time_a_provider_is_asked_once_by_all(workers: list[Knowing], provider: OpenMeteo) -> None:
    provider.slow, provider.weather = 0.2, {"temperature_2m": 19.5, "rain": 0.4}
    found = await asyncio.gather(
        *(each.of(WEATHER, traits) for each in workers for traits in (LIMA, NEAR_BY) for _ in range(20))
    )
    assert {(known.answer["temperature"], known.answer["rain"], known.reason) for known in found} == {(19.5, 0.4, None)}
    assert len(provider.asked) == 1, "one place, to the precision that is declared, for two workers and eighty messages"
    await workers[0].of(WEATHER, FAR)
    assert len(provider.asked) == 2


async def test_a_provider_learns_a_place_as_coarse_as_declared_and_nothing_else(
    workers: list[Knowing], provider: OpenMeteo, database: Database
) -> None:
    await workers[0].of(WEATHER, LIMA)
    (asked,) = provider.asked
    assert (asked.pop("latitude"), asked.pop("longitude")) == ("-12.0", "-77.0")
    assert list(asked) == ["current"]
    assert str(await database.pool.fetchval("select place from context_answer")) == "latitude=-12.0&longitude=-77.0"


async def test_what_was_told_is_asked_again_once_it_is_old(
    workers: list[Knowing], provider: OpenMeteo, database: Database
) -> None:
    one, other = workers
    assert (await one.of(WEATHER, LIMA)).answer["temperature"] == 26
    provider.weather = {"temperature_2m": 9}
    assert (await other.of(WEATHER, LIMA)).answer["temperature"] == 26, "told by the one, half an hour at most"
    await forget(database)
    assert (await replace(other).of(WEATHER, LIMA)).answer["temperature"] == 9
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("503", Reason.NO_ANSWER),
        ("429", Reason.NO_ANSWER),
        ("400", Reason.SAID_NO),
        ("html", Reason.UNLIKE_DECLARED),
        ("text", Reason.UNLIKE_DECLARED),
    ],
)
async def test_a_provider_that_fails_is_as_declared_otherwise_and_asked_once_a_while(
    workers: list[Knowing], provider: OpenMeteo, database: Database, fault: str, reason: Reason
) -> None:
    provider.fault = fault
    for each in (*workers, *workers):
        known = await each.of(WEATHER, LIMA)
        assert (known.answer["temperature"], known.reason) == (26, reason)
    assert len(provider.asked) == 1, "the failure is known, too"
    (told,) = await stopped(database)
    assert told.provider == "context weather", "operators see it where they see providers"
    assert "12" not in told.reason
    provider.fault = ""
    await forget(database)
    fresh = replace(workers[0])
    assert (await fresh.of(WEATHER, LIMA)).reason is None
    assert await stopped(database) == []


async def test_who_is_too_slow_is_waited_for_no_longer_than_declared(workers: list[Knowing], provider: OpenMeteo) -> None:
    provider.slow = 30
    began = time.monotonic()
    found = await asyncio.gather(*(each.of(WEATHER, LIMA) for each in workers for _ in range(5)))
    assert {known.reason for known in found} == {Reason.NO_ANSWER}
    assert 0.5 <= time.monotonic() - began < 5, "half a second is declared"
    assert len(provider.asked) == 1


async def test_a_worker_that_dies_while_it_asks_keeps_the_others_for_a_moment_only(
    workers: list[Knowing], provider: OpenMeteo, database: Database
) -> None:
    one, other = workers
    provider.slow = 0.3
    dying = asyncio.create_task(one.of(WEATHER, LIMA))
    await asyncio.sleep(0.1)
    for task in one._asking.values():
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    assert (await other.of(WEATHER, LIMA)).reason is None, "it asks itself"
    await database.pool.execute("truncate context_answer")
    await database.pool.execute(
        "insert into context_answer (context, declared, place, until, asking)"
        " values ('weather', $1, 'latitude=-12.0&longitude=-77.0', '-infinity', clock_timestamp() + interval '1 minute')",
        WEATHER.digest,
    )
    assert (await replace(other).of(WEATHER, LIMA)).reason is Reason.NO_ANSWER, "killed outright: as declared meanwhile"


async def test_a_provider_that_fails_everywhere_is_left_alone(workers: list[Knowing], provider: OpenMeteo) -> None:
    provider.fault = "503"
    for latitude in range(30):
        await workers[0].of(WEATHER, {"address": {"latitude": latitude, "longitude": 0}})
    assert len(provider.asked) == breaker.LEAST, "after so many failures nobody asks for a while"


async def test_who_is_nowhere_is_as_declared_otherwise_and_nobody_is_asked(workers: list[Knowing], provider: OpenMeteo) -> None:
    nowhere: list[dict[str, Any]] = [{}, {"address": {"latitude": "x" * 200, "longitude": 1}}, {"address": {"latitude": True}}]
    for traits in nowhere:
        assert (await workers[0].of(WEATHER, traits)).reason is Reason.NO_PLACE
    assert provider.asked == []


async def test_a_place_of_the_companys_own_stands_for_its_name(workers: list[Knowing], provider: OpenMeteo) -> None:
    cities = weather_by_open_meteo(by=["address.city"], places={"Lima": (-12.05, -77.04)}, otherwise=WARM)
    assert (await workers[0].of(cities, {"address": {"city": " lima "}})).reason is None
    assert (await workers[0].of(cities, {"address": {"city": "Cusco"}})).reason is Reason.NO_PLACE
    assert [(each["latitude"], each["longitude"]) for each in provider.asked] == [("-12.05", "-77.04")]


async def test_another_declaration_asks_anew(workers: list[Knowing], provider: OpenMeteo) -> None:
    await workers[0].of(WEATHER, LIMA)
    other: Context[Weather] = replace(WEATHER, asks={"current": "temperature_2m"})
    await workers[0].of(other, LIMA)
    assert [each["current"].count(",") for each in provider.asked] == [5, 0]


async def test_a_key_stands_in_the_setting_and_an_address_inside_is_not_asked(database: Database, provider: OpenMeteo) -> None:
    keyed = where_of('{"weather": {"url": "%s", "query": {"apikey": "s3cret"}}}' % provider.url)  # noqa: UP031 - JSON's braces
    assert "s3cret" not in repr(keyed)
    http = guarded_client(timedelta(seconds=5), LOOPBACK)
    assert (await Knowing(database, Providers(keyed, http)).of(WEATHER, LIMA)).reason is None
    assert provider.asked[-1]["apikey"] == "s3cret"
    await http.aclose()
    closed = guarded_client(timedelta(seconds=5))
    assert (await Knowing(database, Providers(keyed, closed)).of(WEATHER, FAR)).reason is Reason.SAID_NO
    await closed.aclose()
    for wrong in ('{"weather": {"url": "ftp://x"}}', '{"weather": {"url": "https://x/?key=s3cret"}}', '{"weather": 1}', "["):
        with pytest.raises(ValueError, match=r"weather|JSON") as told:
            where_of(wrong)
        assert "s3cret" not in str(told.value)
