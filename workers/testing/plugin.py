"""The pytest plugin of the kit: `shop`, a rehearsal of the catalogue that `journeys_catalogue` names.

Promise: nothing is imported, and no server started, before a test asks for it; the names of the fixtures leave room for yours.
The same test runs on the simulator, in milliseconds, and with `--journeys-on temporal` on real servers with time skipped.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workers.testing.rehearsal import Rehearsal
    from workers.testing.servers import Servers

_SERVERS = pytest.StashKey["Servers"]()
_SHOP = pytest.StashKey["Rehearsal"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where journeys run."""
    parser.getgroup("journeys").addoption(
        "--journeys-on",
        choices=("simulator", "temporal"),
        default="simulator",
        help="what the fixture `shop` runs journeys on: the simulator (the usual), or a real Temporal with time skipped",
    )


def servers_of(config: pytest.Config) -> "Servers":
    """The session's servers; with pytest-xdist a controller may have started them and told where they are."""
    from workers.testing.servers import Servers

    if _SERVERS not in config.stash:
        config.stash[_SERVERS] = Servers(getattr(config, "workerinput", {}).get("servers", {}))
    return config.stash[_SERVERS]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, where a test asked for them."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()


@pytest.fixture
def journeys_catalogue() -> str:
    """The catalogue that the shop runs (JOURNEYS_CATALOGUE); write a fixture of this name where it is another."""
    return os.environ.get("JOURNEYS_CATALOGUE", "definitions")


@pytest.fixture
def shop(request: pytest.FixtureRequest, journeys_catalogue: str, tmp_path: Path) -> Iterator["Rehearsal"]:
    """A shop with this catalogue, its customers, time and providers in the test's hand."""
    from workers.place import stand_here

    stand_here()
    from workers.testing.rehearsal import MONDAY, Rehearsal

    if request.config.getoption("--journeys-on") == "simulator":
        from journeys.catalogue import load
        from workers.testing.simulated import Simulated

        opened = request.node.stash[_SHOP] = Rehearsal(Simulated(load(journeys_catalogue), MONDAY))
        yield opened
        return
    from workers.testing.served import served

    with served(servers_of(request.config), journeys_catalogue, tmp_path) as stage:
        opened = request.node.stash[_SHOP] = Rehearsal(stage)
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what happened in its shop."""
    report = yield
    if report.when == "call" and report.failed and _SHOP in item.stash:
        report.sections.append(("what happened in the shop", item.stash[_SHOP].story()))
    return report
