"""What it is like where customers are: the same tests on the simulator and, with `--journeys-on temporal`, on real servers."""

import pytest

from journeys import Weather
from workers.testing import Rehearsal

LIMA, CUSCO = {"latitude": -12.04637, "longitude": -77.04279}, {"latitude": -13.53195, "longitude": -71.96746}


@pytest.fixture
def journeys_catalogue() -> str:
    return "weather_catalogue"


def test_a_message_goes_only_where_the_weather_suits_it(shop: Rehearsal) -> None:
    coast, hills, nowhere = shop.customer("coast", home=LIMA), shop.customer("hills", home=CUSCO), shop.customer("nowhere")
    shop.context("weather").tells(Weather(temperature=26), at={"latitude": -12.0})
    shop.context("weather").tells(Weather(temperature=4), at={"latitude": -13.5, "longitude": -72.0})
    for each in (coast, hills, nowhere):
        each.does("Coat Viewed")
    shop.passes(hours=2)
    assert hills.got("push:say")
    assert coast.missed("push:say", because="does not suit where they are")
    assert nowhere.missed("push:say", because="does not suit where they are"), "as declared otherwise"


def test_a_journey_goes_another_way_where_it_rains(shop: Rehearsal) -> None:
    wet, dry, away = (shop.customer(name, home=home) for name, home in (("wet", LIMA), ("dry", CUSCO), ("away", {})))
    shop.context("weather").tells({"temperature_2m": 19, "rain": 1.5}, at={"latitude": -12.0})
    shop.context("weather").tells(Weather(temperature=19), at={"latitude": -13.5})
    for each in (wet, dry, away):
        shop.starts("morning", each)
    shop.passes(minutes=1)
    assert [each.inbox for each in (wet, dry, away)] == [["push:umbrella"], ["push:walk"], ["push:good-day"]]
    shop.context("weather").is_away()
    shop.starts("morning", wet)
    shop.passes(minutes=1)
    assert wet.inbox == ["push:umbrella", "push:good-day"]


def test_a_context_that_is_not_declared_is_told_with_those_that_are(shop: Rehearsal) -> None:
    with pytest.raises(ValueError, match="weather"):
        shop.context("wether")
