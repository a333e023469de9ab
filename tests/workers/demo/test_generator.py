"""The recorded shop is the generator's, tells every story that the journey has, and is understood by the ingest API."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.ingest.arrival import Arrival, Rejected
from api.ingest.spec import read_item
from workers.demo.generator import generate, main
from workers.demo.people import MOST_PEOPLE
from workers.demo.recording import CUSTOMERS, RECORDED, SEED, Line, recorded, to_text, write
from workers.demo.stories import HOUR

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop() -> list[Line]:
    return list(recorded())


def test_the_generator_reproduces_the_recorded_shop_byte_for_byte(shop: list[Line]) -> None:
    # The text, not the gzip: zlib's output differs between its versions.
    assert to_text(generate(SEED, CUSTOMERS)) == to_text(shop)


def test_run_as_a_program_it_prints_the_same() -> None:
    command = [sys.executable, "-m", "workers.demo.generator", "--seed", "7", "--customers", "40"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == to_text(generate(7, 40))
    assert printed != to_text(generate(8, 40))


def test_a_file_is_written_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        main(["--seed", "3", "--customers", "40", "--output", str(tmp_path / name)])
    one, two = ((tmp_path / name).read_bytes() for name in ("one.jsonl.gz", "two.jsonl.gz"))
    assert one == two


@pytest.mark.parametrize("customers", [0, 39, MOST_PEOPLE + 1])
def test_a_number_of_customers_that_cannot_work_is_told(customers: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--customers", str(customers)])
    assert f"--customers {customers}: choose 40 to 1000" in capsys.readouterr().err


def test_the_recorded_file_is_small() -> None:
    import workers.demo

    assert Path(workers.demo.__file__).with_name(RECORDED).stat().st_size < 1_000_000


def test_at_least_200_customers_on_web_and_app_over_five_days(shop: list[Line]) -> None:
    users = {line.call["userId"] for line in shop if "userId" in line.call}
    surfaces = Counter("app" if "app" in line.call.get("context", {}) else "web" for line in shop)
    assert len(users) >= 200
    assert min(surfaces["app"], surfaces["web"]) > 300
    assert {line.sent // 86400 for line in shop} >= set(range(5))
    assert [line.sent for line in shop] == sorted(line.sent for line in shop)


def test_the_api_takes_every_call_but_the_broken_ones(shop: list[Line]) -> None:
    codes = Counter(_verdict(line) for line in shop)
    assert codes == {"taken": len(shop) - 4, "bad-event": 1, "no-identity": 1, "bad-timestamp": 1, "bad-type": 1}


def _verdict(line: Line) -> str:
    arrival = Arrival("test", MONDAY + line.sent_after, "ES")
    try:
        item = read_item({"timestamp": (MONDAY + line.happened_after).isoformat(), **line.call}, arrival)
    except Rejected as verdict:
        return verdict.code
    assert not item.clamped
    return "taken"


def test_some_calls_are_sent_again_and_some_arrive_late(shop: list[Line]) -> None:
    copies = Counter(line.call["messageId"] for line in shop)
    assert sum(count - 1 for count in copies.values()) == 3
    lateness = {line.sent - line.happened for line in shop if line.call.get("event") in {"Product Added", "Order Completed"}}
    assert lateness >= {90 * 60, 2 * HOUR, 6 * HOUR}


def test_orders_lie_well_inside_the_gaps_between_the_steps(shop: list[Line]) -> None:
    gaps = Counter(_gap(hours) for hours in _hours_to_order(shop))
    assert gaps["before the push"] > 15
    assert gaps["after the push"] > 20
    assert gaps["after the WhatsApp"] > 10
    assert gaps["after the email"] > 4
    assert gaps["on an edge"] == 0


def _hours_to_order(shop: list[Line]) -> list[float]:
    """From each customer's cart to the next order, for those whose whole story is told under one name."""
    carts: dict[str, int] = {}
    found = []
    for line in sorted(shop, key=lambda line: line.happened):
        user = line.call.get("userId")
        if line.call.get("event") == "Product Added" and user:
            carts.setdefault(user, line.happened)
        elif line.call.get("event") == "Order Completed" and user in carts:
            found.append((line.happened - carts.pop(user)) / HOUR)
    return found


def _gap(hours: float) -> str:
    for name, low, high in (
        ("before the push", 0, 0.65),
        ("after the push", 3, 23),
        ("after the WhatsApp", 27, 68),
        ("after the email", 75, 90),
    ):
        if low <= hours <= high:
            return name
    return "on an edge"


def test_some_cannot_be_reached_on_each_channel_and_some_take_their_word_back(shop: list[Line]) -> None:
    said: dict[str, dict[str, list[str]]] = {}
    for line in shop:
        for told in line.call.get("context", {}).get("messaging_subscriptions", ()):
            kind = "PUSH" if told["type"].endswith("PUSH") else told["type"]
            said.setdefault(line.call["userId"], {}).setdefault(kind, []).append(told["status"])
    for kind in ("PUSH", "WHATSAPP", "EMAIL"):
        allowed = [user for user, told in said.items() if told.get(kind, [""])[-1] == "SUBSCRIBED"]
        assert 50 < len(allowed) < 200, kind
    assert sum("UNSUBSCRIBED" in told.get("EMAIL", ()) for told in said.values()) >= 2


def test_unknown_visitors_fill_carts_and_some_log_in_later(shop: list[Line]) -> None:
    unknown = {
        line.call["anonymousId"]: line.happened
        for line in shop
        if line.call.get("event") == "Product Added" and "userId" not in line.call
    }
    later = [
        line.happened - unknown[line.call["anonymousId"]]
        for line in shop
        if line.call["type"] == "identify" and line.call.get("anonymousId") in unknown
    ]
    aliases = {line.call["previousId"] for line in shop if line.call["type"] == "alias"}
    assert sum(after < HOUR for after in later) > 8
    assert sum(after > 24 * HOUR for after in later) > 4
    assert aliases < set(unknown)
    assert len(unknown) > len(later) + len(aliases)


def test_a_small_shop_tells_the_rare_stories_too() -> None:
    small = generate(1, 40)
    assert {line.call["type"] for line in small} >= {"identify", "track", "page", "screen", "alias"}
    assert {line.sent - line.happened for line in small} >= {90 * 60, 2 * HOUR, 6 * HOUR}


def test_writing_and_reading_gives_the_same_lines(tmp_path: Path) -> None:
    lines = [Line(10, 5, {"type": "track", "event": "Ünïcode"}), Line(20, 20, {})]
    write(tmp_path / "shop.jsonl.gz", lines)
    text = gzip.decompress((tmp_path / "shop.jsonl.gz").read_bytes()).decode()
    assert [Line(**json.loads(line)) for line in text.splitlines()] == lines
    assert lines[0].sent_after - lines[0].happened_after == timedelta(seconds=5)
