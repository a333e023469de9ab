"""Customers of a campaign enter: by the same decision as by every other way in, in one transaction with their rows.

Promise: a row opens one run or tells why none; who is there twice, under two profiles that are one by now, enters once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from activities.metrics import ENTRIES
from journeys.contracts import JourneySpec
from journeys.entry import ALREADY_RUNNING, Entry, NewRun, Refused, let_in
from store import Connection, campaigns
from store.campaigns import CampaignRow, Customer, Done
from store.runs import entries, switches
from store.runs.entries import Refusal

#: What stands in a row that started a run of a journey, and in one that could not.
ENTERED, REFUSED = "entered", "refused"


async def enter(
    connection: Connection,
    campaign: CampaignRow,
    spec: JourneySpec,
    customers: Sequence[Customer],
    now: datetime,
    version: str | None = None,
) -> dict[int, NewRun]:
    """Let in whoever may enter; the runs that were opened by the rows' numbers. Whoever may not has their row done.

    With a `version` the runs are those of a message: the campaign carries it, so they have begun.
    """
    if not customers:
        return {}
    control = await switches.state_of(connection, spec.name)
    asked = [_entry(campaign, spec, each, now, control, version) for each in customers]
    places = [(spec.name, each.profile_id, entry.key, spec.keyed) for each, entry in zip(customers, asked, strict=True)]
    found = await entries.standings(connection, places)
    decided: dict[int, NewRun | Refused] = {}
    who: dict[int, UUID] = {}
    taken: set[tuple[UUID, str]] = set()
    for customer, entry, standing in zip(customers, asked, found, strict=True):
        place, who[customer.number] = (standing.profile_id, entry.key), standing.profile_id
        decided[customer.number] = let_in(entry, standing, now) if place not in taken else Refused(ALREADY_RUNNING)
        taken.add(place)
    runs = {number: _carried(run, campaign, version) for number, run in decided.items() if isinstance(run, NewRun)}
    inserted = await entries.open_runs(connection, list(runs.values()))
    lost = {number: Refused(ALREADY_RUNNING) for number, run in runs.items() if run.id not in inserted}
    opened = {number: run for number, run in runs.items() if number not in lost}
    refused = {number: why for number, why in (decided | lost).items() if isinstance(why, Refused)}
    keys = {customer.number: entry.key for customer, entry in zip(customers, asked, strict=True)}
    await _tell(connection, campaign, spec, [(number, who[number], keys[number], why) for number, why in refused.items()], now)
    ENTRIES.labels(spec.name, "entered").inc(len(opened))
    return opened


def _entry(
    campaign: CampaignRow, spec: JourneySpec, customer: Customer, now: datetime, control: str, version: str | None
) -> Entry:
    return Entry(
        spec=spec,
        by="campaign",
        at=now,
        key=str(campaign.id) if campaign.message is not None else customer.entry_key,
        control=control,
        params=campaign.params | customer.params,
        properties=customer.entry,
        version=version,
        campaign=campaign.id,
        foretold=campaign.foretold,
    )


def _carried(run: NewRun, campaign: CampaignRow, version: str | None) -> NewRun:
    """A run without a workflow of its own; its id stands in the place of one."""
    if campaign.message is None:
        return run
    return replace(run, workflow_id=f"campaign/{campaign.id}/{run.id.hex}", version=version, started_at=run.created_at)


async def _tell(
    connection: Connection,
    campaign: CampaignRow,
    spec: JourneySpec,
    refused: Sequence[tuple[int, UUID, str, Refused]],
    now: datetime,
) -> None:
    told = [Refusal(spec.name, who, key, "campaign", why.reason, now, None, why.told) for _, who, key, why in refused]
    await entries.insert_refusals(connection, told)
    await campaigns.done(connection, campaign.id, [Done(number, REFUSED, why.reason) for number, _, _, why in refused])
    for each in told:
        ENTRIES.labels(spec.name, each.reason).inc()
