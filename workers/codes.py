"""The journeys of versions for those who look at runs, or play them, without working on them: the API and the command line.

Promise: the version at hand is the catalogue as it is loaded; any other is executed only with the signature of somebody who may
deploy, and None where there is none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from journeys import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.catalogue import load as load_here
from journeys.errors import JourneyError
from journeys.simulate.trial import Played, TrialRun, play
from journeys.versions.archive import unpacked
from journeys.versions.loading import load
from segments import Segment
from segments.define.define import alive
from segments.language.names import resolved
from store import Database
from store.segments.rows import stored
from store.versions import stored_version
from workers.compared import deployed
from workers.signing import Deployers
from workers.versions import archive_now

_Journeys = Mapping[str, JourneyDefinition]
_KEPT = 4  # versions that stay loaded for trials


@dataclass
class Codes:
    """The catalogue of this process, and whose signature it trusts."""

    module: str
    own: _Journeys
    deployers: Deployers
    #: Of the catalogue; worked out where it is asked for, if nobody has done so yet.
    version: str | None = None
    _known: dict[str, _Journeys] = field(default_factory=dict, init=False)

    async def __call__(self, database: Database, version: str | None) -> _Journeys | None:
        """The journeys of a version; of a run that has none, those at hand."""
        if version is None or version == await self._own_version():
            return self.own
        if version not in self._known:
            found = await self._loaded(database, version)
            if found is None:
                return None
            self._known[version] = found
        return self._known[version]

    async def _own_version(self) -> str:
        if self.version is None:
            self.version = (await asyncio.to_thread(archive_now, self.module)).id
        return self.version

    async def _loaded(self, database: Database, version: str) -> _Journeys | None:
        stored = await stored_version(database, version)
        if stored is None or not self.deployers.vouch_for(version, stored.archive, stored.signature):
            return None
        try:
            archive = unpacked(stored.archive)
            return load(archive).journeys if archive.id == version else None
        except JourneyError:
            return None


@dataclass
class Trying:
    """Plays trials of the catalogue as it is here, or of a deployed version: one at a time, in a thread of its own."""

    module: str
    deployers: Deployers
    #: Of that catalogue.
    version: str | None = None
    _loaded: dict[str, Catalogue] = field(default_factory=dict, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def __call__(
        self, database: Database, journey: str, trial: TrialRun, now: datetime, version: str | None = None
    ) -> tuple[str | None, Played]:
        """The version that was played, and what came of it.

        Raises:
            CannotBeCompared: there is no such version, or nobody who may deploy has signed it.
            CatalogueError: it has no such journey.
            SimulationError: it cannot be played.
        """
        which, catalogue = await self._of(database, version)
        others = await defined(database, catalogue)
        async with self._turn:
            return which, await asyncio.to_thread(play, catalogue, journey, trial, now, others)

    async def _of(self, database: Database, version: str | None) -> tuple[str | None, Catalogue]:
        if version is None:
            return self.version, load_here(self.module)
        side = await deployed(version, database, self.deployers)
        if side.archive.id not in self._loaded:
            if len(self._loaded) >= _KEPT:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[side.archive.id] = (await asyncio.to_thread(lambda: side.version)).catalogue
        return side.archive.id, self._loaded[side.archive.id]


async def defined(database: Database, catalogue: Catalogue) -> list[Segment]:
    """The segments that people have defined beside the catalogue's."""
    written = {row.name: row.definition for row in alive(await stored(database))}
    known = resolved(catalogue.segments, written).segments
    return [segment for name, segment in known.items() if name not in catalogue.segments]
