"""What people of other companies ran into with catalogues of their own: the same on either runtime."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from journeys.catalogue import load
from journeys.errors import InvalidParams
from workers.testing import Rehearsal
from workers.testing.served import served
from workers.testing.servers import Servers

NAME = "stage_catalogue"
SOURCE = '''
"""Journeys of a company, each with what surprised its author."""
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from journeys import Id, Journey, journey, once, per_key, restart, whenever
from segments import Segment, did, prop, trait


class Refill(BaseModel):
    rx_id: str
    kind: Literal["chronic", "acute"]


@journey(entry=Segment("refills", did("Refill Due")), reentry=per_key("rx_id"))
async def refill(j: Journey[Refill]) -> None:
    await j.push("a")
    await j.wait(days=5)


@journey(entry=Segment("visitors", did("Visited")), reentry=once())
async def upgrades(j: Journey) -> None:
    await j.set_traits(tier="gold")
    await j.push("a" if await j.reached(trait("tier") == "gold") else "b")


@journey(entry=Segment("guests", did("Knocked")), reentry=once())
async def hears(j: Journey) -> None:
    await j.set_traits(tier="gold")
    waited = await j.wait_for(trait("tier") == "gold", timeout=timedelta(hours=1))
    await j.push("a" if waited else "b")


@journey(entry=Segment("seekers", did("Asked")), reentry=restart(), capacity=1, max_wait=timedelta(days=3))
async def advice(j: Journey) -> None:
    await j.wait(hours=8)
    await j.push("a")
    await j.wait(minutes=30)


class Tone(BaseModel):
    tone: Literal["warm", "plain"] = "warm"
    note: str = "from the model"


@journey(entry=Segment("callers", did("Called")), params=Tone, reentry=once())
async def by_default(j: Journey) -> None:
    await j.push("c" if j.params.tone == "warm" else "b")


@journey(entry=Segment("ringers", did("Rang")), reentry=whenever())
async def ping(j: Journey) -> None:
    await j.wait(minutes=1)
    if not await j.start("pong"):
        await j.push("a")


@journey(reentry=whenever())
async def pong(j: Journey) -> None:
    await j.wait(minutes=1)
    if not await j.start("ping"):
        await j.push("b")


class Shipment(BaseModel):
    order_id: Id
    parcel: UUID


@journey(entry=Segment("shipped", did("Order Shipped")), reentry=per_key("order_id"))
async def arrives(j: Journey[Shipment]) -> None:
    same = prop("order_id") == j.entry.order_id, prop("parcel") == j.entry.parcel
    came = await j.wait_for(did("Parcel Delivered").where(*same), timeout=timedelta(days=5))
    await j.push("a" if came else "b")


class Hurried(BaseModel):
    hours: int


@journey(entry=Segment("hasty", did("Hurried")), reentry=once())
async def late(j: Journey[Hurried]) -> None:
    await j.wait(hours=j.entry.hours)
    await j.push("a")
    await j.wait(days=j.entry.hours)
    await j.push("b")


@journey(entry=Segment("shoppers", did("Shopped")), exits={"campaign over": datetime(2199, 3, 1, tzinfo=UTC)}, reentry=once())
async def campaign(j: Journey) -> None:
    await j.push("a")


@journey(entry=Segment("gold", trait("tier") == "gold"), reentry=once())
async def is_gold(j: Journey) -> None:
    await j.push("b")
'''


@pytest.fixture
def journeys_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    for template in ("a", "b"):
        (folder / f"{template}.push.yaml").write_text("title: Hi\nbody: there\n")
    (folder / "c.push.yaml").write_text("params: [note]\ntitle: Hi\nbody: '{{ params.note }}'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield NAME
    load.cache_clear()
    sys.modules.pop(NAME, None)


def test_a_journey_sees_the_trait_that_it_has_just_set_and_its_segments_see_it_too(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    ana.does("Visited")
    bea.does("Knocked")
    shop.passes(minutes=5)
    for who in (ana, bea):
        assert sorted(who.inbox) == ["push:a", "push:b"]
        assert who.entered("is_gold", times=1)


def test_ids_tell_which_parcel_came_and_what_is_no_id_lets_nobody_in(shop: Rehearsal) -> None:
    parcel, other = "0e984725-c51c-4bf4-9960-e1c80e27aba0", "1e984725-c51c-4bf4-9960-e1c80e27aba1"
    ana, bea, eva = (shop.customer(name) for name in ("ana", "bea", "eva"))
    ana.does("Order Shipped", order_id="o-1001", parcel=parcel)
    bea.does("Order Shipped", order_id="o-1002", parcel=other)
    eva.does("Order Shipped", order_id="eva@example.org", parcel=other)
    shop.passes(days=1)
    ana.does("Parcel Delivered", order_id="o-1001", parcel=parcel)
    bea.does("Parcel Delivered", order_id="o-1002", parcel=parcel)
    shop.passes(days=5)
    assert (ana.inbox, bea.inbox, eva.inbox) == (["push:a"], ["push:b"], [])
    assert eva.was_refused("arrives", because="event not as declared")


def test_a_circle_of_starts_comes_to_an_end_and_turns_again_a_day_later(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    for days in (1, 2):
        ana.does("Rang")
        shop.passes(hours=25)
        assert (len(ana.runs), sum(run.journey == "ping" for run in ana.runs)) == (51 * days, 26 * days)
        assert ana.inbox == ["push:a"] * days
        assert ana.was_refused("pong", because="started too often by journeys")
    assert not bea.runs


def test_a_wait_that_is_worked_out_below_nothing_is_over_at_once(shop: Rehearsal) -> None:
    """`check` refuses it; one that no path shows must not stop a run."""
    ana = shop.customer("ana")
    ana.does("Hurried", hours=-2)
    shop.passes(minutes=5)
    assert ana.inbox == ["push:a", "push:b"]
    assert ana.left("late", "finished")


def test_what_is_malformed_is_refused_also_beside_a_run_of_another_key(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Refill Due", rx_id="rx-1", kind="chronic")
    ana.does("Refill Due", rx_id="rx-1", kind="acute")
    assert not ana.was_refused("refill"), "a further event of what she is in already"
    ana.does("Refill Due", rx_id="rx-2", kind="purple")
    assert ana.was_refused("refill", because="event not as declared")
    assert ana.entered("refill", times=1)


def test_a_start_brings_what_the_model_of_the_entering_event_says(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    with pytest.raises(InvalidParams, match="/entry/kind: Field required"):
        shop.starts("refill", ana, key="rx-1", entry={"rx_id": "rx-1"})
    shop.starts("refill", ana, key="rx-1", entry={"rx_id": "rx-1", "kind": "chronic"})
    shop.passes(minutes=1)
    assert ana.inbox == ["push:a"]


def test_who_enters_by_the_segment_gets_the_defaults_of_the_parameters(shop: Rehearsal) -> None:
    gets_the_defaults(shop)


def test_who_stands_in_line_has_not_entered_and_is_let_in_at_the_instant_at_which_there_is_room(shop: Rehearsal) -> None:
    stands_in_line(shop)


def test_the_line_moves_and_defaults_are_given_on_servers_too_though_they_are_slow_to_take_up_runs(
    journeys_catalogue: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SimpleNamespace(now=lambda zone: datetime.now(zone) - timedelta(seconds=40))
    monkeypatch.setattr("workers.testing.on_time.datetime", slow)  # each run begins so much later than it was let in
    with served(servers, journeys_catalogue, tmp_path) as stage:
        stands_in_line(Rehearsal(stage))
        gets_the_defaults(Rehearsal(stage))
        walks_a_campaign(Rehearsal(stage))
        with pytest.raises(AssertionError, match="nobody waits for this task: called of eva"):
            stage._portal.call(stage._complete, "eva", "called", {"outcome": None, "values": {}})


def test_a_journey_may_end_at_an_instant_on_either_runtime(shop: Rehearsal) -> None:
    """In the sandbox of the servers `datetime` is no class of Python's."""
    walks_a_campaign(shop)


