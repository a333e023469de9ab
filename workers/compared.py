"""The versions that `journeys diff` compares: a folder, a commit of git, or what is deployed, each loaded for itself.

Promise: of what stands in Postgres nothing is executed that nobody who may deploy has signed; a folder and a commit are the
user's own code, and nothing of them is executed while something in it could reach the world by itself.
"""

import asyncio
import subprocess
import tarfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from activities.template_files import texts_in
from journeys.catalogue import source_in
from journeys.check.purity import impure
from journeys.errors import CatalogueError, JourneyError
from journeys.versions.archive import Archive, archive_in, unpacked
from journeys.versions.loading import load
from journeys.walk.changes import Change, Version, changes
from store import Database
from store.versions import PeopleIn, in_use, people_in, stored_version
from workers.signing import Deployers

_GIT = ["git", "-c", "core.quotepath=off"]


class CannotBeCompared(JourneyError):
    """One of the two is nothing that can be loaded."""


@dataclass(frozen=True)
class Side:
    """One of two versions: as the user named it, its archive, and who is in it where it is deployed."""

    named: str
    archive: Archive
    people: tuple[PeopleIn, ...] = ()

    @cached_property
    def version(self) -> Version:
        """It, loaded."""
        return Version(load(self.archive), self.archive.templates)

    def place_of(self, file: str) -> str:
        """A file as the user knows it: the archive's own place in its version's name is left out."""
        return file.removeprefix(f"{self.archive.id}/")


def at_hand(name: str, module: str) -> Side | None:
    """A folder or a commit; None for what is neither.

    Raises:
        CannotBeCompared: git cannot give it.
        CatalogueError: there is no such catalogue in it, or it is not pure.
    """
    if Path(name).is_dir():
        return Side(name, in_folder(Path(name), module))
    commit = _commit(name)
    return Side(name, at_commit(commit, module)) if commit else None


async def deployed(name: str | None, database: Database, deployers: Deployers) -> Side:
    """A version that is deployed, by the beginning of its id; without one the newest.

    Raises:
        CannotBeCompared: there is none, or nobody who may deploy has signed it.
    """
    standing = [each for each in await in_use(database) if each.dropped_at is None]
    found = next((each for each in standing if name is None or each.id.startswith(name)), None)
    if found is None:
        known = ", ".join(each.id for each in standing) or "none; `journeys deploy` does that"
        what = f"'{name}' is no folder, no commit of git here, and no version" if name else "there is no version"
        raise CannotBeCompared(f"{what} that is deployed; deployed is {known}")
    stored = await stored_version(database, found.id)
    if stored is None or not deployers.vouch_for(found.id, stored.archive, stored.signature):
        raise CannotBeCompared(
            f"version {found.id} is not looked into: nobody who may deploy has signed what stands in Postgres; set"
            " JOURNEYS_DEPLOY_PUBLIC_KEYS to what `journeys deploy --public-key` prints where it was deployed"
        )
    return Side(f"version {found.id}", unpacked(stored.archive), tuple(await people_in(database)))


@dataclass
class Comparing:
    """Two deployed versions, one comparison at a time; what was found of two is kept, since neither ever changes."""

    deployers: Deployers
    _known: dict[tuple[str, str], list[Change]] = field(default_factory=dict, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def __call__(self, database: Database, before: str, after: str | None) -> tuple[str, str, list[Change]]:
        """Their ids, and what the second does to people that the first does not; raises as `deployed`."""
        old, new = [await deployed(name, database, self.deployers) for name in (before, after)]
        which = old.archive.id, new.archive.id
        async with self._turn:
            if which not in self._known:
                self._known[which] = await asyncio.to_thread(lambda: changes(old.version, new.version))
        return *which, self._known[which]


def in_folder(folder: Path, module: str) -> Archive:
    """The catalogue of a checkout, or a folder that is a catalogue itself.

    Raises:
        CatalogueError: there is none, or it is not pure.
    """
    folder = folder.resolve()
    if (folder / "__init__.py").is_file():  # the catalogue itself: above it stands what it imports
        parts = module.split(".")
        module = module if folder.parts[-len(parts) :] == tuple(parts) else folder.name
        folder = folder.parents[module.count(".")]
    return _archive(folder, module)


def at_commit(commit: str, module: str) -> Archive:
    """The catalogue at a commit of the repository around the working directory.

    Raises:
        CannotBeCompared: git says why not.
        CatalogueError: there is none, or it is not pure.
    """
    packed = _git("archive", "--format=tar", commit)  # of the folder where one stands
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
        return _archive(Path(folder), module)


def _archive(root: Path, module: str) -> Archive:
    first = source_in(root, module)
    texts = texts_in(first.parent) if first else {}
    archive = archive_in(root, module, {place: text for place, text in texts.items() if text is not None})
    if problems := impure({place: archive.texts[place] for place in archive.modules.values()}):
        raise CatalogueError(*problems)
    return archive


def _commit(name: str) -> str | None:
    with suppress(CannotBeCompared):
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    return None


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run([*_GIT, *arguments], capture_output=True, check=False)  # noqa: S603 - no shell; names are verified
    except OSError as error:
        raise CannotBeCompared(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        raise CannotBeCompared(f"git: {done.stderr.decode(errors='replace').strip() or 'no such commit'}")
    return done.stdout
