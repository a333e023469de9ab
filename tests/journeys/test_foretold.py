"""What a prediction says, asked by a journey without a server: simulated by what events say, walked every way."""

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from journeys import BestChannel, Journey, did, journey
from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Purpose
from journeys.simulate import World
from journeys.simulate.run import Run
from journeys.walk.explore import explore
from segments.facts import Event
from segments.language.events import CROSSED_EVENT

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDERED = did("Order Completed")
BEST = BestChannel("best-channel", of=ORDERED, channels=("push", "whatsapp"))


@journey(goal=ORDERED)
async def best(j: Journey) -> None:
    told = await j.foretold(BEST)
    risk = await j.foretold("churn")
    if told.label == "whatsapp":
        await j.whatsapp("hello")
    elif risk and (risk.score or 0) > 0.5:
        await j.email("hello")
    else:
        await j.push("hello")


def sent(*said: tuple[datetime, str, dict[str, Any]]) -> list[str]:
    """By which channels the journey sends to who has these events."""
    world = World(Catalogue("here", MappingProxyType({best.name: best}), MappingProxyType({})), MONDAY)
    ana = world.join("ana")
    for channel in Channel:
        ana.reached_at(channel, "ana", MONDAY)
        ana.said(channel, "granted", (Purpose.MARKETING,), MONDAY)
    world.changed(ana, frozenset(), new=True)
    for n, (at, of, properties) in enumerate(said):
        ana.events.setdefault(CROSSED_EVENT + of, []).append(Event(CROSSED_EVENT + of, at, properties, str(n)))
    run = world.begin(best.name, ana)
    assert isinstance(run, Run)
    list(world.passes(MONDAY + 30 * HOUR))
    return [message.request.channel.value for message in run.messages]


def test_a_simulated_run_hears_the_newest_event_and_nothing_where_there_is_none() -> None:
    model = {"version": 3, "as_of": "2026-01-04T00:00:00+00:00"}
    push = (MONDAY - 2 * HOUR, "best-channel", {"kind": "push", "was": None} | model)
    whatsapp = (MONDAY - HOUR, "best-channel", {"kind": "whatsapp", "was": "push"} | model)
    out = (MONDAY - HOUR / 2, "best-channel", {"kind": None, "was": "whatsapp"} | model)
    at_risk = (MONDAY - HOUR, "churn:0.7:0.5", {"over": True, "score": 0.8} | model)
    assert sent() == sent(push) == ["push"]
    assert sent(push, whatsapp) == ["whatsapp"]
    assert sent(push, whatsapp, out) == ["push"]
    assert sent(at_risk) == ["email"]
    assert sent(at_risk, (MONDAY + HOUR, "best-channel", {"kind": "whatsapp"} | model)) == ["email"], "not before its time"


def test_a_walk_goes_each_way() -> None:
    explored = explore(best)
    assert explored.complete
    said = {effect.what for path in explored.paths for effect in path.effects if effect.kind == "message"}
    assert said == {"whatsapp hello", "email hello", "push hello"}
    asked = {effect.answer for path in explored.paths for effect in path.effects if effect.kind == "question"}
    assert asked == {"nothing", "push", "whatsapp", "low", "high"}
