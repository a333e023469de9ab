"""What a worker says at its start of what cannot go on by itself."""

from structlog.testing import capture_logs

from journeys.catalogue import load
from segments.define.define import Draft, define
from store import Database
from tests.segments.shop import T0
from workers.worker import tell_what_stands_still

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
