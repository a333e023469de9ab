"""The pytest plugin of the kit: `shop`, a whole shop on the catalogue that `journeys_catalogue` names.

Promise: nothing else of ours is imported, and no server started, before a test asks for a fixture; a suite that asks for none
does not notice us. What stands in the kit's way is told in one sentence. The names of the fixtures leave room for yours.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from journeys.kit.lending import Lender
from journeys.place import hidden_room, spec_of, stand_in, written_over

try:
    import pytest_asyncio

    async_fixture = pytest_asyncio.fixture
except ModuleNotFoundError:  # pytest then says what a test that asks for `shop` needs
    async_fixture = pytest.fixture  # type: ignore[assignment]

if TYPE_CHECKING:
    from workers.testing.shop import Shop

_LENDER = pytest.StashKey[Lender]()


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


@async_fixture
async def shop(request: pytest.FixtureRequest, journeys_catalogue: str, tmp_path: Path) -> AsyncIterator["Shop"]:
    """A shop on a database and a Temporal namespace of this test's own."""
    _insist_on(journeys_catalogue, request)
    from workers.testing.plugin import opened  # noqa: PLC0415 - see the promise

    async with opened(request.config, journeys_catalogue, tmp_path / "shop") as shop:
        yield shop


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
    try:
        import workers.testing.plugin  # noqa: F401, PLC0415 - see the promise
    except ImportError as error:
        pytest.fail(written_over() or f"{error}: the kit needs its extra: pip install 'journeys[testing]'", pytrace=False)


def _folders(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where a catalogue may begin: in a folder above the test, or in its `src`."""
    for folder in request.path.parents:
        yield from (folder, folder / "src")
