"""A catalogue whose code changes while its customers are in it: written, served, rewritten, served by new workers."""

import importlib
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

import api
from journeys.catalogue import load
from journeys.temporal import current, held
from store import Database
from workers.assembly import assemble
from workers.serve import api_config
from workers.testing.shop import Shop, open_shop, with_clock
from workers.worker import serving, workers

NAME = "changing_catalogue"
#: A module of the author's beside it.
BESIDE = "changing_words"
TEMPLATE = Path(__file__).parent / "trial_catalogue" / "note.push.yaml"
HEAD = """
from journeys import Journey, after, days, did, journey, purchases

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
    open: AsyncExitStack

    def becomes(self, *steps: str, name: str = "greets") -> None:
        """What the next workers serve."""
        write(self.folder, *steps, name=name)

    @asynccontextmanager
    async def served(self, *, remembered: int = 0) -> AsyncIterator[None]:
        """Workers and API of the catalogue as it stands now, as in a new process: they hold no version, and remember no run."""
        await self.deployed()
        await self.shop.parts.library.refresh()
        async with serving(workers(self.shop.skipper.client, self.shop.parts, remembered=remembered)):
            yield

    async def deployed(self) -> None:
        """The catalogue as it stands now, deployed, and an API that serves it; the workers are still to come."""
        forget()
        shop = self.shop
        parts = shop.parts = with_clock(assemble(shop.settings, shop.database, shop.client), shop.clock)
        await parts.library.deploy()
        config = api_config(shop.settings, parts.catalogue.journeys, parts.catalogue.segments, parts.library.archive.id)
        app = api.create_app(replace(config, clock=shop.clock), database=shop.database)
        transport = httpx.ASGITransport(app)
        shop.api = await self.open.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://shop.test"))
        self.open.push_async_callback(app.state.ingest.intake.close)
        self.open.push_async_callback(parts.close)

    async def loses_versions(self) -> None:
        """The archives that were deployed are gone: no worker to come can go on with a run."""
        await self.shop.database.pool.execute("delete from catalogue_version")


def forget() -> None:
    """As a new process would."""
    load.cache_clear()
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0].partition("@")[0] in (NAME, BESIDE)]:
        del sys.modules[name]
    current.archives.clear()
    current.moved.clear()
    current.own = None
    held._loaded.clear()


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
    forget()


@pytest.fixture
async def changing(
    folder: Path, database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> AsyncIterator[Changing]:
    write(folder, *BEFORE)
    async with (
        open_shop(database, dsn, temporal_address, tmp_path, catalogue=NAME, serve=False, sandboxed=False) as shop,
        AsyncExitStack() as stack,
    ):
        yield Changing(shop, folder, stack)
