"""A run ends as it began, whatever is deployed meanwhile (FAULTS E1, E8, D5); new ones begin with what stands there now."""

import shutil
from collections.abc import Mapping
from datetime import timedelta

import pytest
from changing import AFTER, BEFORE, BESIDE, HEAD, Changing, changing, folder  # noqa: F401 - fixtures
from edits import EDITS, FIRST
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory

from journeys.temporal import current
from store.runs.views import Run, run_by_id
from tests.extent import scaled
from workers.replaying import as_begun, replay
from workers.testing.shop import Shop
from workers.unfit import unfit
from workers.worker import REMEMBERED, tell_who_cannot_go_on

NO_PATIENCE = timedelta(0)


async def enter(shop: Shop, user: str, journey: str = "greets", *, look: bool = True) -> Run:
    await shop.signs_up(user)
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    if look:
        await shop.look()
    return next(run for run in await shop.runs() if str(run.id) == answer.json()["id"])


def write(
    changing: Changing,  # noqa: F811 - a fixture's name
    text: str,
    *,
    span: int = 3,
    last: str = "the last",
    beside: str = "",
) -> None:
    (changing.folder / "__init__.py").write_text(text)
    (changing.folder / "last.push.yaml").write_text(f"title: Hello\nbody: {last}\n")
    (changing.folder.parent / f"{BESIDE}.py").write_text(f"def span():\n    return {span}\n{beside}")
    for folder_ in (changing.folder, changing.folder.parent):
        shutil.rmtree(folder_ / "__pycache__", ignore_errors=True)


def sent(shop: Shop, run: Run) -> list[str]:
    """What the run sent, in words."""
    return [message.body for message in shop.sandbox.messages if message.key.startswith(str(run.id))]


#: A dozen of the edits, none like another; all of them in the long profile.
MOST_DIFFERENT = (
    "a message is put in before",
    "the wait becomes three",
    "the wait becomes a question",
    "the wait becomes one for somebody",
    "the first message waits",
    "others are held during the wait",
    "the goal is another",
    "the parameters are others",
    "the segment is another",
    "a helper sends twice",
    "the journey is deleted",
    "the journey is renamed",
)
PLANTED = scaled({edit: EDITS[edit] for edit in MOST_DIFFERENT}, EDITS)
NAMES = {"the journey is renamed": "welcomes", "the journey is deleted": "another"}
#: Whose new runs wait for nothing, and are over before anybody ends them.
AT_ONCE = {"the wait is taken out", "the wait becomes a question", "the wait is for some only"}
GOAL, OPERATOR, KILL = "goal reached", "ended by an operator", "journey killed"


def ends(n: int) -> tuple[str, ...]:
    """How runs that begin with the n-th edit are ended: each way in its turn; in the long profile each way for each edit."""
    return scaled((GOAL, OPERATOR, KILL)[n % 3 : n % 3 + 1], (GOAL, OPERATOR, KILL))


