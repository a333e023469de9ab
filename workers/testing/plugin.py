"""What the kit's fixtures open: `journeys.kit.plugin` declares them, and imports this when a test asks for one.

Promise: servers are started when they are first asked for, and stopped with the session; the simulator needs none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from journeys.catalogue import load
from workers.testing.rehearsal import MONDAY, Rehearsal
from workers.testing.simulated import Simulated

if TYPE_CHECKING:
    from workers.testing.servers import Servers

_SERVERS = pytest.StashKey["Servers"]()


def servers_of(config: pytest.Config) -> "Servers":
    """The session's servers; with pytest-xdist those of its controller."""
    from workers.testing.servers import Servers

    if _SERVERS not in config.stash:
        servers = config.stash[_SERVERS] = Servers(getattr(config, "workerinput", {}).get("journeys"))
        config.add_cleanup(servers.close)
    return config.stash[_SERVERS]


@contextmanager
def simulated(catalogue: str) -> Iterator[Rehearsal]:
    """A shop in this process, on a virtual clock."""
    yield Rehearsal(Simulated(load(catalogue), MONDAY))


@contextmanager
def on_servers(config: pytest.Config, catalogue: str, folder: Path) -> Iterator[Rehearsal]:
    """A shop on a database and a Temporal namespace of its own."""
    from workers.testing.served import served

    with served(servers_of(config), catalogue, folder) as stage:
        yield Rehearsal(stage)
