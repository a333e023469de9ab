"""The versions of the catalogue that a worker holds: its own, and every one that stands in Postgres, looked at and loaded.

Promise: nothing of an archive is executed before its signature has been checked; what is refused is told by its version.
Its own stands in Postgres before a run begins with it, so that any worker can go on with that run.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import structlog

from activities.templates import Folder, Templates, Vocabulary, templates_of, texts_in
from activities.versions import Served, UnknownVersion
from journeys.catalogue import Catalogue
from journeys.errors import JourneyError
from journeys.temporal import current
from journeys.temporal.held import catalogue_of
from journeys.versions.archive import Archive, archive_of, unpacked
from journeys.versions.changes import changes_in
from journeys.walk.again import unlike
from journeys.walk.leading import leading_wait
from store import Connection, Database
from store import versions as stored
from store.away import AWAY
from store.versions import StoredVersion
from workers.signing import Deployers

log = structlog.get_logger(__name__)

#: How soon a worker holds what another one deployed (real time).
REFRESH = timedelta(seconds=1)
_OVERLAP = timedelta(minutes=1)  # clocks of two servers differ, and a move is committed after its instant


class ArchiveUnlikeCatalogue(JourneyError):
    """A catalogue's archive does not hold what the catalogue does."""


@dataclass
class Library:
    """What the activities of a worker look versions up in; `by` is who deploys its own, if it has the key."""

    database: Database
    archive: Archive
    own: Served
    deployers: Deployers
    by: str = "a worker as it started"
    _held: dict[str, Served] = field(default_factory=dict, init=False)
    _refused: set[str] = field(default_factory=set, init=False)
    _stands: bool = field(default=False, init=False)
    _looked_at: datetime | None = field(default=None, init=False)

    @property
    def held(self) -> Iterable[Served]:
        """Those at hand."""
        return [self.own, *self._held.values()]

    async def handed_out(self) -> Served:
        """The worker's own, which stands in Postgres from the first time on.

        Raises:
            DeployKeyMissing: it has not been deployed, and this worker may not do that.
        """
        if not self._stands:
            await self.deploy()
        return self.own

    async def deploy(self) -> bool:
        """Write the worker's own version down in Postgres, or see that it stands there; says whether it is new."""
        version = self.archive.id
        found = await stored.stored_version(self.database, version)
        new = False
        if self.deployers.private is not None or found is None or not self._genuine(found):
            packed = self.archive.packed()
            row = StoredVersion(version, packed, self.deployers.sign(version, packed))
            new = await stored.deploy(self.database, row, self.archive.package, sorted(self.own.specs), self.by)
            for dropped in await stored.drop_unneeded(self.database, self.by):
                log.info("a version that nobody is in any more was let go", version=dropped)
        self._stands = True
        return new

    async def of(self, version: str | None, connection: "Connection | None" = None) -> Served:
        """A version, fetched if need be.

        Raises:
            UnknownVersion: it cannot be had, or is refused.
        """
        if version is None or version == self.own.version:
            return self.own
        if version not in self._held:
            found = await stored.stored_version(connection or self.database, version)
            self._held[version] = self._taken_up(version, found)
        return self._held[version]

    async def refresh(self) -> None:
        """Hold whatever stands in Postgres, and know which runs go on with another version than they began with."""
        standing = await stored.standing(self.database)
        if self._stands and self.archive.id not in standing:
            await self.deploy()
        for version in [each for each in standing if each not in self._held and each != self.archive.id]:
            try:
                await self.of(version)
            except UnknownVersion as unknown:  # looked at again each time: it may be deployed anew; told once
                if version not in self._refused:
                    log.error("a version of the catalogue is refused", version=version, why=unknown.message)  # noqa: TRY400 - no bug
                self._refused.add(version)
        began = datetime.now(UTC)
        current.moved.update(await stored.mended_since(self.database, self._looked_at))
        self._looked_at = began - _OVERLAP

    async def keep_up(self) -> None:
        """Refresh for ever, also after Postgres was away."""
        while True:
            try:
                await self.refresh()
            except AWAY as error:
                log.warning("versions of the catalogue are looked up again", error=type(error).__name__)
            await asyncio.sleep(REFRESH.total_seconds())

    def _genuine(self, found: StoredVersion) -> bool:
        return self.deployers.vouch_for(found.id, found.archive, found.signature)

    def _taken_up(self, version: str, found: StoredVersion | None) -> Served:
        if found is None:
            raise UnknownVersion(f"version {version} of the catalogue does not stand in Postgres; deploy it again")
        if not self._genuine(found):
            raise UnknownVersion(
                f"version {version} of the catalogue is refused: nobody who may deploy has signed what stands in Postgres"
                " (JOURNEYS_DEPLOY_PUBLIC_KEYS); deploy it again"
            )
        try:
            return hold(unpacked(found.archive), version)
        except JourneyError as error:
            raise UnknownVersion(f"version {version} of the catalogue does not load: {error}") from error


def library_of(module: str, database: Database, catalogue: Catalogue, deployers: Deployers) -> Library:
    """The library of a worker that serves a catalogue.

    Raises:
        ArchiveUnlikeCatalogue: the catalogue needs more than its sources and templates.
    """
    archive = archive_now(module)
    own = hold(archive, archive.id)
    current.own = archive.id
    if dict(own.specs) != {name: definition.spec for name, definition in catalogue.journeys.items()}:
        raise ArchiveUnlikeCatalogue(
            f"catalogue '{module}' is another when it is loaded from its sources alone: a module of it makes journeys from what"
            " stands elsewhere (files, the environment); write them in its modules"
        )
    return Library(database, archive, own, deployers)


def archive_now(module: str) -> Archive:
    """A catalogue as it stands in its files."""
    folder = Path(next(iter(import_module(module).__path__)))
    return archive_of(module, {place: text for place, text in texts_in(folder).items() if text is not None})


def hold(archive: Archive, version: str) -> Served:
    """An archive, loaded for the workflows and the activities of this process.

    Raises:
        JourneyError: it is not that version, or does not load.
    """
    if archive.id != version:
        raise JourneyError(f"it is version {archive.id} of the catalogue under the name of {version}")
    current.archives[version] = archive
    try:
        found = served(version, catalogue_of(version), _templates(archive, catalogue_of(version)))
        return replace(found, changes=changes_in(archive.texts[place] for place in archive.modules.values()))
    except BaseException:
        del current.archives[version]
        raise


def served(version: str | None, catalogue: Catalogue, templates: Templates) -> Served:
    """What those who act for runs need of a version."""
    definitions = catalogue.journeys
    return Served(
        version=version,
        specs={name: each.spec for name, each in definitions.items()},
        segments=catalogue.segments,
        templates=templates,
        leading={name: partial(leading_wait, each) for name, each in definitions.items()},
        branchable={name: each.branchable for name, each in definitions.items()},
        holdout=catalogue.holdout,
        accept={name: each.accept for name, each in definitions.items()},
        services=catalogue.services,
        contexts=catalogue.contexts,
        prices=catalogue.prices,
        currency=catalogue.currency,
        experiments=catalogue.experiments,
        predictions=catalogue.predictions,
        unlike={name: partial(unlike, each) for name, each in definitions.items()},
    )


def _templates(archive: Archive, catalogue: Catalogue) -> Templates:
    vocabulary = Vocabulary().extended(
        traits=catalogue.traits, properties=catalogue.properties, fetched=catalogue.fetched, around=catalogue.around
    )
    return templates_of(Folder(archive.package.rpartition(".")[2], archive.templates), vocabulary)
