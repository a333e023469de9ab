"""The parts of the stack that are our own programs: each started as `python -m …`, ready when it answers."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from journeys.place import HOME
from workers.embedded.errors import ServerFailed
from workers.embedded.processes import GRACE, Child, Children, Endable

_STARTUP = timedelta(minutes=3)  # on a busy machine; one that dies is told at once


class Part(Protocol):
    """What the stack can start, stop and kill; Postgres and Temporal are parts, too."""

    child: Child | None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        ...

    def stop(self) -> None:
        """End it cleanly."""
        ...

    def kill(self) -> None:
        """End it as a power cut would."""
        ...


@dataclass(slots=True)
class Program(Endable):
    """One of our own programs as a child process."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # it holds secrets; a command line never does
    log: Path
    children: Children
    ready: "Ready"
    grace: timedelta = GRACE
    child: Child | None = None

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            ServerFailed: it ended, or was not ready within minutes; the message carries the end of what it said.
        """
        # -P and our home first: a folder of the user's, called like one of ours, hides nothing.
        command = [sys.executable, "-P", "-m", *self.arguments]
        path = os.pathsep.join(filter(None, [str(HOME), self.environment.get("PYTHONPATH")]))
        # Texts in a set stand in the same order in every process, so that a journey that goes by it replays.
        env = {"PYTHONHASHSEED": "0", **self.environment, "PYTHONPATH": path}
        self.child = self.children.start(self.name, command, log=self.log, env=env, grace=self.grace)
        self._await_ready(self.child)

    def said(self, words: str) -> bool:
        """Whether its log holds these words since it was started."""
        return self.child is not None and words in self.child.said()

    def _await_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _STARTUP.total_seconds()
        while not self.ready(self):
            if not child.running or time.monotonic() > deadline:
                slow = child.running
                self.stop()
                late = f" within {_STARTUP.total_seconds():.0f} s: is this machine very busy?" if slow else ""
                raise ServerFailed(f"the {self.name} did not start{late} ({self.log}); its log ends with: {child.tail()}")
            time.sleep(0.05)


Ready = Callable[[Program], bool]


def says(words: str) -> Ready:
    """Ready when its log says so."""
    return lambda program: program.said(words)


def answers(url: str) -> Ready:
    """Ready when its HTTP server answers, whatever it says."""

    def check(_: Program) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own localhost address
                return True
        except urllib.error.HTTPError:
            return True
        except (OSError, HTTPException):  # nobody, or somebody else who speaks another protocol there
            return False

    return check
