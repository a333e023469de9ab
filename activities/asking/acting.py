"""What journeys do to profiles and in other journeys: each action once, under its own key.

Promise: an action that is repeated after a crash finds that it has been done. Traits go the way of every identify call, so
that segments, waiting runs and the profile's history see them as any other word, with their source.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from temporalio import activity

from activities.versions import Served, Versions, nearest
from journeys.actions import Action, EndJourney, Hold, SetTraits, StartJourney, Track
from journeys.contracts import Reason
from journeys.entering import check_entry
from journeys.entry import STARTS_WITHIN, Entry, Refused, let_in
from journeys.errors import InvalidParams
from segments.language.events import TRAITS_CHANGED
from store import Connection, Database
from store.ingest.batch import Memory, store
from store.ingest.items import Changes, Item
from store.runs import entries
from store.runs import rows as runs
from store.runs.entries import Refusal
from store.runs.rows import OpenRun
from store.runs.switches import state_of
from store.runs.views import run_by_idempotency_key

#: What stands as the source of what journeys say of a customer.
SOURCE = "journeys"


@dataclass(frozen=True)
class Acting:
    """The activities and what they work with."""

    database: Database
    versions: Versions
    memory: Memory = field(default_factory=Memory)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """All of them, for a worker."""
        return [self.set_traits, self.track, self.start_journey, self.end_journey, self.hold]

    @activity.defn(name=SetTraits.activity)
    async def set_traits(self, asked: SetTraits) -> bool:
        """Set traits of the run's customer; whether there is still one."""
        return await self._say(asked, TRAITS_CHANGED, "identify", {}, Changes(traits=dict(asked.traits)))

    @activity.defn(name=Track.activity)
    async def track(self, asked: Track) -> bool:
        """Store an event of the run's customer; whether there is still one."""
        return await self._say(asked, asked.event, "track", asked.properties, Changes())

    async def _say(self, asked: Action, type_: str, kind: str, properties: Mapping[str, Any], changes: Changes) -> bool:
        """A call of ours about the run's customer, under the action's key; whether there is still one."""
        async with self.database.transaction() as connection:
            names = await runs.names_of(connection, asked.run_id)
        if names is None:
            return False
        item = Item(
            message_id=asked.key,
            user_id=names.user_id,
            anonymous_id=None if names.user_id else names.anonymous_id,
            ts=asked.at,
            type=type_,
            kind=kind,
            properties=orjson.dumps(properties).decode(),
            context="{}",
            clamped=False,
            source=SOURCE,
            received_at=asked.at,
            changes=changes,
        )
        await store(self.database, [item], self.memory)
        return True

    @activity.defn(name=StartJourney.activity)
    async def start_journey(self, asked: StartJourney) -> bool:
        """Whether another journey lets the run's customer in; not one that no longer takes these parameters."""
        found = await self._taking(asked)
        async with self.database.transaction() as connection:
            if await run_by_idempotency_key(connection, asked.journey, asked.key) is not None:
                return True
            run = await runs.run_asking(connection, asked.run_id)
            if run is None:
                return False
            if found is None:
                await _refused(connection, run.profile_id, asked, "", Refused(Reason.PARAMS_UNLIKE.value))
                return False
            return await self._let_in(connection, *found, run, asked)

    @activity.defn(name=EndJourney.activity)
    async def end_journey(self, asked: EndJourney) -> bool:
        """Whether the run's customer was in another journey, which ends now."""
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, asked.run_id)
            found = await runs.open_runs_of(connection, [run.profile_id]) if run else []
            ending = [each.id for each in found if each.journey == asked.journey]
            reason = Reason.OTHER_JOURNEY.value
            return bool(await runs.request_exits(connection, [(id_, reason, asked.at) for id_ in ending]))

    @activity.defn(name=Hold.activity)
    async def hold(self, asked: Hold) -> bool:
        """Let the customer's other journeys wait with their marketing, or let them go; whether the run is still there."""
        async with self.database.transaction() as connection:
            if asked.lets_go is None:
                await runs.hold(connection, asked.run_id, asked.number, asked.at)
            else:
                await runs.release(connection, asked.run_id, asked.lets_go, asked.at)
            return await runs.run_asking(connection, asked.run_id) is not None

    async def _taking(self, asked: StartJourney) -> tuple[Served, dict[str, Any]] | None:
        """With which version they begin: this worker's own, else that of the run that asks, which wrote the parameters."""
        for served in (await self.versions.handed_out(), await nearest(self.versions, asked.version)):
            with suppress(KeyError, InvalidParams):
                check_entry(served.specs[asked.journey].entry_model, {})
                return served, served.accept[asked.journey](asked.params)
        return None

    async def _let_in(
        self, connection: Connection, served: Served, params: dict[str, Any], by: OpenRun, asked: StartJourney
    ) -> bool:
        spec = served.specs[asked.journey]
        key = asked.key if spec.keyed else ""  # each start by a journey is a key of its own
        entry = Entry(
            spec=spec,
            by="journey",
            at=asked.at,
            key=key,
            control=await state_of(connection, asked.journey),
            params=params,
            idempotency_key=asked.key,
            version=served.version,
            foretold=by.foretold,  # whom a prediction let in is left alone by all that follows from it
            started=await entries.started_by_journeys(connection, by.profile_id, asked.at - STARTS_WITHIN),
        )
        (standing,) = await entries.standings(connection, [(spec.name, by.profile_id, key, spec.keyed)])
        decided = let_in(entry, standing, asked.at)
        if isinstance(decided, Refused):
            await _refused(connection, standing.profile_id, asked, key, decided)
            return False
        return bool(await entries.open_runs(connection, [decided]))


async def _refused(connection: Connection, customer: UUID, asked: StartJourney, key: str, why: Refused) -> None:
    """Who asks why somebody is not in a journey finds it there."""
    told = Refusal(asked.journey, customer, key, "journey", why.reason, asked.at, detail=why.told)
    await entries.insert_refusals(connection, [told])