async def test_forty_edits_every_run_ends_as_it_began_and_new_ones_as_it_stands_now(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    write(changing, FIRST)
    async with changing.served(remembered=REMEMBERED):
        began = {edit: await enter(shop, f"old-{n}") for n, edit in enumerate(PLANTED)}
        histories = {edit: await asleep(shop, run) for edit, run in began.items()}
    new: dict[tuple[str, str], Run] = {}
    for n, (edit, (before, after, fits, beside)) in enumerate(PLANTED.items()):
        write(changing, FIRST.replace(before, after, 1), span=3 + n % 2, last=f"changed with {n}", beside=beside)
        await changing.deployed()
        library = shop.parts.library
        assert await replays(histories[edit]) is fits, edit
        assert [each.error for each in await as_begun(library, [histories[edit]])] == [None], "what a worker says as it starts"
        for end in ends(n):
            new[edit, end] = await enter(shop, f"new-{n} {end}", NAMES.get(edit, "greets"), look=False)
            assert new[edit, end].version == library.archive.id
    async with changing.served(remembered=REMEMBERED):  # no `greets` in what these workers serve: all from archives
        await shop.look()
        for edit, run in began.items():
            assert (await shop.over(run)).outcome.value == "finished", edit
            assert sent(shop, run)[1:] == [sent(shop, run)[0], "the last"], edit
    write(changing, FIRST)
    async with changing.served(remembered=REMEMBERED):  # rolled back
        back = await enter(shop, "back")
        assert back.version == began[edit].version
        await all_end(shop, new)
        assert (await shop.closed(back)).outcome == KILL
    assert len({run.version for run in await shop.runs()}) == len(PLANTED) + 1


async def all_end(shop: Shop, new: Mapping[tuple[str, str], Run]) -> None:
    """Those who began with an edit, still of its version: by their goals, by an operator, and the others by a kill."""
    for n, edit in enumerate(PLANTED):
        if GOAL in ends(n):
            await shop.does(f"new-{n} {GOAL}", "Product Viewed" if edit == "the goal is another" else "Order Completed")
        if OPERATOR in ends(n):
            await shop.operate("POST", f"/v1/runs/{new[edit, OPERATOR].id}/end")
    await shop.look()
    for journey in {run.journey for run in new.values()}:
        assert (await shop.operate("PUT", f"/v1/journeys/{journey}/state", json={"state": "killed"})).status_code == 200
    await shop.look()
    for (edit, end), run in new.items():
        over = await shop.closed(run)
        assert (over.outcome, over.version) == ("finished" if edit in AT_ONCE else end, run.version), edit
        status = WorkflowExecutionStatus.TERMINATED if over.outcome == KILL else WorkflowExecutionStatus.COMPLETED
        assert (await shop.workflow(run).describe()).status is status, edit


def test_twenty_of_the_forty_edits_would_break_replay() -> None:
    assert [edit.fits for edit in EDITS.values()].count(True) == len(EDITS) / 2 == 20
    assert all(edit.before in FIRST for edit in EDITS.values())
    assert sum(edit.fits for edit in (EDITS[name] for name in MOST_DIFFERENT)) * 3 >= len(MOST_DIFFERENT)


async def test_a_module_beside_the_catalogue_a_template_and_a_deletion_change_nothing_for_who_is_in(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    write(changing, FIRST)
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva", "leo")]
        for run in runs:
            await asleep(shop, run)
    write(changing, FIRST, span=30)
    async with changing.served():
        assert (await shop.over(runs[0])).sent == 3
        assert await waited(shop, runs[0]) == timedelta(days=3)
    (changing.folder / "last.push.yaml").unlink()
    (changing.folder.parent / f"{BESIDE}.py").unlink()
    changing.becomes(*BEFORE)
    async with changing.served():
        assert (await shop.over(runs[1])).sent == 3
        assert sent(shop, runs[1])[-1] == "the last"
    changing.becomes(*BEFORE, name="something_else")
    async with changing.served():
        assert (await shop.over(runs[2])).sent == 3
        assert sent(shop, runs[2])[-1] == "the last"


async def test_a_start_begins_with_the_version_that_took_its_parameters_or_says_that_none_does(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    write(changing, FIRST)
    async with changing.served():
        for user in ("ana", "eva"):
            await shop.signs_up(user)
            body = {"customer": {"user_id": user}, "params": {"urgent": True}}
            assert (await shop.operate("POST", "/v1/journeys/greets/runs", json=body)).status_code == 201
        ana, eva = await shop.runs()
        await shop.database.pool.execute("update run set version = null where id = $1", eva.id)  # as of an API that is ahead
    write(changing, FIRST.replace("urgent: bool", "calm: bool").replace("params.urgent", "params.calm"))
    async with changing.served():
        await shop.look()
        assert (await shop.over(ana)).sent == 3
        over = await run_by_id(shop.database, eva.id)
        assert over is not None
        assert (over.outcome, over.started_at) == ("parameters not as declared", None)


async def test_the_goal_of_a_run_is_the_one_that_it_began_with(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    async with changing.served():
        ana = await enter(shop, "ana")
        await asleep(shop, ana)
    changing.becomes("await j.push('note')", "await j.wait(days=3)", "await j.push('note')", name="greets")
    text = (changing.folder / "__init__.py").read_text().replace("goal=purchases", "goal=did('Product Viewed')")
    write(changing, text)
    async with changing.served():
        eva = await enter(shop, "eva")
        for user in ("ana", "eva"):
            await shop.does(user, "Product Viewed", ana.entered_at + timedelta(minutes=5))
        await shop.look()
        assert (await shop.closed(eva)).outcome == "goal reached"
        assert await is_open(shop, ana)
        await shop.does("ana", "Order Completed")
        await shop.look()
        assert (await shop.closed(ana)).outcome == "goal reached"


async def test_who_leaves_a_segment_that_has_left_the_catalogue_is_over(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    head = "from journeys import Segment, trait\nvip = Segment('vip', trait('tier') == 'gold')\n"
    entered = HEAD.format(name="greets").replace("goal=purchases", "entry=vip, ends_on_leave=True")
    (changing.folder / "__init__.py").write_text(head + entered + "    await j.push('note')\n    await j.wait(days=3)\n")
    async with changing.served():
        await shop.watch.load()
        await shop.signs_up("ana", tier="gold")
        await shop.look()
        run = await shop.run()
        await asleep(shop, run)
    changing.becomes(*BEFORE, name="something_else")
    async with changing.served():
        await shop.watch.load()
        await shop.signs_up("eva", tier="gold")
        await shop.signs_up("ana", tier="silver")
        await shop.look()
        assert (await shop.closed(run)).outcome == "left the segment"
        assert len(await shop.runs()) == 1


FAILING = (
    "await j.push('note')",
    "await j.wait(days=3)",
    "if j.entered_at.month + j.entered_at.day > 2:",
    "    raise ValueError",
)


async def test_a_fix_reaches_those_whom_the_bug_stopped_and_nobody_else(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes(*FAILING)
    async with changing.served():
        stopped, waiting = await enter(shop, "ana"), await enter(shop, "eva")
        for run in (stopped, waiting):
            await asleep(shop, run)
        await shop.workflow(stopped).signal("heard", {"heard": "ask again"})
    changing.becomes("await j.wait(hours=1)", *FAILING[:2], "await j.push('note')")
    async with changing.served():  # not a fix for who has come further
        await shop.database.pool.execute("update run set failing_since = now() where id = $1", stopped.id)
        assert await shop.watch.dispatcher.mender.mend(NO_PATIENCE) == 0
    changing.becomes(*FAILING[:2], "await j.push('note')")
    async with changing.served():
        assert await shop.watch.dispatcher.mender.mend(NO_PATIENCE) == 1
        assert await shop.watch.dispatcher.mender.mend(NO_PATIENCE) == 0
        await shop.parts.library.refresh()
        assert current.moved == {stopped.id: (0, shop.parts.library.archive.id)}
        assert (await shop.over(stopped)).sent == 2
        known = await run_by_id(shop.database, waiting.id)
        assert known is not None
        assert known.version == waiting.version


async def test_what_does_not_replay_is_told_by_journey_step_and_cause(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    async with changing.served():
        runs = [await enter(shop, user) for user in ("ana", "eva")]
        histories = [await asleep(shop, run) for run in runs]
    changing.becomes("await j.push('note')", "await j.reached()", "await j.push('note')")
    async with changing.served():
        (told,) = unfit([each async for each in replay(histories, None)])
    assert (told.journey, told.step, told.people, told.runs) == ("greets", "after push note", 2, 2)
    assert told.cause == "there the run waited: wait 3 d; the code does nothing of the kind"


async def test_a_worker_says_as_it_starts_which_runs_it_cannot_go_on_with(
    changing: Changing,  # noqa: F811 - the fixture
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = changing.shop
    async with changing.served():
        await asleep(shop, await enter(shop, "ana"))
        version = shop.parts.library.archive.id
    changing.becomes("await j.push('note')")
    async with changing.served():
        await tell_who_cannot_go_on(shop.client, shop.parts.library)
        assert "open runs cannot go on" not in said(capsys, caplog)
    await changing.loses_versions()
    async with changing.served():
        await tell_who_cannot_go_on(shop.client, shop.parts.library)
        told = said(capsys, caplog)
    assert "open runs cannot go on in this worker" in told
    assert f"version {version} of the catalogue does not stand in Postgres" in told


def said(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, whether or not an earlier test of this process has set logging up."""
    return capsys.readouterr().out + caplog.text


async def asleep(shop: Shop, run: Run, *, timers: int = 1) -> WorkflowHistory:
    """The history of a run as soon as it waits, or so many branches of it do."""
    await shop.asleep(run, timers=timers)
    return await shop.workflow(run).fetch_history()


async def replays(history: WorkflowHistory) -> bool:
    return [each.error async for each in replay([history], None)] == [None]


async def waited(shop: Shop, run: Run) -> timedelta:
    events = (await shop.workflow(run).fetch_history()).events
    (timer,) = [e.timer_started_event_attributes for e in events if e.HasField("timer_started_event_attributes")]
    return timedelta(days=round(timer.start_to_fire_timeout.ToTimedelta() / timedelta(days=1)))


async def is_open(shop: Shop, run: Run) -> bool:
    return (await shop.workflow(run).describe()).status is WorkflowExecutionStatus.RUNNING
