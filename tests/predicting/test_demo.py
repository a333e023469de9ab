"""`journeys models demo` beside `journeys dev`: a newcomer's first score, card and page, on the whole stack as it ships."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from httpx import AsyncClient

from tests.command_line import in_thread
from workers.demo.past import calls
from workers.embedded.stack import EmbeddedStack
from workers.settings import Settings

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


def test_the_invented_past_is_the_same_each_time_and_nobody_in_it_can_be_reached() -> None:
    found = calls(UNTIL, customers=40)
    assert found == calls(UNTIL, customers=40) != calls(UNTIL, customers=40, seed=2)
    assert len({call["messageId"] for call in found}) == len(found)
    assert all(datetime.fromisoformat(call["timestamp"]) < UNTIL for call in found)
    assert datetime.fromisoformat(found[0]["timestamp"]) < UNTIL - timedelta(days=300)
    told = {name for call in found for name in (*call.get("traits", ()), *call.get("context", ()))}
    assert told == {"firstName", "address"}, "no email, no phone, no device, no consent"


async def test_a_newcomer_has_a_prediction_with_a_score_a_card_and_a_page(tmp_path: Path) -> None:
    """Nothing is declared when the stack starts: the process that trains comes up once the command has declared it."""
    settings = Settings(data_dir=tmp_path, catalogue="conversation_catalogue")
    path = os.pathsep.join(("tests", *sys.path))
    async with EmbeddedStack(settings, usual_ports=False, env={"PYTHONPATH": path}) as stack:
        assert "trainer" not in stack.parts
        told = {"data_dir": str(tmp_path), "catalogue": settings.catalogue, "path": ["tests"]}
        asked = asyncio.create_task(in_thread("models", "demo", "--json", **told))
        while "trainer" not in stack.parts and not asked.done():
            await stack.train_what_is_declared()
            await asyncio.sleep(0.5)
        done = await asked
        assert done.returncode == 0, done.stderr
        operate = (stack.keys.operate, "")
        async with AsyncClient(base_url=stack.api_url, auth=operate, timeout=30) as api:
            model = (await api.get("/v1/models/churn")).json()
        champion = model["versions"][0]
        assert (model["state"], champion["state"]) == ("scoring", "champion")
        assert model["people"] > 300
        assert champion["card"]["measures"]["auc"] > 0.75, "who stays away is told from who is about to order"
        assert champion["card"]["people"]["judged"] >= 100
        again = await in_thread("models", "demo", "--json", **told)
        assert '"events": 0' in again.stdout, "on the same day nothing is brought twice"


async def test_it_wants_a_stack_of_its_own(tmp_path: Path) -> None:
    done = await in_thread("models", "demo", data_dir=str(tmp_path))
    assert done.returncode != 0
    assert "no `journeys dev` runs here" in done.stderr
