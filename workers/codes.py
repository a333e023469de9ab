"""The journeys of versions for those who look at runs without working on them: the API and the command line.

Promise: the version at hand is the catalogue as it is loaded; any other is executed only with the signature of somebody who may
deploy, and None where there is none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from journeys import JourneyDefinition
from journeys.errors import JourneyError
from journeys.versions.archive import unpacked
from journeys.versions.loading import load
from store import Database
from store.versions import stored_version
from workers.signing import Deployers
from workers.versions import archive_now

_Journeys = Mapping[str, JourneyDefinition]


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
