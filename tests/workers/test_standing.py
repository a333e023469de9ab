"""What a worker says at its start of what cannot go on by itself."""

import asyncio

from structlog.testing import capture_logs

from journeys.catalogue import load
from segments.define.define import Draft, define
from store import Database
from store.deliveries.providers import stopped
from tests.segments.shop import T0
from workers.worker import tell_what_stands_still, tell_who_is_missing

GOLD = {"trait": "tier", "is": "==", "value": "gold"}


async def test_a_journey_that_waits_for_its_segment_is_a_warning(database: Database) -> None:
    catalogue = load("trial_catalogue")
    with capture_logs() as told:
        await tell_what_stands_still(database, catalogue)
    [warning] = told
    assert (warning["log_level"], warning["event"], warning["segment"]) == ("warning", "journey waits", "vip-at-risk")
    assert "'calms_down'" in warning["problem"]
    await define(database, catalogue.segments, Draft("vip-at-risk", {"predicate": GOLD}), by="eva", at=T0)
    with capture_logs() as told:
        await tell_what_stands_still(database, catalogue)
    assert told == []


async def test_who_is_not_configured_is_told_to_operators_while_a_worker_runs(database: Database) -> None:
    telling = asyncio.create_task(tell_who_is_missing(database, {"resend": "JOURNEYS_RESEND_API_KEY"}))
    while not (found := await stopped(database)):
        assert not telling.done()
        await asyncio.sleep(0.01)
    telling.cancel()
    [told] = found
    assert (told.provider, told.workers) == ("resend", 1)
    assert told.reason == "JOURNEYS_RESEND_API_KEY is not set, though JOURNEYS_PROVIDER_WEIGHTS names it"
    await tell_who_is_missing(database, {})
