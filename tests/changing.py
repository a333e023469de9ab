"""A catalogue whose code changes while its customers are in it: written, served, rewritten, served by new workers."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from journeys.catalogue import load
from store import Database
from workers.testing.shop import Shop, open_shop
from workers.worker import serving, workers

NAME = "changing_catalogue"
TEMPLATE = Path(__file__).parent / "trial_catalogue" / "note.push.yaml"
HEAD = """
from journeys import Journey, after, did, journey, purchases

@journey(goal=purchases, reentry=after(minutes=0))
async def {name}(j: Journey) -> None:
"""
#: A message, then a long wait; and the same with a step put in before the place where a run stands.
BEFORE = ("await j.push('note')", "await j.wait(days=3)", "await j.push('note')")
AFTER = ("await j.wait(hours=1)", *BEFORE)


@dataclass
class Changing:
    """The shop, and its catalogue's one journey."""

    shop: Shop
    folder: Path

    def becomes(self, *steps: str, name: str = "greets") -> None:
        """What the next workers serve."""
        write(self.folder, *steps, name=name)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Workers that remember no run: each is replayed from its history."""
        async with serving(workers(self.shop.skipper.client, self.shop.parts)):
            yield


def write(folder: Path, *steps: str, name: str = "greets") -> None:
    (folder / "__init__.py").write_text(HEAD.format(name=name) + "".join(f"    {step}\n" for step in steps))
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # written twice within a second, it would be taken for the old


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The catalogue's, found by its name."""
    found = tmp_path / "catalogues" / NAME
    found.mkdir(parents=True)
    shutil.copy(TEMPLATE, found)
    monkeypatch.syspath_prepend(str(found.parent))
    yield found
    load.cache_clear()
    sys.modules.pop(NAME, None)


@pytest.fixture
async def changing(
    folder: Path, database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> AsyncIterator[Changing]:
    write(folder, *BEFORE)
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue=NAME, serve=False) as shop:
        yield Changing(shop, folder)
