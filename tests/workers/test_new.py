"""`journeys new`: what it writes passes `journeys check` and runs; it writes over nothing."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from shop import open_shop

from journeys.catalogue import load
from store import Database
from tests.workers.test_cli import journeys

NAME = "brand_new_shop"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    assert journeys("new", NAME, cwd=tmp_path).returncode == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / NAME
    load.cache_clear()
    sys.modules.pop(NAME, None)


@pytest.mark.parametrize(("folder", "module"), [("my_shop", "my_shop"), ("acme/campaigns", "acme.campaigns")])
def test_what_it_writes_passes_the_check_that_it_names(folder: str, module: str, tmp_path: Path) -> None:
    told = journeys("new", folder, cwd=tmp_path).stdout
    assert f"journeys check {module}\n" in told
    assert f"JOURNEYS_CATALOGUE={module} journeys dev\n" in told
    for name in (line for line in told.splitlines() if line.startswith(folder)):
        assert (tmp_path / name).is_file()
    finished = journeys("check", module, cwd=tmp_path)
    assert (finished.stdout, finished.stderr) == (f"{module}: 1 journey, 2 segments, 3 templates; it loads\n", "")
    assert journeys("check", cwd=tmp_path, catalogue=module).stdout == finished.stdout


def test_an_empty_folder_may_be_there_and_another_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my_shop").mkdir()
    assert journeys("new", "my_shop", cwd=tmp_path).returncode == 0
    (tmp_path / "my_shop" / "__init__.py").write_text("mine = 1\n")
    finished = journeys("new", "my_shop", cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "journeys: my_shop is there already, and not empty; name a folder that is not there yet\n"
    assert (tmp_path / "my_shop" / "__init__.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("my-shop", "Python cannot import a folder that is called 'my-shop'; use letters, digits and _, such as my_shop"),
        ("class", "Python cannot import a folder that is called 'class'"),
        ("store", "Python has a package that is called 'store' already; give yours a name of its own"),
        ("email", "Python has a package that is called 'email' already"),
        ("pydantic/mine", "Python has a package that is called 'pydantic' already"),
        ("../elsewhere", "../elsewhere is not below the folder where you stand"),
        (".", ". is not below the folder where you stand"),
    ],
)
def test_a_folder_that_cannot_be_a_catalogue_is_refused(folder: str, sentence: str, tmp_path: Path) -> None:
    finished = journeys("new", folder, cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith(f"journeys: {sentence}")
    assert list(tmp_path.iterdir()) == []


def test_help_is_for_a_newcomer() -> None:
    told = " ".join(journeys("new", "--help").stdout.split())
    for words in ("Write a first catalogue", "its name is how it is imported", "`journeys check` looks for mistakes in it"):
        assert words in told


async def test_the_journey_runs_and_its_messages_arrive(
    written: Path, database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path / "shop", catalogue=NAME) as shop:
        await shop.signs_up("ana")
        await shop.does("ana", "Product Viewed")
        await shop.does("ana", "Signed Up")
        await shop.look(shop.clock.now() + timedelta(seconds=1))
        run = await shop.run("welcome")
        over = await shop.over(run)
        assert (over.outcome.value, over.sent) == ("finished", 2)
        assert [message.channel for message in await shop.messages(run)] == ["push", "email"]
