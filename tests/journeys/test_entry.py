"""Re-entry: whether a customer may enter again (SEMANTICS 3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from definitions.cart_abandonment import cart_abandonment
from journeys.contracts import After, Once, PerKey
from journeys.entry import (
    ALREADY_RUNNING,
    COOLING_DOWN,
    ENTERED_BEFORE,
    NO_KEY,
    TOO_LATE,
    Past,
    entry_key,
    is_held_out,
    refusal,
    workflow_id,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW = Past(running=False, runs=0, last_ended_at=None)
BASE = cart_abandonment.spec


def test_once() -> None:
    spec = replace(BASE, reentry=Once())
    assert refusal(spec, "", NEW, NOW, NOW) is None
    assert refusal(spec, "", Past(False, 1, NOW - timedelta(days=900)), NOW, NOW) == ENTERED_BEFORE


def test_after_counts_from_the_end_of_the_last_run() -> None:
    spec = replace(BASE, reentry=After(timedelta(days=7)))
    ended = NOW - timedelta(days=7)
    assert refusal(spec, "", Past(False, 1, ended), NOW, NOW) is None
    assert refusal(spec, "", Past(False, 1, ended + timedelta(seconds=1)), NOW, NOW) == COOLING_DOWN


def test_nobody_is_in_one_journey_twice_at_a_time() -> None:
    for reentry in (Once(), After(timedelta(0)), PerKey("cart_id")):
        assert refusal(replace(BASE, reentry=reentry), "k", Past(True, 1, None), NOW, NOW) == ALREADY_RUNNING


def test_per_key() -> None:
    spec = replace(BASE, reentry=PerKey("cart_id"))
    assert entry_key(spec, {"cart_id": 17}) == "17"
    assert refusal(spec, "17", NEW, NOW, NOW) is None
    assert refusal(spec, "17", Past(False, 1, NOW), NOW, NOW) == ENTERED_BEFORE
    assert refusal(spec, entry_key(spec, {}), NEW, NOW, NOW) == NO_KEY
    assert len(entry_key(spec, {"cart_id": "x" * 10_000})) == 64


def test_an_entry_noticed_too_late() -> None:
    entered = NOW - BASE.max_lateness
    assert refusal(BASE, "", NEW, entered, NOW) is None
    assert refusal(BASE, "", NEW, entered - timedelta(seconds=1), NOW) == TOO_LATE


def test_the_holdout_is_sticky_and_of_the_declared_size() -> None:
    spec = replace(BASE, holdout=0.2)
    people = [UUID(int=n) for n in range(5_000)]
    held = {p for p in people if is_held_out(spec, p)}
    assert 0.17 < len(held) / len(people) < 0.23
    assert held == {p for p in people if is_held_out(spec, p)}
    assert not any(is_held_out(BASE, p) for p in people)


def test_workflow_ids_hold_ids_only() -> None:
    customer, run = uuid4(), uuid4()
    assert workflow_id("cart", customer, run) == f"cart/{customer}/{run.hex[-12:]}"
