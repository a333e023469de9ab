"""Branches of one run, in the kit's words; also with `--journeys-on temporal`."""

from datetime import timedelta

from workers.testing import Rehearsal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_branches_go_on_side_by_side_and_what_they_return_decides(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    for who in (ana, bea):
        shop.starts("at_once", who)
    shop.passes(days=2)
    ana.clicks("email:note")
    shop.passes(days=11)
    assert bea.waits("at_once")
    shop.passes(days=2)
    assert ana.left("at_once", "finished")
    assert ana.got("push:note", after=timedelta(days=7))
    assert ana.got("push:note", after=timedelta(days=14))
    assert ana.got("whatsapp:note", after=timedelta(days=14))
    assert "whatsapp:note" not in bea.inbox


def test_the_end_of_a_run_ends_all_its_branches(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("at_once", ana)
    shop.passes(hours=30)
    before = ana.inbox
    ana.does("Order Completed")
    shop.passes(days=20)
    assert ana.left("at_once", "goal reached")
    assert ana.inbox == before


def test_a_number_says_in_which_branch_a_message_stands(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("branches_of_branches", ana)
    shop.passes(hours=2)
    ana.does("Something Else")
    shop.passes(days=1)
    assert ana.got("push:note", times=7)
    numbers = {each.occurrence: (each.due_at - ana.runs[0].entered_at) / HOUR for each in ana.messages}
    # Branches 1 and 2 of fork 1, and of each the branches 1 and 2 of its fork 1; then each itself, and the run.
    assert {number: round(hours) for number, hours in numbers.items()} == {
        101_0001_01_0001: 1,
        101_0001_02_0001: 2,
        101_0001: 5,
        102_0001_01_0001: 4,
        102_0001_02_0001: 5,
        102_0001: 11,
        1: 11,
    }
