"""E2: the README's first five minutes, word by word: files loaded and run, commands executed, examples evaluated."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

import definitions
import journeys
import segments
from journeys.catalogue import load
from store import Database
from tests.api.server import serving
from workers.definitions import load_definitions
from workers.serve import api_config
from workers.settings import Settings
from workers.testing.shop import Shop, open_shop

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NAME = "readme_catalogue"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(kind: str, of: str) -> list[str]:
    return [dedent(text) for _, language, text in BLOCK.findall(of) if language == kind]


FIVE_MINUTES = section("Your first journey in five minutes")
FILES = dict(
    zip(
        re.findall(r"`definitions/(welcome/[\w.]+)`", FIVE_MINUTES),
        [*blocks("python", FIVE_MINUTES)[:1], *blocks("yaml", FIVE_MINUTES)[:1], *blocks("html", FIVE_MINUTES)[:1]],
        strict=True,
    )
)


def commands(of: str, program: str) -> list[str]:
    """What stands behind `$ `, with the lines that belong to it."""
    lines = "\n".join(blocks("console", of))
    return [found for found in re.findall(r"^\$ (.*(?:\n(?!\$ ) +.*|(?<=\\)\n.*)*)", lines, re.MULTILINE) if program in found]


def written(folder: Path, name: str) -> Path:
    """The reference catalogue under another name, with the README's files in it."""
    catalogue = folder / name
    shutil.copytree(next(iter(definitions.__path__)), catalogue, ignore=shutil.ignore_patterns("__pycache__"))
    for file in catalogue.rglob("*.py"):
        file.write_text(file.read_text().replace("from definitions.", f"from {name}."))
    for file, text in FILES.items():
        (catalogue / file).parent.mkdir(exist_ok=True)
        (catalogue / file).write_text(text)
    return catalogue


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    written(tmp_path, NAME)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield NAME
    load.cache_clear()
    for name in [each for each in sys.modules if each.startswith(NAME)]:
        del sys.modules[name]


@pytest.fixture
async def shop(catalogue: str, database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path / "shop", catalogue=catalogue) as opened:
        yield opened


def test_the_readme_has_the_files_that_it_tells_to_write() -> None:
    assert list(FILES) == ["welcome/__init__.py", "welcome/hello.push.yaml", "welcome/hello.email.mjml"]


def test_journeys_check_answers_as_the_readme_says(tmp_path: Path) -> None:
    written(tmp_path, "definitions")
    (told,) = (block for block in blocks("console", FIVE_MINUTES) if "journeys check" in block)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-P", "-m", "workers.cli.main", "check"]
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    )
    assert finished.stdout + finished.stderr == told.partition("\n")[2]


