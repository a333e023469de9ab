"""Lives of many months: one history after the other, through deployments and merges; nothing is done twice or forgotten."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from changing import NAME, Changing, changing, folder, write  # noqa: F401 - fixtures

from store import Database
from store.runs.views import Run, run_by_id
from tests.journeys.test_ending import enter, over, until
from tests.journeys.test_versions_of_runs import is_open
from workers.embedded.processes import Children
from workers.embedded.temporal import EmbeddedTemporal
from workers.testing.hands import Hands
from workers.testing.shop import Shop, open_shop
from workers.worker import REMEMBERED

JRN_17 = Path(__file__).parents[2] / "definitions" / "public_sector"
#: What the second, the third and the fourth deployment change in it; the first of these would break replay.
CHANGED = (
    ("async for month", "await j.reached(did('Dossier Opened'))\n    async for month"),
    ("times=9", "times=12"),
    ("month in (3, 6)", "month in (2, 5)"),
)
#: The office may be closed for a week-end when a letter is due.
OFFICE = timedelta(days=4)


@pytest.fixture(scope="module")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that suggests a new history after thirty events."""
    dynamic = {"limit.historyCount.suggestContinueAsNew": "30", "frontend.WorkflowTimeSkippingEnabled": "true"}
    with Children() as children:
        log = tmp_path_factory.mktemp("short") / "temporal.log"
        server = EmbeddedTemporal(log, children, preferred_port=0, preferred_ui_port=None, dynamic=dynamic)
        server.start()
        yield server.address


def deployment(changing: Changing, number: int) -> None:  # noqa: F811 - a fixture's name
    """JRN-17 as the catalogue has it, and as it is changed after that; its letters say by which deployment they are."""
    steps = (JRN_17 / "__init__.py").read_text().replace("from definitions.segments", "from .segments")
    for before, after in CHANGED[: number - 1]:
        assert before in steps
        steps = steps.replace(before, after)
    letter = (JRN_17 / "monthly-brief.email.mjml").read_text()
    assert "of 9" in letter
    (changing.folder / "__init__.py").write_text(steps)
    for shared in ("segments.py", "shop.yaml"):
        shutil.copy(JRN_17.parent / shared, changing.folder)
    (changing.folder / "monthly-brief.email.mjml").write_text(letter.replace("of 9", f"as of {number}"))
    shutil.rmtree(changing.folder / "__pycache__", ignore_errors=True)


async def test_a_run_that_has_grown_long_goes_on_in_a_new_history_and_does_nothing_twice(
    folder: Path,  # noqa: F811 - the fixture
    database: Database,
    dsn: str,
    temporal_address: str,
    tmp_path: Path,
) -> None:
    """Hours of a loop: in each history its clock goes on where it stood."""
    steps = ("seen = 0", "async for n in j.every(hours=1, times=8):", "    seen += (await j.push('note')).sent")
    write(folder, *steps, "    await j.reached(did('Product Viewed'))", "if (seen, n) == (8, 8):", "    await j.push('note')")
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue=NAME, sandboxed=False) as shop:
        run = await enter(shop)
        first = (await shop.workflow(run).describe()).run_id
        for hour in range(8):
            await Hands(shop).turn(run.entered_at + timedelta(hours=hour, minutes=5), [run.profile_id])
        assert (await shop.closed(run)).outcome == "finished"
        assert (await shop.workflow(run).describe()).run_id != first
        due = [message.due_at for message in await shop.messages(run)]
        assert len(due) == len(shop.sandbox.messages) == 9
        assert [round((each - run.entered_at) / timedelta(hours=1), 1) for each in due] == [*range(8), 7]


async def test_so_does_one_with_branches_whatever_turns_they_take(
    folder: Path,  # noqa: F811 - the fixture
    database: Database,
    dsn: str,
    temporal_address: str,
    tmp_path: Path,
) -> None:
    """Branches that see each other, a sub-journey and an arm: after each move they stand where they stood."""
    write(folder, *BRANCHES)
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue=NAME, speed=3_600) as shop:
        run = await enter(shop)
        first = (await shop.workflow(run).describe()).run_id
        assert (await until(shop, run, over)).outcome == "finished"
        assert (await shop.workflow(run).describe()).run_id != first
        sent = [message.occurrence for message in await shop.messages(run)]
        assert sorted(sent) == sorted([*range(101_0001, 101_0006), *range(102_0001, 102_0006), 1])
        assert len(shop.sandbox.messages) == 11


