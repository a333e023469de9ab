"""What an operator reads of a run in Temporal: of the journeys that are pictured in docs/operating.md, in words, up to date."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from journeys.check.reference import words_of
from journeys.handle import Journey
from store import Database
from store.runs.views import Run
from workers.testing.shop import Shop, open_shop

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "pictured_catalogue" / "__init__.py"
WORDS = sorted({name for kind in Journey.__mro__ for name in words_of(kind)})


@pytest.fixture
async def pictured(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="pictured_catalogue") as opened:
        yield opened


async def told(shop: Shop, run: Run) -> str:
    """*Current Details* under *User Metadata*, without the times."""
    shown = await shop.workflow(run).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return re.sub(r"\w{3} \d\d \w{3} \d{4} \d\d:\d\d", "…", shown.current_details)


def test_the_journey_in_the_pictures_says_every_word() -> None:
    assert [word for word in WORDS if not re.search(rf"\bj\.{word}\b", SOURCE.read_text())] == []


def test_the_page_shows_the_pictures_that_there_are() -> None:
    page, program = (ROOT / "docs" / "operating.md").read_text(), (ROOT / "tests" / "pictured.py").read_text()
    pictures = sorted(path.name for path in (ROOT / "docs" / "images").glob("operating-*.png"))
    assert sorted(set(re.findall(r"images/(operating-\w+\.png)", page))) == pictures
    assert sorted(f"operating-{name}.png" for name in re.findall(r'ui\.\w+\("(\w+)"', program)) == pictures


async def test_a_run_tells_its_version_arms_answers_calls_branches_and_what_it_waits_for(pictured: Shop) -> None:
    await pictured.signs_up("ana", member=True)
    await pictured.does("ana", "Product Added", price=89.9)
    await pictured.look()
    run = await pictured.run("every_word")
    await pictured.forward(run, timedelta(hours=1, minutes=1))
    await pictured.asleep(run)
    first = await told(pictured, run)
    assert first.startswith("Entered carts at ")
    assert f"; version {run.version} of the catalogue\n" in first
    assert first.endswith("**now**\n\n- until … — wait for push note opened, at most 2 h"), first

    await pictured.over(run)
    story = await told(pictured, run)
    for line in (
        "push `note` sent",
        "fetch points: answered",
        "context weather: place not known",
        "set cart_arm, cart_at: yes",
        "in members: yes",
        'did "Order Completed": no',
        "webhook crm cart.contacted: answered",
        "talk: whatsapp `note` sent",
        "lessons: email `note` sent",
        "**over: finished**",
    ):
        assert f"- … — {line}" in story, story
    assert re.search(r"arm of subject: (plain|playful)\n", story)
    assert re.search(r"talk: gave up: wait for .* or care: Call the customer, at most 60 d\n", story)
    assert "**now**" not in story
    assert "ana" not in story.lower()
    events = (await pictured.workflow(run).fetch_history()).events
    markers = [event.user_metadata.summary.data for event in events if event.HasField("marker_recorded_event_attributes")]
    assert 'did "Order Completed"?' in [json.loads(words) for words in markers if words]
    described = await pictured.workflow(run).describe()
    assert f"Began with version {run.version} of the catalogue." in str(await described.static_details())


async def test_a_message_that_waits_says_why_and_until_when(pictured: Shop) -> None:
    await pictured.signs_up("dan")
    await pictured.does("dan", "Product Viewed")
    await pictured.look()
    run = await pictured.run("capped")
    await pictured.asleep(run)
    await pictured.forward(run, timedelta(minutes=1))
    story = await told(pictured, run)
    assert story.endswith("**now**\n\n- until … — note deferred: frequency cap"), story
