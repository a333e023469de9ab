"""`journeys replay` and `journeys deploy` as they are typed: what is told, and the code that CI sees."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console
from temporalio.client import WorkflowHistory

from api.runs.story import At, Moment, Story
from api.runs.why_not import Because, WhyNot
from store.versions import VersionInUse
from tests.workers.test_cli import in_thread, journeys
from workers.cli import replay as replay_cli
from workers.cli import versions as versions_cli
from workers.cli import why_not as why_not_cli
from workers.cli.explain import _with
from workers.cli.explain import drawn as explained
from workers.replaying import replay
from workers.signing import private_key, public_text
from workers.unfit import Unfit, unfit

GOLDEN = Path(__file__).parents[1] / "journeys" / "golden"
KEY = "b1946ac92492d2347c6235b4d2611184"


def test_histories_that_replay_end_with_0() -> None:
    said = journeys("replay", str(GOLDEN), catalogue="definitions")
    assert (said.returncode, said.stdout) == (0, "4 runs of 4 people: 0 do not replay\n"), said.stderr


def test_histories_that_do_not_end_with_1_and_say_where_and_why(tmp_path: Path) -> None:
    golden = (GOLDEN / "finished.json").read_text()
    for journey in ("cart_discount", "gone"):
        (tmp_path / f"{journey}.json").write_text(golden.replace('"cart_abandonment"', f'"{journey}"'))
    still_open = json.loads((tmp_path / "gone.json").read_text())
    still_open["events"].pop()
    (tmp_path / "open.json").write_text(json.dumps(still_open))
    said = journeys("replay", str(tmp_path), "--json", catalogue="definitions")
    changed, gone = json.loads(said.stdout)
    assert said.returncode == 1
    assert (changed["journey"], changed["people"], changed["runs"]) == ("cart_discount", 1, 1)
    assert (changed["step"], changed["cause"].partition(";")[2][:10]) == ("at its beginning", " the code ")
    assert (gone["journey"], Path(gone["example"]).name) == ("gone", "open.json")
    assert gone["cause"].startswith("no journey 'gone' in module 'definitions'; it has: ")
    assert ".py" not in gone["cause"]


def test_runs_that_ended_in_a_journey_that_is_gone_are_no_failure(tmp_path: Path) -> None:
    golden = (GOLDEN / "finished.json").read_text()
    (tmp_path / "gone.json").write_text(golden.replace('"cart_abandonment"', '"gone"'))
    said = journeys("replay", str(tmp_path), catalogue="definitions")
    told = "0 runs of 0 people: 0 do not replay; 1 ended in journeys that are gone, and were left out\n"
    assert (said.returncode, said.stdout) == (0, told), said.stderr


def test_runs_that_have_not_begun_can_begin_with_any_code(tmp_path: Path) -> None:
    """A run in its start delay has one event, and an engine that is given that alone waits for the next for ever."""
    golden = json.loads((GOLDEN / "goal-during-start-delay.json").read_text())
    done = next(n for n, event in enumerate(golden["events"]) if event["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_COMPLETED")
    for length in range(1, done + 1):
        (tmp_path / f"{length}.json").write_text(json.dumps({"events": golden["events"][:length]}))
    (tmp_path / "whole.json").write_text(json.dumps(golden))
    said = journeys("replay", str(tmp_path), catalogue="definitions")
    assert (said.returncode, said.stdout) == (0, f"{done + 1} runs of 1 person: 0 do not replay\n"), said.stderr


async def test_a_history_without_an_end_is_told_and_those_behind_it_are_replayed() -> None:
    histories = [WorkflowHistory.from_json(name, (GOLDEN / "finished.json").read_text()) for name in ("one", "other")]
    found = [each async for each in replay(histories, None, limit=timedelta(0))]
    assert [each.history for each in found] == histories
    (wrong,) = unfit(found)
    assert (wrong.runs, wrong.cause) == (2, "the engine did not come to an end with it in 0 seconds")


def test_what_is_no_history_is_told(tmp_path: Path) -> None:
    headless = json.loads((GOLDEN / "finished.json").read_text())
    headless["events"].pop(0)
    for text in ("", "{}", '{"events": 1}', json.dumps(headless)):
        (tmp_path / "some.json").write_text(text)
        said = journeys("replay", str(tmp_path))
        assert (said.returncode, "some.json is no history" in said.stderr) == (1, True), said.stderr
    assert "nowhere: No such file" in journeys("replay", "nowhere").stderr


def test_the_public_key_is_what_workers_need() -> None:
    assert "JOURNEYS_DEPLOY_KEY is not set" in journeys("deploy").stderr
    said = journeys("deploy", "--public-key", deploy_key=KEY)
    assert (said.stdout, said.stderr) == (public_text(private_key(KEY)) + "\n", "")


async def test_a_catalogue_is_deployed_and_listed(dsn: str) -> None:
    given = {"database_url": dsn, "deploy_key": KEY, "catalogue": "definitions"}
    first, again = [(await in_thread("deploy", "--by", "CI", **given)).stdout for _ in range(2)]
    version = first.split()[1]
    assert first == f"version {version} is deployed\n"
    assert again == f"version {version} stood there already, and is the newest again\n"
    (listed,) = json.loads((await in_thread("versions", "--json", **given)).stdout)
    assert (listed["id"], listed["deployed_by"], listed["people"]) == (version, "CI", 0)
    assert "cart_abandonment" in listed["journeys"]


@pytest.mark.parametrize("width", [80, 130, 200])
def test_what_is_told_can_be_read_and_copied_at_any_width(width: int) -> None:
    run, cause = str(uuid4()), "there the run waited: until 1 d after entry; the code asks for push cart-reminder"
    example, at = f"cart_abandonment/{uuid4()}/01a228fb", datetime(2026, 3, 2, 10, tzinfo=UTC)
    remedy = f"journeys explain {run}"
    version = VersionInUse("872abc1234567890", "acme.campaigns", ["onboarding"], at, "CI", 1_123, 1_200, 0, 3, at, "CI")
    why_not = WhyNot(journey="a", customer_id=run, because=[Because(rule="entered", what=cause, at=at, remedy=remedy)])
    coming = {"next": "push hello", "first": at, "last": at}
    group = {"version": version.id, "stands": "until 1 d after entry", "people": 3, "runs": 4, "now": coming, "then": coming}
    for drawn, wanted in (
        (replay_cli._drawn([Unfit("cart_abandonment", "after push hello", cause, 3, 4, example)]), (example, cause)),
        (versions_cli._drawn([version]), (version.id, version.package, "onboarding", "1123", "2026-03-02 10:00:00 UTC")),
        (versions_cli._prospects([group | {"why_not": None}]), (version.id, "until 1 d after entry")),
        (why_not_cli._drawn(why_not), (run, remedy, cause)),
    ):
        screen = Console(width=width, record=True, file=StringIO())
        for part in drawn:
            screen.print(part)
        shown = screen.export_text()
        assert max(map(len, shown.splitlines())) <= width
        assert "…" not in shown
        words = shown.replace("│", " ").split()
        assert [word for each in wanted for word in each.split() if word not in words and f"{word};" not in words] == []


def test_one_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text((GOLDEN / "finished.json").read_text())
    assert journeys("replay", str(tmp_path), catalogue="definitions").stdout == "1 run of 1 person: 0 do not replay\n"


def test_a_story_says_no_clock_that_is_not_known_and_no_zone_twice() -> None:
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    gate = Moment(at=at, kind="gate", what="push hello: go", detail={"zone": "2 zones", "journeys": ["care", "sale"]})
    stop = At(kind="wait", what="wait 2 h", until=at)
    names = dict.fromkeys(("run", "workflow_id", "journey", "customer_id", "zone_told_by", "status"), "x")
    told = Story(**names, version=None, zone="2 zones", happened=[gate], at=[stop], ahead=[])
    screen = Console(width=200, record=True, file=StringIO())
    for part in explained(told):
        screen.print(part)
    shown = screen.export_text()
    assert "now at: wait 2 h, until Mon 02 Mar 2026 10:00 UTC\n" in shown
    assert "│ 2 zones, journeys care, sale │" in shown


def test_a_story_tells_the_sentences_of_a_choice_as_sentences() -> None:
    why = ["none was drawn evenly.", 'offer: gift was left out (only for: tier is "gold").']
    moment = Moment(
        at=datetime(2026, 3, 2, 10, tzinfo=UTC), kind="choice", what="offer: none", detail={"why": why, "reward": 1}
    )
    assert _with(moment) == 'why none was drawn evenly. offer: gift was left out (only for: tier is "gold"), reward 1'
