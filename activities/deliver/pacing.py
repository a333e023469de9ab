"""Paces of providers, told to Temporal's queues: what would have to wait waits there, by priority and fairly between journeys.

Promise: a channel's queue hands out little more a second than its providers take together, where each has a pace, or each of
its senders; within seconds of a change. How many go to each is kept by `activities.deliver.limits`, which lets messages that
are no marketing go at once: a queue knows one rate for all, so it leaves room for them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.channels.base import Provider
from activities.channels.carriers import Carriers
from activities.deliver.limits import REFRESH, Limits
from journeys.contracts import Channel, delivery_queue
from store.away import AWAY
from store.deliveries.providers import Limit

log = structlog.get_logger(__name__)

#: So many a second beyond the pace: what is no marketing stands before the rest, and does not wait for its pace.
ROOM = 10


@dataclass
class Pacing:
    """Keeps the queues' rates as the limits say."""

    client: Client
    carriers: Mapping[Channel, Carriers]
    limits: Limits
    _told: dict[Channel, float | None] = field(default_factory=dict, init=False)

    async def keep_up(self) -> None:
        """For as long as the worker runs."""
        while True:
            try:
                await self.once()
            except AWAY:
                log.debug("limits cannot be read while Postgres is away")
            except RPCError as error:
                if error.status is RPCStatusCode.UNIMPLEMENTED:
                    log.info("this Temporal keeps no rates of queues; workers alone keep the paces of providers")
                    return
                log.warning("a queue's rate could not be told to Temporal", status=error.status.name)
            await asyncio.sleep(REFRESH.total_seconds())

    async def once(self) -> None:
        """Tell Temporal what has changed."""
        known = await self.limits.known()
        for channel, carriers in self.carriers.items():
            paces = [_pace_of(part, known) for each in carriers.all for part in each.parts]
            rate = ROOM + sum(pace for pace in paces if pace is not None) if None not in paces else None
            if channel not in self._told or self._told[channel] != rate:  # at first, too: an earlier one may still hold
                await self._tell(channel, rate)
                self._told[channel] = rate

    async def _tell(self, channel: Channel, rate: float | None) -> None:
        limit = RateLimit(requests_per_second=rate) if rate is not None else None
        request = UpdateTaskQueueConfigRequest(
            namespace=self.client.namespace,
            identity=self.client.service_client.config.identity,
            task_queue=delivery_queue(channel),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=limit, reason="limits of providers"
            ),
        )
        await self.client.workflow_service.update_task_queue_config(request)
        log.info("a queue's rate was told to Temporal", queue=delivery_queue(channel), per_second=rate)


def _pace_of(provider: Provider, known: Mapping[str, Limit]) -> float | None:
    """Messages a second that a provider takes, by its own pace and by those of its senders, if each has one."""
    paces = {who: limit.per_second for who, limit in known.items()}
    senders = [paces.get(f"{provider.name}/{sender}") for sender in provider.senders]
    of_senders = [pace for pace in senders if pace is not None]
    together = sum(of_senders) if senders and len(of_senders) == len(senders) else None
    return min((pace for pace in (paces.get(provider.name), together) if pace is not None), default=None)
