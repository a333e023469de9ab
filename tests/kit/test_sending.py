"""When and whether messages go, in the kit's words; also with `--journeys-on temporal`."""

from datetime import timedelta

import pytest

from workers.testing import Rehearsal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def journeys_catalogue() -> str:
    return "sending_catalogue"


def test_whoever_reads_at_eight_in_the_evening_gets_it_then_and_who_did_nothing_yet_at_once(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", timezone="UTC"), shop.customer("bea", timezone="UTC")
    monday = shop.now
    for n in range(1, 8):
        ana.does("Product Viewed", at=monday - n * DAY + 11 * HOUR)
    for who in (ana, bea):
        shop.starts("at_your_hour", who)
    shop.passes(days=2)
    assert ana.got("email:note", at=monday + 11 * HOUR)
    assert bea.got("email:note", at=monday)


def test_the_hour_is_one_that_quiet_hours_allow_and_a_machine_has_no_habits(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", timezone="UTC"), shop.customer("bea", timezone="UTC")
    monday = shop.now
    for n in range(1, 15):
        ana.does("Product Viewed", at=monday - n * DAY + 14 * HOUR)  # at eleven at night
        bea.does("Message Read", at=monday - n * DAY + 11 * HOUR, machine=True)
    for n in range(1, 6):
        ana.does("Product Viewed", at=monday - n * DAY + 3 * HOUR)
    for who in (ana, bea):
        shop.starts("at_your_hour", who)
    shop.passes(days=2)
    assert ana.got("email:note", at=monday + 3 * HOUR)
    assert bea.got("email:note", at=monday)


def test_they_were_written_to_once_the_ledger_says_so_also_by_letters_that_nobody_reports(shop: Rehearsal) -> None:
    ana = shop.customer("ana", timezone="UTC")
    shop.starts("until_written", ana)
    shop.passes(hours=2)
    assert ana.got("email:note", times=1)
    assert ana.inbox == ["email:note"]
    assert ana.left("until_written", because="goal reached")


def test_of_two_journeys_that_are_due_at_once_the_more_important_one_writes(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", timezone="UTC"), shop.customer("bea", timezone="UTC")
    monday = shop.now
    for who, order in ((ana, ("chatter", "headline")), (bea, ("headline", "chatter"))):
        for name in order:
            shop.starts(name, who)
    shop.passes(hours=6)
    for who in (ana, bea):
        assert who.got("push:note", at=monday + HOUR / 6)
        assert who.got("email:note", at=monday + HOUR / 6 + 4 * HOUR)


def test_a_message_may_be_less_important_than_its_journey_and_is_dropped_where_it_cannot_wait(shop: Rehearsal) -> None:
    ana = shop.customer("ana", timezone="UTC")
    for name in ("aside", "headline"):
        shop.starts(name, ana)
    shop.passes(hours=6)
    assert ana.inbox == ["push:note"]
    assert ana.missed("whatsapp:note", because="no allowed instant before its deadline")


def test_a_budget_that_is_spent_skips_or_waits_for_the_next_day(shop: Rehearsal) -> None:
    people = [shop.customer(f"c{n}") for n in range(7)]
    monday = shop.now
    for who in people:
        shop.starts("thrifty", who)
    for who in people[:3]:
        shop.starts("patient", who)
    shop.passes(hours=1)
    assert sum(who.inbox.count("push:note") for who in people) == 7
    assert people[6].missed("push:note", because="budget spent")
    shop.passes(days=1)
    assert people[2].got("push:note", at=monday + 15 * HOUR)


def test_when_the_money_does_not_last_for_one_channel_it_goes_by_the_next(shop: Rehearsal) -> None:
    people = [shop.customer(f"c{n}") for n in range(5)]
    for who in people:
        shop.starts("shoestring", who)
        shop.passes(minutes=1)
    assert [who.inbox for who in people] == [["whatsapp:note"], ["whatsapp:note"], ["email:note"], ["email:note"], []]


def test_a_window_is_the_journeys_or_the_messages_own(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", timezone="UTC"), shop.customer("bea", timezone="UTC")
    shop.passes(days=4, hours=8, minutes=30)  # it is Friday, half past five
    friday = shop.now
    shop.starts("office_hours", ana)
    shop.passes(hours=1)
    shop.starts("office_hours", bea)
    shop.passes(days=4)
    assert ana.got("push:note", at=friday)
    assert ana.got("email:note", at=friday + 1.5 * HOUR)
    assert bea.got("push:note", at=friday + 2 * DAY + 15.5 * HOUR)
    assert bea.missed("email:note", because="no allowed instant before its deadline")
    assert "email:note skipped (no allowed instant before its deadline: outside its window)" in bea.story()
