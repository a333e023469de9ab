"""Moving people to another version on purpose: previewed, decided by the run itself, with what they wait for."""

from collections.abc import Sequence
from datetime import timedelta

from changing import Changing, changing, folder  # noqa: F401 - fixtures

from store import versions as stored
from store.runs.views import Run
from tests.journeys.test_versions_of_runs import asleep, enter
from workers.moving import Prospect, prospects
from workers.testing.shop import Shop

NOW = timedelta(0)
NOTE, WAIT = "await j.push('note')", "await j.wait(days=3)"
LATER = "await j.push('note')"


async def preview(shop: Shop, runs: Sequence[Run]) -> dict[object, Prospect]:
    library = shop.parts.library
    found = await stored.in_journey(shop.database, "greets", library.archive.id)
    told = await prospects(shop.client, shop.clock, library, "greets", library.archive.id, found)
    return {each.run.id: each for each in told}


async def moved(shop: Shop, runs: Sequence[Run]) -> dict[object, tuple[str | None, str | None]]:
    """The version of each run, and why it stayed, after all were asked to move to the newest."""
    newest = shop.parts.library.archive.id
    await stored.ask_to_move(shop.database, [run.id for run in runs], newest)
    mover = shop.parts.watch.dispatcher.mover
    await mover.move(NOW)
    decided = 0
    while decided < len(runs):
        decided += await mover.move(NOW)
    rows = await shop.database.pool.fetch("select id, version, move_refused from run")
    return {row["id"]: (row["version"], row["move_refused"]) for row in rows}


async def test_people_go_on_with_the_new_steps_from_where_they_stand(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(NOTE, WAIT, LATER)
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        for run in runs:
            await asleep(shop, run)
    changing.becomes(NOTE, "await j.wait(days=1)", LATER, "await j.wait(days=1)", LATER)
    async with changing.served():
        told = await preview(shop, runs)
        ana = told[runs[0].id]
        assert (ana.now.stands, ana.now.message, ana.then.stands) == ("wait 3 d", "push note", "wait 1 d")
        assert ana.now.at is not None
        assert ana.then.at is not None
        assert ana.now.at - ana.then.at == timedelta(days=2)
        newest = shop.parts.library.archive.id
        assert await moved(shop, runs) == {run.id: (newest, None) for run in runs}
        over = await shop.over(runs[0])
        assert over.sent == 3
        due = [message.due_at for message in await shop.messages(runs[0])]
        assert timedelta(days=1) - timedelta(minutes=5) < due[1] - due[0] < timedelta(days=1) + timedelta(minutes=5)


async def test_whoever_has_done_what_the_new_steps_would_not_have_done_stays(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(NOTE, WAIT, LATER)
    async with changing.served():
        ana = await enter(shop, "ana")
        await asleep(shop, ana)
    changing.becomes("await j.reached()", NOTE, WAIT, LATER)
    async with changing.served():
        why = "at its beginning the run did push note; the code does reached"
        assert (await preview(shop, [ana]))[ana.id].then.why_not == why
        assert await moved(shop, [ana]) == {ana.id: (ana.version, why)}
        assert (await shop.over(ana)).sent == 2
    changing.becomes("if j.changed('asks-first'):", "    await j.reached()", NOTE, "await j.wait(days=1)", LATER)
    async with changing.served():
        eva = await enter(shop, "eva")
        await asleep(shop, eva)
        history = await shop.workflow(eva).fetch_history()
        assert any("reached" in str(event) for event in history.events), "who begins now has the change"


async def test_a_change_lets_people_go_on_who_began_before_it(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(NOTE, WAIT, LATER)
    async with changing.served():
        ana = await enter(shop, "ana")
        await asleep(shop, ana)
    changing.becomes("if j.changed('asks-first'):", "    await j.reached()", NOTE, "await j.wait(days=1)", LATER, LATER)
    async with changing.served():
        newest = shop.parts.library.archive.id
        assert await moved(shop, [ana]) == {ana.id: (newest, None)}
        assert (await shop.over(ana)).sent == 3


async def test_a_wait_for_somebody_is_the_one_of_the_new_version(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes("await j.wait_for(did('Product Viewed'), timeout=days(30))", NOTE)
    async with changing.served():
        ana = await enter(shop, "ana")
        await asleep(shop, ana)
    changing.becomes("await j.wait_for(did('Product Added'), timeout=days(30))", NOTE)
    async with changing.served():
        newest = shop.parts.library.archive.id
        assert await moved(shop, [ana]) == {ana.id: (newest, None)}
        await asleep(shop, ana)
        await shop.does("ana", "Product Viewed", ana.entered_at + timedelta(minutes=5))
        await shop.look()
        assert await shop.messages(ana) == []
        await shop.does("ana", "Product Added", ana.entered_at + timedelta(minutes=6))
        await shop.look()
        assert (await shop.workflow(ana).result()).sent == 1
