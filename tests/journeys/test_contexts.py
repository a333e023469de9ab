"""PRO-12, SEG-09 and GOV-09 by a provider, on the real stack: whether a message goes, and what it says, is by the weather."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from store import Database
from tests.activities.contexts.open_meteo import OpenMeteo, open_meteo
from tests.journeys.test_history import history
from tests.journeys.test_waiting import begin
from workers.testing.shop import Shop, open_shop

COAST, HILLS = {"latitude": -12.04637, "longitude": -77.04279}, {"latitude": -13.53195, "longitude": -71.96746}


@pytest.fixture
async def provider() -> AsyncIterator[OpenMeteo]:
    async with open_meteo() as made:
        yield made


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path, provider: OpenMeteo) -> AsyncIterator[Shop]:
    where = SecretStr('{"weather": {"url": "%s"}}' % provider.url)  # noqa: UP031 - JSON's braces
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="weather_catalogue", contexts=where) as opened:
        yield opened


async def test_seg_09_gov_09_no_coat_where_a_provider_says_26_degrees_and_the_reason_is_climate(
    shop: Shop, provider: OpenMeteo
) -> None:
    await shop.signs_up("ana", home=COAST)
    await shop.does("ana", "Coat Viewed")
    await shop.look()
    (run,) = await shop.runs("winter_coat")
    await shop.over(run)
    (message,) = await shop.messages(run)
    assert (message.state, message.reason, message.detail["because"]) == ("skipped", "does not suit where they are", "climate")
    assert message.detail["context"]["weather"]["temperature"] == 26
    assert shop.sandbox.messages == []
    seen = await history(shop, run)
    for personal in ("-12.", "-77.", "latitude"):
        assert personal not in seen.text
    told = (await shop.operate("GET", f"/v1/runs/{run.id}")).json()["timeline"][0]
    assert told["detail"]["because"] == "climate"
    story = (await shop.operate("GET", f"/v1/runs/{run.id}/story")).json()
    assert any("climate" in each["what"] for each in story["happened"])


async def test_seg_09_where_it_is_cold_the_coat_goes(shop: Shop, provider: OpenMeteo) -> None:
    provider.weather = {"temperature_2m": 4.0}
    await shop.signs_up("ana", home=HILLS)
    await shop.does("ana", "Coat Viewed")
    await shop.look()
    (run,) = await shop.runs("winter_coat")
    await shop.over(run)
    assert [message.title for message in shop.sandbox.messages] == ["winter coat"]
    (message,) = await shop.messages(run)
    assert message.detail["context"]["weather"]["temperature"] == 4, "by which it went"


@pytest.mark.parametrize(
    ("rain", "fault", "title"),
    [(2.5, "", "Stay in: 2.5 mm"), (0.0, "", "Go out"), (2.5, "503", "Go out"), (2.5, "html", "Go out")],
)
async def test_pro_12_given_rain_at_send_time_its_variant_goes_and_the_declared_one_where_the_provider_is_down(
    shop: Shop, provider: OpenMeteo, rain: float, fault: str, title: str
) -> None:
    provider.weather, provider.fault = {"temperature_2m": 18.0, "rain": rain}, fault
    await shop.signs_up("ana", home=COAST)
    run = await begin(shop, "evening")
    await shop.over(run)
    assert [message.title for message in shop.sandbox.messages] == [title]
    if fault:
        down = (await shop.operate("GET", "/v1/providers")).json()["stopped"]
        assert [each["provider"] for each in down] == ["context weather"]


async def test_pro_12_a_journey_goes_the_way_of_the_weather_and_its_history_keeps_the_answer_and_no_place(
    shop: Shop, provider: OpenMeteo
) -> None:
    provider.weather = {"temperature_2m": 18.25, "rain": 2.5}
    await shop.signs_up("ana", home=COAST)
    run = await begin(shop, "morning")
    await shop.over(run)
    assert [message.title for message in shop.sandbox.messages] == ["umbrella"]
    seen = await history(shop, run)
    assert seen.events.count("ACTIVITY_TASK_SCHEDULED") == 1, "the push; the question costs a line"
    assert "18.25" in seen.text
    for place in ("-12.", "-77.", "latitude", "openmeteo", "127.0.0.1"):
        assert place not in seen.text


async def test_a_run_whose_provider_is_slow_goes_on_by_what_is_declared(shop: Shop, provider: OpenMeteo) -> None:
    provider.slow = 20
    await shop.signs_up("ana", home=COAST)
    run = await begin(shop, "morning")
    await shop.over(run)
    assert [message.title for message in shop.sandbox.messages] == ["good-day"]
