"""Who a campaign's customers are, and when each is due: its segment's or list's members as it begins, on each one's own clock.

Promise: it happens once, in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime

from journeys.campaigns.message import message_of
from segments.ask.declared import leaves_alone
from segments.language.events import LIST_EVENT
from segments.load.stored import last_loaded
from segments.predictions.declared import Declared
from segments.time.calendar import rules_of
from segments.time.wall_clock import instants
from segments.time.zones import whereabouts
from store import Connection, Database, campaigns
from store.campaigns import CampaignRow

_PAGE = 2_000


async def prepare(
    database: Database, campaign: CampaignRow, zone: str, now: datetime, predictions: Mapping[str, Declared]
) -> None:
    """Write down who is due, and when; `zone` is that of whoever has none, `predictions` are the catalogue's."""
    async with database.transaction() as connection:
        current = await campaigns.lock(connection, campaign.id)
        if current is None or current.prepared_at is not None:
            return
        await campaigns.members(connection, campaign.id, LIST_EVENT)
        if campaign.wall_at is None:
            await campaigns.all_due(connection, campaign.id, campaign.begins_at)
        else:
            await _on_their_clocks(connection, campaign, zone, campaign.wall_at)
        segment = None if campaign.segment is None else await last_loaded(connection, campaign.segment)
        await campaigns.prepared(connection, campaign.id, now, await leaves_alone(connection, predictions, segment))


async def _on_their_clocks(connection: Connection, campaign: CampaignRow, zone: str, wall_at: datetime) -> None:
    """The instant at which each one's own clock shows that: the first of two, or the end of a gap."""
    known: dict[str, datetime] = {}
    after = -1
    while page := await campaigns.whereabouts(connection, campaign.id, after, _PAGE):
        due = []
        for each in page:
            own = whereabouts(each.traits, each.device_zone, each.phone, zone).likely(zone)
            if own not in known:
                known[own] = instants(wall_at.date(), wall_at.time(), rules_of(own))[0]
            due.append((each.number, known[own]))
        await campaigns.due(connection, campaign.id, due)
        after = page[-1].number


def home_of(campaign: CampaignRow, of_journey: str | None) -> str:
    """The zone of customers whose own is not known."""
    return message_of(campaign.message).timezone if campaign.message is not None else of_journey or "UTC"
