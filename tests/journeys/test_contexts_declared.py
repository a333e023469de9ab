"""Contexts where a catalogue is looked at: what is refused, walked, drawn and told when it changes; nothing is asked for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from weather_catalogue import evening, morning, weather, winter_coat

from journeys import CatalogueError, Context, Journey, Weather, did, journey, open_meteo, prop, trait
from journeys.catalogue import load
from journeys.contracts import Channel, DeliverRequest
from journeys.simulate import SimulationError
from journeys.simulate.trial import LetIn, MadeUp, TrialRun, play
from journeys.walk.declared import of_context, said
from journeys.walk.explore import explore
from journeys.walk.graph import graph_of
from journeys.walk.seen import look_through
from workers.definitions import examine


class Words(BaseModel):
    words: str = ""
    count: int = 0


def test_a_journey_is_walked_every_way_that_a_provider_may_answer() -> None:
    ways = {tuple(effect.request.template for effect in path.effects if effect.request) for path in explore(morning).paths}
    assert ways == {("umbrella",), ("walk",), ("good-day",)}, "rain and none, and the provider away"
    assert {path.looked.get("weather.rain", "not looked at") for path in explore(morning).paths} >= {"not looked at"}


def test_the_catalogue_keeps_it_and_its_messages_know_it() -> None:
    assert load("weather_catalogue").contexts == {"weather": weather}
    assert examine("weather_catalogue").problems == ()
    (call,) = look_through(winter_coat).calls.values()
    assert str(call.request.suits) == "weather where temperature is less than 12 (else: climate)"
    found = examine("weather_catalogue").templates
    assert found is not None
    assert found.around(Channel.PUSH, "by-weather") == {"weather"}
    assert found.around(Channel.PUSH, "say") == frozenset()


def test_what_is_unset_is_not_written_so_that_old_histories_look_as_they_did() -> None:
    (call,) = look_through(evening).calls.values()
    assert "suits" not in call.request.model_dump_json()
    (coat,) = look_through(winter_coat).calls.values()
    assert DeliverRequest.model_validate_json(coat.request.model_dump_json()) == coat.request


def test_a_context_that_the_catalogue_does_not_keep_is_told() -> None:
    hidden = open_meteo(otherwise=Weather(temperature=1), name="hidden")

    @journey()
    async def asks(j: Journey) -> None:
        await j.context(hidden)
        await j.push("say", only=weather.where(prop("rain") > 0, because="dry"))

    assert look_through(asks).contexts.keys() == {"hidden", "weather"}


def test_two_contexts_of_one_name_are_refused() -> None:
    other = replace(weather, digits=2)

    @journey()
    async def asks(j: Journey) -> None:
        await j.context(weather)
        await j.context(other)

    assert [problem.text for problem in look_through(asks).problems.values()] == ["two different contexts are called 'weather'"]


def test_free_text_stays_out_of_histories() -> None:
    texts = Context("texts", gives=Words, otherwise=Words(words="x", count=2), url="https://texts.example", by=["address.city"])
    assert texts.known(texts.default) == {"count": 2}

    @journey()
    async def asks(j: Journey) -> None:
        if (await j.context(texts)).value.words == "x":
            await j.push("say")

    (told,) = look_through(asks).problems.values()
    assert "value.words is free text, which stays out of histories" in told.text
    assert "context.texts.words" in told.remedy


def test_what_a_change_of_it_says() -> None:
    other = replace(weather, otherwise=Weather(temperature=5), timeout=timedelta(seconds=1))
    before, after = of_context(weather), of_context(other)
    assert [name for name in before if said(before[name]) != said(after[name])] == ["otherwise", "timeout"]


BY = {"city": "address.city"}
GIVEN = {"gives": Weather, "otherwise": Weather(temperature=1), "url": "https://w.example", "by": BY}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"url": "https://w.example/?key=1"}, "url= is no address without a query"),
        ({"url": "weather"}, "url= is no address"),
        ({"gives": dict}, "gives= is no model"),
        ({"otherwise": None}, "otherwise= is none of what it gives"),
        ({"by": []}, "by= names no traits"),
        ({"by": "address.city"}, "by= names no traits"),
        ({"by": ["email"]}, "tells the provider who it is about: email"),
        ({"by": {"q": "address.street"}}, "tells the provider who it is about: address.street"),
        ({"digits": 3}, "digits= is a number from 0 to 2"),
        ({"cache": timedelta(0)}, "cache= is a minute to a day"),
        ({"timeout": timedelta(minutes=1)}, "timeout= is a tenth of a second to ten seconds"),
        ({"by": ["address.city", "address.country"], "places": {}}, "places= goes with one trait"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(more: dict[str, object], fault: str) -> None:
    with pytest.raises(CatalogueError, match=fault):
        Context("weather", **(GIVEN | more))  # type: ignore[arg-type]
    with pytest.raises(CatalogueError, match="no name for a context"):
        Context("Weather!", **GIVEN)  # type: ignore[arg-type]


def test_a_condition_that_cannot_work_is_refused() -> None:
    for conditions, because, fault in (
        ((), "climate", "says no condition"),
        ((prop("temperature") < 1,), "", "is no reason"),
        ((trait("temperature") < 1,), "climate", "conditions on the event's own properties"),
        ((did("Rain"),), "climate", "conditions on the event's own properties"),
        ((prop("humidity") < 1,), "climate", "weather tells no humidity"),
    ):
        with pytest.raises(CatalogueError, match=fault):
            weather.where(*conditions, because=because)
    both = weather.where((prop("temperature") < 12) | (prop("snowfall") > 0), ~(prop("rain") > 0), because="climate")
    assert both.suits.holds({"temperature": 20, "snowfall": 1, "rain": 0})
    assert not both.suits.holds({"temperature": 20, "snowfall": 1, "rain": 2})


def test_the_graph_draws_it() -> None:
    assert any("context weather" in node.what for node in graph_of(morning).nodes)


def test_a_trial_tells_what_it_is_like_there_and_is_told_of_what_no_context_tells() -> None:
    def steps(**contexts: dict[str, Any]) -> list[str]:
        who = MadeUp(traits={"home": {"latitude": 40.4, "longitude": -3.7}})
        trial = TrialRun(customer=who, start=LetIn(), contexts=contexts)
        return [
            each.step
            for each in play(load("weather_catalogue"), "morning", trial, datetime(2026, 1, 5, 9, tzinfo=UTC)).messages
        ]

    assert steps() == ["push:good-day"]
    assert steps(weather={"temperature": 9, "rain": 2}) == ["push:umbrella"]
    with pytest.raises(SimulationError, match="no context 'wether' in the catalogue; there are: weather"):
        steps(wether={})
    with pytest.raises(SimulationError, match="does not tell such an answer: temperature"):
        steps(weather={"temperature": "warm"})