def test_the_first_journey_leaves_make_check_green(tmp_path: Path) -> None:
    written(tmp_path, "definitions")
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for check in (("check", "--no-cache"), ("format", "--no-cache", "--check")):
        command = [sys.executable, "-m", "ruff", *check, "definitions/welcome"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert finished.returncode == 0, finished.stdout


def test_its_test_passes_without_a_server(tmp_path: Path) -> None:
    written(tmp_path, "definitions")
    (tmp_path / "test_welcome.py").write_text(blocks("python", FIVE_MINUTES)[1])
    (tmp_path / "conftest.py").write_text(
        "import sys\n\n\ndef pytest_unconfigure():\n    sys.stderr.write(' '.join(sys.modules))\n"
    )
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    (told,) = (block for block in blocks("console", FIVE_MINUTES) if "pytest" in block)
    asked, _, promised = told.partition("\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-P", "-m", *asked.removeprefix("$ .venv/bin/").split()]
    env = {**os.environ, "PYTHONPATH": path, "JOURNEYS_CATALOGUE": "definitions"}
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    seconds = re.compile(r"\d+\.\d+s")
    assert seconds.sub("", finished.stdout) == seconds.sub("", promised), finished.stdout + finished.stderr
    heavy = {"activities.templates", "activities.channels", "temporalio.client", "asyncpg"} & {*finished.stderr.split()}
    assert not heavy, "half a second each, for what no message of this journey asks"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
async def test_gov_12_the_first_journey_runs_and_its_push_says_what_the_template_says(shop: Shop, dsn: str) -> None:
    settings = Settings.model_validate({"database_url": dsn, "secret": "nine ducks and five geese on a lake"})
    config = replace(api_config(settings, shop.parts.catalogue.journeys, shop.parts.catalogue.segments), clock=shop.clock)
    async with serving(config, shop.database) as url:
        for command in commands(FIVE_MINUTES, "curl"):
            await executed(command, url, shop)
        await shop.look()
        run = await shop.run("welcome")
        over = await shop.over(run)
        assert (over.outcome.value, over.sent) == ("finished", 1)
        (push,) = shop.sandbox.messages
        assert (push.title, push.body) == ("Welcome, Ana!", "Good to have you on the family plan.")
        for command in commands(section("Starting a journey by API"), "curl"):
            assert '"journey":"cart_discount"' in await executed(command, url, shop)


async def executed(command: str, url: str, shop: Shop) -> str:
    """What a command of the README prints; only where localhost:8080 is differs."""
    address = url.removeprefix("http://")
    program = f'curl() {{ command curl -sS --fail-with-body --connect-to localhost:8080:{address} "$@"; }}\n{command}'
    keys = {"INGEST_KEY": shop.ingest_key, "OPERATE_KEY": shop.operate_key}
    finished = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **keys}
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}{finished.stderr}"
    return str(finished.stdout)


#: Everything that the doors offer, and what the README's examples take for granted.
WORDS = {name: getattr(door, name) for door in (journeys, segments) for name in door.__all__}
WORDS["segment"] = segments.Segment("gold", segments.trait("tier") == "gold")
#: What the README leaves out with `…`.
LEFT_OUT = {"[(lat, lon), …]": "[(40, -3), (41, -3), (41, -4)]", "(…)": "('somewhere')", ", …": ""}


def examples() -> list[str]:
    """Every call in the tables and sentences below `What a journey can say`."""
    pieces = re.findall(r"`([^`\n]+)`", FIVE_MINUTES.partition("### What a journey can say")[2])
    calls = re.compile(r"^\.?[a-z_]+\(|^await |^[A-Z]\w+\(")
    return [piece for piece in pieces if calls.match(piece)]


def test_there_are_examples() -> None:
    assert len(examples()) > 25


@pytest.mark.parametrize("example", [each for each in examples() if not each.startswith(("await ", ".", "j."))])
def test_an_example_of_the_readme_means_something(example: str) -> None:
    for short, full in LEFT_OUT.items():
        example = example.replace(short, full)
    assert eval(example, dict(WORDS)) is not None


@pytest.mark.parametrize("example", [each for each in examples() if each.startswith("await ")])
def test_a_step_of_the_readme_loads(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    step = example.replace('"template", **params', '"hello", **{}').replace('"template"', '"hello"')
    (folder / "__init__.py").write_text(
        "from journeys import Journey, Segment, Service, did, hours, journey, trait\n\n"
        "segment, crm = Segment('vips', trait('tier') == 'gold'), Service('crm')\n\n\n"
        "@journey(goal=did('Order Completed'))\nasync def other(j: Journey) -> None:\n    await j.push('hello')\n\n\n"
        f"@journey(goal=did('Order Completed'))\nasync def step(j: Journey) -> None:\n    {step}\n"
    )
    (folder / "hello.push.yaml").write_text("title: Hello\nbody: there\n")
    shutil.copy(Path(__file__).parent / "trial_catalogue" / "note.email.mjml", folder / "hello.email.mjml")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        found, _ = load_definitions(NAME)
        assert set(found.journeys) == {"step", "other"}
    finally:
        load.cache_clear()
        sys.modules.pop(NAME, None)
