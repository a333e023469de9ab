"""A pass is on one more device, or on one less: an event of the customer's, about the message that the pass stands at.

Promise: once each, because the device's row changes in the same transaction; nobody who was erased gets one.
"""

from fastapi import Request

from activities.channels.feedback import Status
from activities.channels.kinds import KINDS
from activities.channels.wallet.passes import id_of
from api.config import ApiConfig
from api.webhooks.notices import Notices
from segments.language.events import PASS_ADDED, PASS_REMOVED
from store import Connection
from store.deliveries.feedback import NewEvent, living, match_statuses, store_events
from store.deliveries.passes import Pass


async def added(request: Request, config: ApiConfig, connection: Connection, pass_: Pass, platform: str, id_: str) -> None:
    """A device has the pass: so its message was delivered, too."""
    await delivered(request, config, connection, pass_)
    await _event(request, config, connection, pass_, (PASS_ADDED, platform, id_))


async def removed(request: Request, config: ApiConfig, connection: Connection, pass_: Pass, platform: str, id_: str) -> None:
    """A device has the pass no more."""
    await _event(request, config, connection, pass_, (PASS_REMOVED, platform, id_))


async def delivered(request: Request, config: ApiConfig, connection: Connection, pass_: Pass) -> None:
    """A wallet has fetched what the pass shows now."""
    news = [_status(config, pass_)]
    await Notices(KINDS["wallet"], config, connection, request.headers.get("traceparent")).take(news)


async def _event(request: Request, config: ApiConfig, connection: Connection, pass_: Pass, what: tuple[str, str, str]) -> None:
    type_, platform, id_ = what
    matched = await match_statuses(connection, "wallet", [_status(config, pass_)])
    alive = await living(connection, {to.profile_id for _, to in matched})
    traceparent = (request.headers.get("traceparent") or "")[:55] or None
    now = config.clock.now()
    events = [
        NewEvent(
            alive[to.profile_id], f"wallet:{id_}", type_, now, {"channel": "wallet", **to.properties, "platform": platform}
        )
        for _, to in matched
        if to.profile_id in alive
    ]
    await store_events(connection, events, source="wallet", at=now, traceparent=traceparent)


def _status(config: ApiConfig, pass_: Pass) -> Status:
    key = pass_.message
    name = id_of(f"{key.run_id}/{key.step}/{key.occurrence}")
    return Status(name, key, "delivered", config.clock.now())
