"""What a failing assertion says: what happened instead, in words."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from journeys.catalogue import load
from journeys.errors import InvalidParams
from workers.testing import Rehearsal
from workers.testing.customer import Customer
from workers.testing.rehearsal import MONDAY
from workers.testing.simulated import Simulated


@pytest.fixture
def journeys_catalogue() -> str:
    return "trial_catalogue"


def test_of_whom_nobody_let_in_it_is_said_who_refused_and_why(shop: Rehearsal) -> None:
    ana = shop.customer("ana", tier="gold")
    ana.becomes(tier="silver")
    ana.becomes(tier="gold")
    ana.does("Product Added", at=shop.now.replace(hour=1))
    assert repr(ana.got("push:note")) == (
        "ana did not get push:note; while_vip is over: left the segment;"
        " while_vip refused: entered before; three_messages refused: too late"
    )


def test_of_whom_nobody_knows_it_is_said_what_they_did(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Loved")
    assert repr(ana.got("push:note")) == "ana did not get push:note; ana is in no journey, having done Product Loved"


def test_of_who_waits_it_is_said_for_what(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added")
    told = "ana did not get push:note; three_messages waits until Mon 05 Jan 10:00 (until 1 h after entry)"
    assert repr(ana.got("push:note")) == told


def test_of_what_was_not_sent_it_is_said_why(shop: Rehearsal) -> None:
    ana = shop.customer("ana", channels=())
    ana.does("Product Viewed")
    assert "push:note skipped (no consent) Mon 05 Jan 09:00" in repr(ana.got("push:note"))
    assert "falls_back is over: finished" in repr(ana.got("push:note"))


def test_the_story_is_told_in_order(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added")
    shop.passes(hours=2)
    ana.does("Order Completed")
    assert shop.story().splitlines() == [
        "ana, on the clock of UTC",
        "  Mon 05 Jan 09:00  does Product Added",
        "  Mon 05 Jan 09:00  enters three_messages",
        "  Mon 05 Jan 10:00  push:note sent",
        "  Mon 05 Jan 11:00  does Order Completed",
        "  Mon 05 Jan 11:00  three_messages is over: goal reached",
    ]


def test_a_story_is_told_on_the_clock_that_it_names_or_says_that_it_is_not(shop: Rehearsal) -> None:
    ana, eva = shop.customer("ana", timezone="Asia/Tokyo"), shop.customer("eva", timezone=None, country="US")
    for each in (ana, eva):
        each.does("Product Added")
    assert ana.story().splitlines()[:2] == ["ana, on the clock of Asia/Tokyo", "  Mon 05 Jan 18:00 +09:00  does Product Added"]
    assert "three_messages waits until Mon 05 Jan 19:00 +09:00" in ana.story()
    head, did, *_ = eva.story().splitlines()
    assert (head.endswith("zones, told in UTC"), did) == (True, "  Mon 05 Jan 09:00  does Product Added")


@pytest.mark.parametrize("later", [timedelta(0), timedelta(weeks=26)])
def test_a_clock_shows_the_same_whenever_a_test_begins(later: timedelta) -> None:
    """On servers it begins on the next Monday, which may be in summer."""
    shop = Rehearsal(Simulated(load("trial_catalogue"), MONDAY + later))
    ana, bea = shop.customer("ana"), shop.customer("bea", timezone="Europe/Madrid")
    for each in (ana, bea):
        shop.starts("by_the_clock", each)
    shop.passes(days=6)
    saturday = (MONDAY + later + timedelta(days=5)).replace(hour=9, minute=30)
    assert ana.got("push:note", at=saturday)
    assert not bea.got("push:note", at=saturday)
    assert shop.story().splitlines()[0] == "ana, on the clock of UTC"
    assert "bea, on the clock of Europe/Madrid" in shop.story()


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (lambda _, ana: ana.left("weekli"), "there is no journey 'weekli'; did you mean 'weekly'?"),
        (lambda _, ana: ana.entered("x"), "there is no journey 'x'; there is "),
        (lambda _, ana: ana.waits("weekli"), "there is no journey 'weekli'; did you mean 'weekly'?"),
        (lambda _, ana: ana.was_refused("weekli"), "there is no journey 'weekli'; did you mean 'weekly'?"),
        (lambda _, ana: ana.left("weekly", "finised"), "weekly does not end by 'finised'; did you mean 'finished'?"),
        (lambda _, ana: ana.left("weekly", "x"), "weekly does not end by 'x'; there is exit reached, finished, goal"),
        (lambda _, ana: ana.got("push:noet"), "there is no message 'push:noet'; did you mean 'push:note'?"),
        (lambda _, ana: not ana.got("push:noet"), "there is no message 'push:noet'; did you mean 'push:note'?"),
        (lambda _, ana: ana.missed("pusch:note"), "there is no message 'pusch:note'; did you mean 'push:note'?"),
        (lambda _, ana: ana.awaits("pusch:note"), "there is no message 'pusch:note'; did you mean 'push:note'?"),
        (lambda _, ana: ana.opens("pusch:note"), "there is no message 'pusch:note'; did you mean 'push:note'?"),
        (lambda shop, _: shop.passes(day=3), "time does not pass by day=; did you mean 'days'?"),
        (lambda _, ana: ana.does("Visited", at="2026-01-01"), "at= is an instant with its zone, such as"),
        (lambda _, ana: ana.does("Visited", at=datetime(2026, 1, 6)), "and not datetime.datetime(2026, 1, 6, 0, 0)"),  # noqa: DTZ001 - that
        (lambda _, ana: ana.says_no("mail"), "there is no channel 'mail'; did you mean 'email'?"),
        (
            lambda shop, _: shop.provider("fax"),
            "there is no channel 'fax'; there is email, in_app, push, sms, wallet, web_push, whatsapp",
        ),
        (lambda shop, _: shop.customer("bea", channels=("fax",)), "there is no channel 'fax'"),
        (lambda shop, _: shop.kills("weekli"), "there is no journey 'weekli'"),
        (lambda shop, ana: shop.starts("weekli", ana), "there is no journey 'weekli'"),
        (lambda shop, _: shop.service("nobody"), "there is no service 'nobody'; there is "),
    ],
)
def test_a_name_that_there_is_not_is_told_with_those_that_there_are(
    says: Callable[[Rehearsal, Customer], object], sentence: str, shop: Rehearsal
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        says(shop, shop.customer("ana"))
    assert caught.traceback.filter(caught)[-1].path == Path(__file__)


def test_a_start_with_other_parameters_is_told_at_its_own_line(shop: Rehearsal) -> None:
    with pytest.raises(InvalidParams) as caught:
        shop.starts("weekly", shop.customer("ana"), nonsense=True)
    assert caught.traceback.filter(caught)[-1].path == Path(__file__)
    assert caught.value.__suppress_context__
