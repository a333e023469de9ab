"""Whether a run may go on with another version of the catalogue: asked of an activity, so that its history keeps the answer.

Promise: a version that cannot be had, or is refused, keeps nobody from going on with the one that they are in.
"""

import asyncio
from dataclasses import dataclass

from temporalio import activity

from activities.versions import UnknownVersion, Versions
from journeys.heard import Fits


@dataclass(frozen=True)
class Fitting:
    """The activity and what it works with."""

    versions: Versions

    @activity.defn(name=Fits.activity)
    async def fits(self, asked: Fits) -> str | None:
        """Why the version would not have done what the run has done, or cannot be had; None where the run may go on with it."""
        try:
            served = await self.versions.of(asked.start.version)
        except UnknownVersion as unknown:
            return unknown.message
        unlike = served.unlike.get(asked.journey)
        return await asyncio.to_thread(unlike, asked.start) if unlike else "there is no such journey"
