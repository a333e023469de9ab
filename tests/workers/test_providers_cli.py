"""`journeys providers`: limits that hold nothing are refused, and what is told reads as it is."""

import json
from datetime import date

import pytest

from store import Database
from store.deliveries.providers import Carried, Limit, Set, limits
from tests.command_line import in_thread
from tests.workers.test_runs_cli import T0, two  # noqa: F401 - a fixture
from workers.cli.operating.provider_tables import Told


@pytest.mark.usefixtures("two")
async def test_a_limit_of_nobody_and_one_of_nothing_are_refused(database: Database, dsn: str) -> None:
    strange = await in_thread("providers", "limit", "whatsap", "--per-day", "3", database_url=dsn)
    assert (strange.returncode, "no provider is called whatsap" in strange.stderr) == (1, True)
    assert "known are apns, aws-sms, fcm" in strange.stderr
    nothing = await in_thread("providers", "limit", "whatsapp", database_url=dsn)
    assert (nothing.returncode, "say what holds" in nothing.stderr) == (1, True)
    assert await limits(database) == []
    for known in ("whatsapp", "twilio/+34600000001", "fcm+apns"):
        told = await in_thread("providers", "limit", known, "--per-day", "3", "--json", database_url=dsn)
        assert known in [each["limit"]["who"] for each in json.loads(told.stdout)["limits"]], told.stderr


@pytest.mark.usefixtures("two")
async def test_who_has_carried_anything_is_known(database: Database, dsn: str) -> None:
    await database.pool.execute(
        "update delivery set provider = 'pigeons', state = 'sent', claimed_at = $1, settled_at = $1, retry_at = null", T0
    )
    told = await in_thread("providers", "limit", "pigeons", "--per-second", "1", database_url=dsn)
    assert told.returncode == 0, told.stderr
    assert [each.limit.who for each in await limits(database)] == ["pigeons"]


def test_small_money_and_a_warming_up_that_has_not_begun_are_told() -> None:
    day = date(2026, 3, 1)
    carried = [Carried("twilio", "sms", 1, cost, "EUR") for cost in (1_200, 1_234_560, 500_000, 0)]
    begins = Limit("ses", warm_up=(50,), warm_up_from=date(2026, 3, 4))
    costs, plans = Told(carried, [], [Set(begins, T0, "olga")], {}, day).tables()
    assert list(costs.columns[3].cells) == ["0.0012 EUR", "1.23 EUR", "0.50 EUR", "-"]  # type: ignore[union-attr]
    assert list(plans.columns[2].cells) == ["0 (warming up from 2026-03-04)"]  # type: ignore[union-attr]