def walks_a_campaign(shop: Rehearsal) -> None:
    fay = shop.customer("fay")
    fay.does("Shopped")
    assert fay.got("push:a")
    assert fay.left("campaign", "finished")


def gets_the_defaults(shop: Rehearsal) -> None:
    eva = shop.customer("eva")
    eva.does("Called")
    assert eva.got("push:c")
    assert eva.left("by_default", "finished")


def stands_in_line(shop: Rehearsal) -> None:
    ana, bea, cyd = people = [shop.customer(name) for name in ("ana", "bea", "cyd")]
    asked = shop.now
    for who in people:
        who.does("Asked")
        shop.passes(minutes=10)
    assert ana.entered("advice")
    assert ana.waits("advice")
    assert not ana.waits_to_enter("advice")
    assert not bea.entered("advice")
    assert not bea.waits("advice")
    assert repr(bea.waits_to_enter("advice")).startswith("bea stands in line for advice until Thu ")
    shop.passes(hours=24, minutes=45)
    for n, who in enumerate(people):
        assert who.got("push:a", at=asked + timedelta(hours=8 + 8.5 * n))
    assert "stands in line" not in shop.story()
    assert cyd.runs[-1].waiting
    shop.passes(hours=1)
    assert cyd.left("advice", "finished")
    assert cyd.runs[-1].waiting is None