#: Each of the two sends five times, an hour and a half hour apart, and remembers who was when: "ab…", as it was the first time.
BRANCHES = (
    "said = []",
    "async def says(name, minutes):",
    "    async with j.experiment('x', a=0.5, b=0.5) as arm:",
    "        async for n in j.every(minutes=minutes, times=5):",
    "            await j.push('note')",
    "            said.append((name, j.now))",
    "    return arm",
    "one, other = await j.together(says('a', 60), says('b', 90))",
    "if one == other and said == sorted(said, key=lambda each: each[1]) and len(said) == 10:",
    "    await j.push('note')",
)


async def test_jrn_17_nine_months_through_three_more_deployments_and_two_merges(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    histories: dict[str, int] = {}

    async def month(run: Run, number: int, more: timedelta = OFFICE) -> None:
        """The n-th month's letter is due by then, and has gone, or a task is open."""
        now = await known(shop, run)
        await Hands(shop).turn(run.entered_at + (number - 1) * timedelta(days=30) + more, [now.profile_id])
        if await is_open(shop, run):
            histories.setdefault((await shop.workflow(run).describe()).run_id, number)

    deployment(changing, 1)
    async with changing.served(remembered=REMEMBERED):
        await shop.watch.load()
        run = await enters(shop, "ministry")
        await month(run, 1)
        await shop.signs_up("council", ("email",))
        await merge(shop, "ministry", "council")
        assert (await known(shop, run)).profile_id != run.profile_id
        await month(run, 2)
    deployment(changing, 2)
    async with changing.served(remembered=REMEMBERED):
        await month(run, 3)
        (task,) = (await shop.operate("GET", "/v1/tasks")).json()["tasks"]
        await shop.operate("POST", f"/v1/tasks/{task['id']}/done", json={"outcome": "interested"})
        await month(run, 3, 2 * OFFICE)
        await month(run, 4)
    deployment(changing, 3)
    async with changing.served(remembered=REMEMBERED):
        await shop.watch.load()
        town = await enters(shop, "town")
        await month(run, 5)
        await merge(shop, "town", "council")
        assert (await shop.closed(town)).outcome == "merged into another run"
        await month(run, 6, timedelta(days=21) + OFFICE)  # nobody visits
    deployment(changing, 4)
    async with changing.served(remembered=REMEMBERED):
        await shop.watch.load()
        village = await enters(shop, "village")
        await month(village, 1)
        for number in (7, 8, 9):
            await month(run, number)
        assert (await shop.closed(run)).outcome == "finished"
    assert titles(shop, run) == [f"Brief {number} as of 1" for number in range(1, 10)]
    said = titles(shop, village)  # its own clock is as far ahead as it has been told to go
    assert said == [f"Brief {number} as of 4" for number in range(1, len(said) + 1)] != []
    assert len(histories) >= 3, histories  # each began with what the one before had done
    versions = [(await known(shop, each)).version for each in (run, town, village)]
    assert (versions[0], len(set(versions))) == (run.version, 3)


async def enters(shop: Shop, user: str) -> Run:
    await shop.signs_up(user, ("email",), customer_type="government")
    await shop.look()
    return (await shop.runs("public_sector"))[-1]


async def merge(shop: Shop, absorbed: str, kept: str) -> None:
    await shop.send("alias", userId=kept, previousId=absorbed)
    await shop.look()


async def known(shop: Shop, run: Run) -> Run:
    """The run as it stands now: of whoever survived."""
    found = await run_by_id(shop.database, run.id)
    assert found is not None
    return found


def titles(shop: Shop, run: Run) -> Sequence[str]:
    return [message.title for message in shop.sandbox.messages if message.key and message.key.startswith(str(run.id))]
