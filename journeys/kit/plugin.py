"""The pytest plugin of the kit: `shop`, a rehearsal of the catalogue that `journeys_catalogue` names.

Promise: nothing else of ours is imported, and no server started, before a test asks for a fixture; a suite that asks for none
does not notice us. What stands in the kit's way is told in one sentence. The names of the fixtures leave room for yours.
The same test runs on the simulator, in milliseconds, and with `--journeys-on temporal` on real servers with time skipped.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from journeys.kit.lending import Lender
from journeys.place import hidden_room, spec_of, stand_in, written_over

if TYPE_CHECKING:
    from workers.testing.rehearsal import Rehearsal

_LENDER = pytest.StashKey[Lender]()
_SHOP = pytest.StashKey["Rehearsal"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where journeys run."""
    parser.getgroup("journeys").addoption(
        "--journeys-on",
        choices=("simulator", "temporal"),
        default="simulator",
        help="what the fixture `shop` runs journeys on: the simulator (the usual), or a real Temporal with time skipped",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The controller of pytest-xdist, before it starts a worker: tells where its servers can be asked for."""
    config = node.config
    if _LENDER not in config.stash:
        config.stash[_LENDER] = Lender(lambda name: _started(config, name))
    node.workerinput["journeys"] = config.stash[_LENDER].address


def _started(config: pytest.Config, name: str) -> str:
    stand_in(str(config.rootpath))
    from workers.testing.plugin import servers_of  # noqa: PLC0415 - see the promise

    return str(getattr(servers_of(config), name))


@pytest.fixture
def journeys_catalogue() -> str:
    """The catalogue that the shop runs (JOURNEYS_CATALOGUE); write a fixture of this name where it is another."""
    return os.environ.get("JOURNEYS_CATALOGUE", "definitions")


@pytest.fixture
def shop(request: pytest.FixtureRequest, journeys_catalogue: str, tmp_path: Path) -> Iterator["Rehearsal"]:
    """A shop with this catalogue, its customers, time and providers in the test's hand."""
    simulator = request.config.getoption("--journeys-on") == "simulator"
    _insist_on(journeys_catalogue, request)
    try:
        from workers.testing import plugin  # noqa: PLC0415 - see the promise

        if not simulator:
            from workers.testing import served  # noqa: F401, PLC0415 - needs the servers
    except ImportError as error:
        pytest.fail(written_over() or f"{error}: the kit needs its extra: pip install 'journeys[testing]'", pytrace=False)
    stage = plugin.simulated(journeys_catalogue) if simulator else None
    with stage or plugin.on_servers(request.config, journeys_catalogue, tmp_path) as opened:
        request.node.stash[_SHOP] = opened
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what happened in its shop."""
    report = yield
    if report.when == "call" and report.failed and _SHOP in item.stash:
        report.sections.append(("what happened in the shop", item.stash[_SHOP].story()))
    return report


def _insist_on(catalogue: str, request: pytest.FixtureRequest) -> None:
    """End the test with what to do where the kit, or the catalogue, cannot be imported in this process."""
    for folder in _folders(request):
        if folder.joinpath(*catalogue.split("."), "__init__.py").is_file():
            stand_in(str(folder))
    stand_in(str(request.config.rootpath))
    if wrong := hidden_room():
        apart = "in one process a name is one package, so run the tests that ask for the kit's fixtures by themselves"
        pytest.fail(f"{wrong}: {apart}, such as: pytest {request.node.nodeid.partition('::')[0]}", pytrace=False)
    if spec_of(catalogue) is None:
        advice = "let the fixture journeys_catalogue return its name, as you import it from the folder that holds it"
        pytest.fail(f"there is no module '{catalogue}', above this test or on Python's path: {advice}", pytrace=False)


def _folders(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where a catalogue may begin: in a folder above the test, or in its `src`."""
    for folder in request.path.parents:
        yield from (folder, folder / "src")
