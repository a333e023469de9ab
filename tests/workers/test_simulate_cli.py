"""`journeys simulate`: recorded calls through a catalogue, without any server."""

import csv
import json
from pathlib import Path
from typing import Any

from tests.workers.test_cli import journeys

ANA = {"userId": "ana", "type": "identify", "messageId": "1", "timestamp": "2026-03-02T10:00:00Z"}
REACHED = {
    "traits": {"firstName": "Ana", "email": "ana@example.com"},
    "context": {"messaging_subscriptions": [{"key": "ana@example.com", "type": "EMAIL", "status": "SUBSCRIBED"}]},
}


def track(user: str, event: str, at: str, **properties: Any) -> dict[str, Any]:
    return {"userId": user, "type": "track", "event": event, "timestamp": at, "messageId": user + at, "properties": properties}


CALLS = [
    ANA | REACHED,
    track("ana", "Product Added", "2026-03-02T10:05:00Z", cart_id="c-1"),
    track("bea", "Product Added", "2026-03-02T11:00:00Z", cart_id="c-2"),
    track("bea", "Order Completed", "2026-03-02T13:00:00Z", total=20),
    {"userId": "ana", "type": "nonsense", "timestamp": "2026-03-02T13:00:00Z"},
]


def recorded(folder: Path) -> str:
    file = folder / "calls.jsonl"
    file.write_text("".join(json.dumps(call) + "\n" for call in CALLS))
    return str(file)


def test_it_tells_who_would_enter_and_which_messages_would_go(tmp_path: Path) -> None:
    finished = journeys(
        "simulate", recorded(tmp_path), "--catalogue", "definitions", "--json", "--csv", str(tmp_path / "out.csv")
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["entries"] == {"cart_abandonment": 2, "after_purchase": 1}
    ended = [each for each in found["outcomes"] if each["journey"] == "cart_abandonment"]
    assert {(each["what"], each["count"]) for each in ended} == {("finished", 1), ("goal reached", 1)}
    assert list(found["not_taken"]) == ["bad-type: /type must be one of identify, track, page, screen, group, alias"]
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [(row["hour"], row["channel"]) for row in rows if row["state"] == "sent"] == [("2026-03-05T10:00:00Z", "email")]
    assert {row["reason"] for row in rows if row["state"] == "skipped"} == {"no consent"}


def test_people_get_tables(tmp_path: Path) -> None:
    told = journeys("simulate", recorded(tmp_path), "--catalogue", "definitions").stdout
    for words in ("cart_abandonment", "1 goal reached", "3 no consent", "1 calls not taken: bad-type"):
        assert words in told


def test_a_file_that_is_none_is_said_so(tmp_path: Path) -> None:
    finished = journeys("simulate", str(tmp_path / "nothing"), "--catalogue", "definitions")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "is no file; export calls with their timestamps, one JSON object a line" in finished.stderr
