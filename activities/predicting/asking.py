"""Predictions of the catalogue, written down, and trained or scored as soon as somebody wants that; fits nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from journeys.clock import Clock
from journeys.contracts import WATCH_QUEUE
from segments.predictions.prediction import Prediction
from store import Database, predictions

log = structlog.get_logger(__name__)

#: How often it is looked whether somebody wants a prediction trained or scored now (seconds).
EVERY = 2.0


@dataclass(frozen=True)
class Predicting:
    """The chore of the watch, and what it works with."""

    database: Database
    client: Client
    clock: Clock
    declared: Mapping[str, Prediction]

    async def declare(self) -> Mapping[str, Prediction]:
        """Write down which predictions the catalogue has; those that are new, or mean something else, are trained at once."""
        for each in self.declared.values():
            spans = each.retrain, each.score, each.max_age
            await predictions.declare(self.database, each.name, each.version, *spans, self.clock.now())
        return self.declared

    async def wake(self) -> None:
        """Have those trained or scored that somebody wants so."""
        for name, trains in await predictions.asked(self.database):
            if name not in self.declared:
                continue
            what = "train-prediction" if trains else "score-prediction"
            try:
                await self.client.start_workflow(
                    what,
                    name,
                    id=f"predict/{name}/{'train' if trains else 'score'}/asked",
                    task_queue=WATCH_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=f"{name}: {what}, because somebody asked for it",
                )
            except RPCError as error:
                log.warning("temporal did not take a prediction", prediction=name, status=error.status.name)
            else:
                await predictions.taken_up(self.database, name, trains=trains)
