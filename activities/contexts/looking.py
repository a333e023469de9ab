"""The activity that tells a run what it is like where its customer is; where they are stays in Postgres."""

from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.contexts.knowing import Knowing
from activities.versions import Versions
from journeys.contracts import Reason
from journeys.questions import Look, Looked
from store.runs import rows as runs


@dataclass(frozen=True)
class Looking:
    """The activity and what it works with."""

    knowing: Knowing
    versions: Versions

    @activity.defn(name=Look.activity)
    async def look(self, asked: Look) -> Looked:
        """What it is like: what a history may hold of what the provider tells, or of what is declared otherwise.

        Raises:
            ApplicationError: the run's version of the catalogue lacks the context.
        """
        context = (await self.versions.of(asked.version)).contexts.get(asked.context)
        if context is None:
            missing = f"no context '{asked.context}' in this worker's catalogue; deploy the one that has it"
            raise ApplicationError(missing, type="UnknownContext")
        async with self.knowing.database.transaction() as connection:
            where = await runs.where_is(connection, asked.run_id)
        if where is None:
            return Looked(reason=Reason.NO_PLACE, values=context.known(context.default))
        known = await self.knowing.of(context, where[0])
        return Looked(reason=known.reason, values=context.known(known.answer))
