"""Which catalogue this process serves, and which versions of it. The one module that the workflow sandbox passes through.

Promise: workflows only read it; the worker writes a version down here once it has been looked at, signature included.
"""

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from journeys.versions.archive import Archive

#: The catalogue as this process imports it; what a run walks that was given no version.
module = "definitions"
#: The version that this process gives to new runs; none where nothing is handed out.
own: str | None = None
#: What this process holds, by version.
archives: dict[str, "Archive"] = {}
#: Runs that go on with another version than their history began with: each could not go on, and this one replays it. With how
#: often each had been moved on purpose by then: in a history that began after that, it is over.
moved: dict[UUID, tuple[int, str]] = {}
