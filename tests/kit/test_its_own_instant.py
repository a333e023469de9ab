"""What a journey says, hears and leaves counts at its own instant: the same on either runtime."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from journeys.catalogue import load
from workers.testing import Rehearsal

NAME = "instants_catalogue"
SOURCE = '''
"""Journeys that ask at once of what was just so."""
from datetime import timedelta

from journeys import Journey, after, did, journey


@journey(reentry=after(minutes=0))
async def breaks_off(j: Journey) -> None:
    """One branch speaks alone; the other one raises, after an hour or in the end."""

    async def fails() -> None:
        await j.wait(hours=1, minutes=5)
        if not await j.reached(did("All Is Well")):
            raise ValueError

    async def alone() -> None:
        async with j.hold_others():
            await j.wait(hours=8)

    async def within() -> None:
        await j.together(alone())

    try:
        await j.together(fails(), within())
    except ValueError:
        await j.wait(hours=5)


@journey(reentry=after(minutes=0))
async def promotes(j: Journey) -> None:
    await j.push("a")


@journey(reentry=after(minutes=0), goal=did("Order Completed"))
async def orders(j: Journey) -> None:
    await j.wait(hours=1)
    await j.track("Order Completed")
    await j.push("a")


@journey(reentry=after(minutes=0))
async def asks_at_once(j: Journey) -> None:
    if await j.reached(did("Told")):
        await j.push("b")
    await j.track("Told")
    if await j.reached(did("Told")):
        await j.push("a")


@journey(reentry=after(minutes=0))
async def counts(j: Journey) -> None:
    """Two of one event, the second after the first."""
    if await j.wait_for(did("Visited"), timeout=timedelta(hours=6)):
        await j.push("a")
    if await j.wait_for(did("Visited"), since=j.now, timeout=timedelta(hours=6)):
        await j.push("b")


@journey(reentry=after(minutes=0))
async def tells_before_it_asks(j: Journey) -> None:
    """What it has said itself is behind it, and what it says then is not."""
    await j.track("Told")
    began = j.now
    if await j.wait_for(did("Told"), since=began, timeout=timedelta(hours=1)):
        await j.push("b")
    began = j.now
    await j.track("Told")
    if await j.wait_for(did("Told"), since=began, timeout=timedelta(hours=1)):
        await j.push("a")
'''


@pytest.fixture
def journeys_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    for template in ("a", "b"):
        (folder / f"{template}.push.yaml").write_text("title: Hi\nbody: there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield NAME
    load.cache_clear()
    sys.modules.pop(NAME, None)


def test_who_is_held_by_a_branch_is_let_go_when_another_ends_it(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    for who in (ana, bea):
        shop.starts("breaks_off", who)
    shop.passes(minutes=30)
    bea.does("All Is Well")
    for who in (ana, bea):
        shop.starts("promotes", who)
    shop.passes(minutes=10)
    assert ana.awaits("push:a", because="held by another journey")
    shop.passes(hours=2, minutes=30)
    assert ana.inbox == ["push:a"]
    assert ana.waits("breaks_off")
    assert bea.awaits("push:a", because="held by another journey")
    shop.passes(hours=6)
    assert bea.inbox == ["push:a"]
    assert ana.left("breaks_off", "finished")


def test_what_a_journey_says_can_be_its_goal_before_its_next_message(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("orders", ana)
    shop.passes(hours=2)
    assert ana.missed("push:a", "goal reached")
    assert ana.left("orders", "goal reached")


def test_what_a_journey_has_said_is_so_when_it_asks_at_once(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("asks_at_once", ana)
    shop.passes(minutes=5)
    assert ana.inbox == ["push:a"]


def test_since_now_waits_for_the_next_and_not_for_what_has_just_been_heard(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("counts", ana)
    shop.passes(hours=1)
    ana.does("Visited")
    shop.passes(hours=2)
    assert ana.inbox == ["push:a"]
    assert ana.waits("counts")
    ana.does("Visited")
    shop.passes(minutes=5)
    assert ana.inbox == ["push:a", "push:b"]


def test_what_was_heard_by_a_clock_that_is_ahead_does_not_count_again(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("counts", ana)
    shop.passes(hours=1)
    ana.does("Visited", at=shop.now + timedelta(minutes=4))
    shop.passes(hours=2)
    assert ana.inbox == ["push:a"]
    ana.does("Visited")
    shop.passes(minutes=5)
    assert ana.inbox == ["push:a", "push:b"]


def test_since_an_instant_counts_what_the_journey_says_after_it(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("tells_before_it_asks", ana)
    shop.passes(hours=3)
    assert ana.inbox == ["push:a"]
