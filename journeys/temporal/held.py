"""The catalogue of a version, for a workflow: what its worker holds, loaded once a process (in the sandbox, once a run).

Promise: no I/O. A version that the worker does not hold (yet) fails the task with a sentence, and Temporal tries it again.
"""

from journeys import catalogue
from journeys.catalogue import Catalogue
from journeys.errors import JourneyError
from journeys.temporal import current
from journeys.versions.loading import load

_loaded: dict[str, Catalogue] = {}


def catalogue_of(version: str | None) -> Catalogue:
    """A version's catalogue; the process's own for a run that was given none.

    Raises:
        JourneyError: this worker does not hold it.
    """
    if version is None:
        return catalogue.load(current.module)
    if version not in _loaded:
        archive = current.archives.get(version)
        if archive is None:
            raise JourneyError(
                f"this worker does not hold version {version} of the catalogue: it does not stand in Postgres, or its signature"
                " is refused (the worker's log says so), or it was deployed a moment ago"
            )
        _loaded[version] = load(archive)
    return _loaded[version]
