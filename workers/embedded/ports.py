"""Ports on localhost: the usual one, else the next that is free, and the same one at the next start.

Promise: two stacks that start at the same moment do not choose the same port, and a port that is not the usual one is said.
"""

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

LOCALHOST = "127.0.0.1"
_FURTHER = 100  # ports after the usual one that are tried before any other


def free_port(preferred: int = 0, *, host: str = LOCALHOST) -> int:
    """The preferred port if nobody listens on it, else one the system picks."""
    return preferred if preferred and is_free(host, preferred) else _any_port(host)


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@dataclass(slots=True)
class Ports:
    """The ports of one stack, kept in its data directory, and reserved from `take` to `release`.

    `usual` False: any free ones. `say` is told (part, sentence) of a port that is not the one that was wanted.
    """

    directory: Path
    say: Callable[[str, str], None]
    usual: bool = True
    _reserved: list[int] = field(default_factory=list)

    def take(self, part: str, wanted: int) -> int:
        """A port for a part: last time's if it is free and the same one was wanted, else the first free one from there on."""
        wanted *= self.usual
        kept = self._kept()
        last = kept.get(part, {})
        port = next(filter(self._reserve, _candidates(wanted, last.get("port", 0) if last.get("wanted") == wanted else 0)))
        if port != wanted and wanted:
            self.say(part, f"port {wanted} is or was taken: on {port} now, and next time if it is free")
        self._file.write_text(json.dumps(kept | {part: {"wanted": wanted, "port": port}}, indent=1) + "\n")
        return port

    def release(self) -> None:
        """Let others have them."""
        for descriptor in self._reserved:
            os.close(descriptor)
        self._reserved.clear()

    @property
    def _file(self) -> Path:
        return self.directory / "ports.json"

    def _kept(self) -> dict[str, dict[str, int]]:
        with suppress(FileNotFoundError, ValueError):
            found: dict[str, dict[str, int]] = json.loads(self._file.read_text())
            return found
        return {}

    def _reserve(self, port: int) -> bool:
        """A lock that other stacks look at: between choosing a port and listening on it nobody else can see that it is ours."""
        folder = Path(tempfile.gettempdir()) / f"journeys-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if not is_free(LOCALHOST, port):
            os.close(descriptor)
            return False
        self._reserved.append(descriptor)
        return True


def _candidates(wanted: int, last: int) -> Iterator[int]:
    following = range(wanted, min(wanted + _FURTHER, 65_536)) if wanted else ()
    return chain([last] if last else [], following, iter(lambda: _any_port(LOCALHOST), 0))


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
