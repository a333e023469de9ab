"""Moving people to another version on purpose: previewed, decided by the run itself, with what they wait for."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from changing import NAME, Changing, changing, folder  # noqa: F401 - fixtures

from journeys import Journey, journey
from journeys.contracts import Done, RunStart
from journeys.handle.branch import Branch
from journeys.walk.again import WAITED, unlike
from segments import did
from store import versions as stored
from store.runs.views import Run
from tests.command_line import Finished, journeys
from tests.journeys.test_versions_of_runs import asleep, enter
from workers.moving import Prospect, prospects
from workers.testing.shop import Shop

NOW = timedelta(0)
NOTE, WAIT = "await j.push('note')", "await j.wait(days=3)"
LATER = "await j.push('note')"
FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)


async def preview(shop: Shop, runs: Sequence[Run]) -> dict[object, Prospect]:
    library = shop.parts.library
    found = await stored.in_journey(shop.database, "greets", library.archive.id)
    told = await prospects(shop.client, shop.clock, library, "greets", library.archive.id, found)
    return {each.run.id: each for each in told}


async def moved(shop: Shop, runs: Sequence[Run]) -> dict[object, tuple[str | None, str | None]]:
    """The version of each run, and why it stayed, after all were asked to move to the newest."""
    newest = shop.parts.library.archive.id
    await stored.ask_to_move(shop.database, [run.id for run in runs], newest)
    await shop.parts.watch.dispatcher.mover.move(NOW)
    return await decided(shop, len(runs))


async def decided(shop: Shop, count: int) -> dict[object, tuple[str | None, str | None]]:
    """The same, as soon as so many have decided who were asked."""
    mover = shop.parts.watch.dispatcher.mover
    async with asyncio.timeout(60):
        while count > 0:
            count -= await mover.move(NOW)
    rows = await shop.database.pool.fetch("select id, version, move_refused from run")
    return {row["id"]: (row["version"], row["move_refused"]) for row in rows}


def test_who_was_let_go_when_a_branch_raised_can_be_moved() -> None:
    @journey()
    async def breaks_off(j: Journey) -> None:
        async def fails() -> None:
            await j.wait(hours=1)
            raise ValueError

        async def alone() -> None:
            async with j.hold_others():
                await j.wait(hours=8)

        try:
            await j.together(fails(), alone())
        except ValueError:
            await j.wait(hours=5)
            await j.push("note")

    start = RunStart(run_id=uuid4(), customer_id=uuid4(), entered_at=FIRST, started_at=FIRST)
    first, second = Branch().fork(["fails", "alone"])
    did = [("hold other journeys", second.code, True), (WAITED, first.code, None), ("release other journeys", None, True)]
    past = [Done(at=FIRST), *(Done(at=FIRST, what=what, branch=code, answer=came) for what, code, came in did)]
    for n in (3, 4):
        assert unlike(breaks_off, start.model_copy(update={"past": past[:n]})) is None
    assert unlike(breaks_off, start.model_copy(update={"past": [*past[:3], Done(at=FIRST, what="email a")]}))


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


def test_whoever_was_asked_in_other_words_goes_on() -> None:
    """A predicate may be mended under those who have answered it."""
    before = Done(at=FIRST), Done(at=FIRST, answer=False, what="reached"), Done(at=FIRST, what="a wait")
    start = RunStart(run_id=uuid4(), customer_id=uuid4(), entered_at=FIRST, started_at=FIRST, past=list(before))

    async def asks(j: Journey) -> None:
        await j.reached(did("Order Completed").at_least(2))
        await j.wait(days=1)

    assert unlike(journey()(asks), start) is None


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


async def test_a_version_that_is_refused_or_gone_keeps_nobody_from_going_on(changing: Changing) -> None:  # noqa: F811 - the fixture
    """Decided once, whatever a worker holds that goes through the history later; what is no version is not heard at all."""
    shop = changing.shop
    changing.becomes(NOTE, WAIT, LATER)
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        for run in runs:
            await asleep(shop, run)
        for span in ("days=1", "days=2"):
            changing.becomes(NOTE, f"await j.wait({span})", LATER)
            await another_version(changing)
        refused, gone = [row["id"] for row in await shop.database.pool.fetch(NEWER, runs[0].version)]
        await shop.database.pool.execute("update catalogue_version set signature = 'x' where id = $1", refused)
        for run, to in zip(runs, (refused, gone), strict=True):
            await shop.workflow(run).signal("heard", {"heard": "go on", "version": "<b>mine</b>", "number": 7})
            await stored.ask_to_move(shop.database, [run.id], to)
        await shop.database.pool.execute("delete from catalogue_version where id = $1", gone)
        await shop.parts.watch.dispatcher.mover.move(NOW)
        stay = await decided(shop, 2)
        assert [stay[run.id][0] for run in runs] == [run.version for run in runs]
        assert f"version {refused} of the catalogue is refused" in str(stay[runs[0].id][1])
        assert stay[runs[1].id][1] == f"version {gone} of the catalogue does not stand in Postgres; deploy it again"
        for path in (f"/v1/runs/{runs[0].id}", "/v1/runs"):
            assert f"version {refused} of the catalogue is refused" in (await shop.operate("GET", path)).text
        assert f"stays: version {gone}" in " ".join((await shown(changing, runs[1])).split())
        assert [(await shop.over(run)).sent for run in runs] == [2, 2]
        assert "mine" not in str((await shop.workflow(runs[0]).describe()).raw_description)


#: Those that were deployed after a version, oldest first.
NEWER = "select id from catalogue_version where id <> $1 order by deployed_at"


async def another_version(changing: Changing) -> None:  # noqa: F811 - a fixture's name
    """What stands in its files is deployed from another process."""
    given = changing.shop.settings
    signed = {"database_url": given.dsn, "deploy_key": given.deploy_key_text, "catalogue": NAME}
    done = await asyncio.to_thread(journeys, "deploy", path=[str(changing.folder.parent)], **signed)
    assert done.returncode == 0, done.stderr


async def shown(changing: Changing, run: Run) -> str:  # noqa: F811 - a fixture's name
    """`journeys runs show` as an operator reads it."""
    given = changing.shop.settings
    signed = {"database_url": given.dsn, "deploy_key": given.deploy_key_text, "catalogue": NAME}
    done = await asyncio.to_thread(journeys, "runs", "show", str(run.id), path=[str(changing.folder.parent)], **signed)
    return done.stdout


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


async def command(changing: Changing, *arguments: str) -> Finished:  # noqa: F811 - a fixture's name
    """`journeys move greets …` as an operator types it."""
    given = changing.shop.settings
    servers = {"temporal_address": str(given.temporal_address), "temporal_namespace": given.temporal_namespace}
    signed = {"database_url": given.dsn, "deploy_key": given.deploy_key_text, "catalogue": NAME}
    path = [str(changing.folder.parent)]
    return await asyncio.to_thread(journeys, "move", "greets", *arguments, path=path, **servers, **signed)


async def test_the_command_tells_who_would_move_and_moves_them_when_told_to(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(NOTE, WAIT, LATER)
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        for run in runs:
            await asleep(shop, run)
    changing.becomes(NOTE, "await j.wait(days=1)", LATER)
    async with changing.served():
        first, newest = runs[0].version, shop.parts.library.archive.id
        assert first is not None
        asked = await command(changing, "--json")
        assert asked.returncode == 0, asked.stderr
        (group,) = json.loads(asked.stdout)
        assert (group["version"], group["stands"], group["people"], group["why_not"]) == (first, "wait 3 d", 2, None)
        assert (group["now"]["next"], group["then"]["next"]) == ("push note", "push note")
        assert group["then"]["last"] < group["now"]["first"]
        told = await command(changing)
        assert told.stdout.endswith(f"2 runs would go on with version {newest}; `--yes` does it\n"), told.stderr
        assert "wait 3 d" in told.stdout
        assert await wanted(shop) == {None}, "nothing is changed by looking"
        assert (await command(changing, "--from", newest)).stdout.startswith("0 runs would go on")
        assert (
            await command(changing, "--to", "no-such")
        ).stderr == f"journeys: --to no-such: choose one of {newest}, {first}\n"
        assert f"2 runs go on with version {newest} from their next wait on" in (await command(changing, "--yes")).stdout
        assert await wanted(shop) == {newest}
        assert await decided(shop, 2) == {run.id: (newest, None) for run in runs}
        assert (await command(changing)).stdout == f"0 runs would go on with version {newest}; `--yes` does it\n"
    changing.becomes(NOTE, name="another")
    async with changing.served():
        newest = shop.parts.library.archive.id
        told = await command(changing)
        assert (told.returncode, f"version {newest} has no journey 'greets'" in told.stderr) == (1, True)


async def wanted(shop: Shop) -> set[str | None]:
    """The versions that runs are on their way to."""
    return {row["move_to"] for row in await shop.database.pool.fetch("select move_to from run")}


BRANCHES = (
    "async def says(span):",
    "    await j.push('note')",
    "    await j.wait(days=span)",
    "    await j.push('note')",
    "await j.together(says({}), says({}))",
)


async def test_each_branch_goes_on_from_where_it_stands(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(*BRANCHES[:-1], BRANCHES[-1].format(30, 50))
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        for run in runs:
            await asleep(shop, run, timers=2)
    changing.becomes(*BRANCHES[:-1], BRANCHES[-1].format(1, 2), LATER)
    async with changing.served():
        told = await preview(shop, runs)
        assert {each.then.why_not for each in told.values()} == {None}
        newest = shop.parts.library.archive.id
        assert await moved(shop, runs[:1]) == {runs[0].id: (newest, None), runs[1].id: (runs[1].version, None)}
        assert (await shop.over(runs[0])).sent == 5
        due = {message.occurrence: message.due_at for message in await shop.messages(runs[0])}
        spans = [due[fork + 2] - due[fork + 1] for fork in (101_0000, 102_0000)]
        assert [round(span / timedelta(days=1), 1) for span in spans] == [1, 2]
        assert 1 in due
    changing.becomes(*BRANCHES[:-1], "async def asks():", "    await j.reached()", "await j.together(says(30), asks())")
    async with changing.served():
        why = "at its beginning the run did push note; the code does reached"
        assert (await preview(shop, runs[1:]))[runs[1].id].then.why_not == why
        assert (await moved(shop, runs[1:]))[runs[1].id] == (runs[1].version, why)
        assert (await shop.over(runs[1])).sent == 4


async def test_who_waits_for_a_moment_goes_on_with_another_one_or_none(changing: Changing) -> None:  # noqa: F811 - the fixture
    """When it comes was asked before the wait; but that is not done before the wait is, in a branch neither."""
    shop = changing.shop
    day, other, far = (f"{datetime.now(UTC) + timedelta(days=n):%a}".lower() for n in (2, 3, 4))
    moments = f"j.until('09:30', weekday='{day}'), j.window('09:00', '20:00', weekdays='{far}')"
    changing.becomes(NOTE, f"await j.together({moments})", LATER)
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        for run in runs:
            await asleep(shop, run, timers=2)
    changing.becomes(NOTE, f"await j.together(j.until('10:00', weekday='{other}'), j.wait(days=1))", LATER)
    async with changing.served():
        ana = (await preview(shop, runs))[runs[0].id]
        assert (ana.now.stands, ana.then.stands, ana.then.why_not) == (f"until {day} 09:30", f"until {other} 10:00", None)
        newest = shop.parts.library.archive.id
        assert await moved(shop, runs[:1]) == {runs[0].id: (newest, None), runs[1].id: (runs[1].version, None)}
        assert (await shop.over(runs[0])).sent == 2
        due = (await shop.messages(runs[0]))[-1].due_at
        assert f"{due:%a %H:%M}".lower() == f"{other} 10:00"
    changing.becomes(NOTE, "await j.push('note')", LATER)
    async with changing.served():
        newest = shop.parts.library.archive.id
        assert (await moved(shop, runs[1:]))[runs[1].id] == (newest, None)
        assert (await shop.over(runs[1])).sent == 3


async def test_one_whom_a_leading_wait_holds_back_is_not_asked_and_begins_with_the_other_version(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    changing.becomes(WAIT, NOTE)
    async with changing.served():
        ana = await enter(shop, "ana")
    changing.becomes("await j.wait(days=5)", NOTE, LATER)
    async with changing.served():
        told = (await preview(shop, [ana]))[ana.id]
        assert (told.now.stands, told.then.stands) == ("wait 3 d", "wait 5 d")
        newest = shop.parts.library.archive.id
        await stored.ask_to_move(shop.database, [ana.id], newest)
        mover = shop.parts.watch.dispatcher.mover
        assert await mover.move(NOW) == 0
        assert await stored.to_move(shop.database, 10, NOW, shop.clock.now()) == [], "it has nothing to say yet"
        await shop.forward(ana, timedelta(days=3, minutes=1))
        shop.clock.set(ana.entered_at + timedelta(days=3, minutes=1))
        assert await decided(shop, 1) == {ana.id: (newest, None)}
        assert (await shop.over(ana)).sent == 2
        first, _ = await shop.messages(ana)
        assert round((first.due_at - ana.entered_at) / timedelta(days=1), 2) == 5
