"""Re-entry: whether a customer may enter again, and what is recorded where not (SEMANTICS 3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from definitions.cart_abandonment import cart_abandonment
from journeys.contracts import Purpose, Reason
from journeys.entry import (
    ALREADY_RUNNING,
    COOLING_DOWN,
    ENTERED_BEFORE,
    NO_KEY,
    TOO_LATE,
    UNLIKE_DECLARED,
    Entry,
    Past,
    entry_key,
    is_held_out,
    refusal,
    why_refused,
    withheld,
    workflow_id,
)
from journeys.policies import After, GlobalHoldout, Once, PerKey, Reentry, Restart, Whenever

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW = Past(running=False, runs=0, last_ended_at=None)
BASE = cart_abandonment.spec
HOUR = timedelta(hours=1)


def refused(reentry: Reentry, past: Past, entered_at: datetime = NOW, key: str = "") -> str | None:
    found = refusal(replace(BASE, reentry=reentry), key, past, entered_at, NOW)
    return found.reason if found else None


def test_once() -> None:
    assert refused(Once(), NEW) is None
    assert refused(Once(), Past(False, 1, NOW - timedelta(days=900))) == ENTERED_BEFORE


def test_after_counts_from_the_end_of_the_last_run() -> None:
    cooldown, ended = After(timedelta(days=7)), NOW - timedelta(days=7)
    assert refused(cooldown, Past(False, 1, ended)) is None
    assert refused(cooldown, Past(False, 1, ended + timedelta(seconds=1))) == COOLING_DOWN


def test_nobody_is_in_one_journey_twice_at_a_time() -> None:
    for reentry in (Once(), After(timedelta(0)), PerKey("cart_id"), Whenever()):
        assert refused(reentry, Past(True, 1, None, NOW - HOUR), key="k") == ALREADY_RUNNING


def test_a_newer_entry_begins_anew_and_the_same_one_does_not() -> None:
    running = Past(True, 1, None, NOW - HOUR)
    assert refused(Restart(), running) is None
    assert refused(Restart(), running, NOW - HOUR) == ALREADY_RUNNING
    assert refused(Restart(), running, NOW - 2 * HOUR) == ALREADY_RUNNING


@pytest.mark.parametrize("reentry", [Restart(), Whenever()])
def test_what_the_last_run_began_with_or_slept_through_brings_nobody_in_again(reentry: Reentry) -> None:
    over = Past(False, 1, NOW - HOUR, NOW - 2 * HOUR)
    assert refused(reentry, over, NOW - HOUR) is None
    assert refused(reentry, over, NOW - HOUR - timedelta(microseconds=1)) == ENTERED_BEFORE
    assert refused(reentry, Past(False, 1, NOW, NOW), NOW) == ENTERED_BEFORE, "told twice in the instant of its end"


def test_per_key() -> None:
    spec, once_per_cart = replace(BASE, reentry=PerKey("cart_id")), PerKey("cart_id")
    assert entry_key(spec, {"cart_id": 17}) == "17"
    assert refused(once_per_cart, NEW, key="17") is None
    assert refused(once_per_cart, Past(False, 1, NOW), key="17") == ENTERED_BEFORE
    assert refused(once_per_cart, NEW, key=entry_key(spec, {})) == NO_KEY
    assert len(entry_key(spec, {"cart_id": "x" * 10_000})) == 64


def test_an_entry_noticed_too_late() -> None:
    entered = NOW - BASE.max_lateness
    assert refused(Once(), NEW, entered) is None
    assert refused(Once(), NEW, entered - timedelta(seconds=1)) == TOO_LATE


def test_a_refusal_tells_what_it_was_decided_on() -> None:
    cooling = refusal(replace(BASE, reentry=After(timedelta(days=7))), "", Past(False, 1, NOW), NOW, NOW)
    assert cooling is not None
    assert dict(cooling.told) == {"last_ended_at": NOW.isoformat(), "again_at": (NOW + timedelta(days=7)).isoformat()}


def test_services_are_not_told_of_whom_a_holdout_holds_back() -> None:
    everybody, nobody = GlobalHoldout(1.0), None
    receipts = replace(BASE, purpose=Purpose.TRANSACTIONAL)
    assert withheld(BASE, everybody, UUID(int=1), holdout=False) is Reason.GLOBAL_HOLDOUT
    assert withheld(receipts, everybody, UUID(int=1), holdout=False) is None, "it is one of marketing"
    assert withheld(BASE, nobody, UUID(int=1), holdout=True) is Reason.HOLDOUT
    assert withheld(BASE, nobody, UUID(int=1), holdout=False) is None


def test_the_switch_and_the_event_are_asked_too() -> None:
    by_hand, by_segment = Entry(spec=BASE, by="api", at=NOW), Entry(spec=BASE, by="segment", at=NOW)
    for control, entry, reason in [
        ("paused", by_hand, "journey paused"),
        ("paused", by_segment, None),
        ("paused", replace(by_hand, by="journey"), None),
        ("killed", by_segment, "journey killed"),
    ]:
        why = why_refused(replace(entry, control=control), NEW, NOW)
        assert (why.reason if why else None) == reason
    unlike = why_refused(replace(by_segment, unlike={"score": "int_parsing"}), NEW, NOW)
    assert unlike is not None
    assert (unlike.reason, unlike.told) == (UNLIKE_DECLARED, {"fields": {"score": "int_parsing"}})


@pytest.mark.parametrize("reentry", [Once(), After(timedelta(0)), After(HOUR), Restart(), Whenever()])
def test_whatever_comes_in_whatever_order_each_entry_opens_one_run_at_most_and_never_two_are_open(reentry: Reentry) -> None:
    for seed in range(40):
        dice = Random(seed)
        told = [NOW + timedelta(minutes=dice.randrange(300)) for _ in range(12)]
        told += dice.choices(told, k=6)  # some are told twice
        dice.shuffle(told)
        opened = lived(reentry, sorted(told) if seed % 2 else told, dice)
        assert len(opened) == len(set(opened))
        if isinstance(reentry, Once):
            assert len(opened) == 1


def lived(reentry: Reentry, told: Sequence[datetime], dice: Random) -> list[datetime]:
    """Let entries come as they are told, each a minute after the last at the earliest; runs end by themselves at random."""
    spec = replace(BASE, reentry=reentry, max_lateness=timedelta(days=9))
    opened: list[datetime] = []
    open_since: datetime | None = None
    ended: datetime | None = None
    now = min(told)
    for at in told:
        now = max(now + timedelta(minutes=1), at)
        if open_since is not None and dice.random() < 0.4:
            open_since, ended = None, now
        past = Past(open_since is not None, len(opened), ended, max(opened, default=None))
        if refusal(spec, "", past, at, now) is None:
            assert open_since is None or isinstance(reentry, Restart)
            opened.append(at)
            open_since = at
    return opened


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
