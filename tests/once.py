"""What is the same whichever test asks for it, and dear: made once in a process, not once in a test.

Promise: what a test made another is made anew: a catalogue of its own or imported again, certificates in another file.
"""

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import jwt.algorithms
import pytest
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.channels.kinds import KINDS
from activities.templates import Templates
from journeys.catalogue import Catalogue
from journeys.versions.archive import Archive
from workers import definitions, versions
from workers.sandbox import accounts

T = TypeVar("T")

_ROOT = Path(__file__).parents[1]


@contextmanager
def made_once() -> Iterator[None]:
    """As long as the block lasts."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(definitions, "examine", _kept(definitions.examine))
        patched.setattr(versions, "archive_now", _kept(versions.archive_now))
        patched.setattr(versions, "_templates", _of_an_archive(versions._templates))
        patched.setattr(accounts, "_fresh", cache(accounts._fresh))
        patched.setattr(jwt.algorithms, "load_pem_private_key", cache(jwt.algorithms.load_pem_private_key))
        patched.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        patched.setattr(SandboxedWorkflowRunner, "prepare_workflow", _tried(SandboxedWorkflowRunner.prepare_workflow))
        yield


def _kept(look: Callable[[str], T]) -> Callable[[str], T]:
    """What a look at one of the repository's catalogues found, until it is imported again."""
    seen: dict[str, tuple[ModuleType, T]] = {}

    def once(module: str) -> T:
        if module in seen and seen[module][0] is sys.modules.get(module):
            return seen[module][1]
        found = look(module)
        imported = sys.modules.get(module)
        if imported and _ROOT in Path(str(imported.__file__)).parents:
            seen[module] = imported, found
        return found

    return once


def _of_an_archive(read: Callable[[Archive, Catalogue], Templates]) -> Callable[[Archive, Catalogue], Templates]:
    """The templates in an archive, as the channels read them: its id is said of all its texts."""
    seen: dict[tuple[str, str], Templates] = {}

    def once(archive: Archive, catalogue: Catalogue) -> Templates:
        which = archive.id, repr(KINDS)
        if which not in seen:
            seen[which] = read(archive, catalogue)
        return seen[which]

    return once


def _tried(prepare: Callable[[SandboxedWorkflowRunner, Any], None]) -> Callable[[SandboxedWorkflowRunner, Any], None]:
    """Whether the sandbox can import a workflow: a worker tries when it is made; each run imports all of it again."""
    fine: list[tuple[SandboxRestrictions, type]] = []

    def once(self: SandboxedWorkflowRunner, definition: Any) -> None:
        asked = self.restrictions, definition.cls
        if asked not in fine:
            prepare(self, definition)
            fine.append(asked)

    return once
