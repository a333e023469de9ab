"""What the reference shop's home page shows, for whom (SEG-39, CH-10)."""

import pytest

from workers.testing import Rehearsal


@pytest.fixture
def journeys_catalogue() -> str:
    return "definitions"


def test_seg_39_a_guide_for_who_is_new_and_something_else_for_who_comes_back(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    assert shop.content_for(ana, "home-hero") == "first-steps"
    ana.does("Session Started")
    assert shop.content_for(ana, "home-hero") == "first-steps"
    shop.passes(hours=1)
    ana.does("Session Started")
    assert shop.content_for(ana, "home-hero") == "welcome-back"
    for _ in range(3):
        shop.passes(hours=1)
        ana.does("Session Started")
    regular = shop.content_for(ana, "home-hero")
    assert regular in ("regulars-plain", "regulars-film")
    shop.passes(days=1)
    assert shop.content_for(ana, "home-hero") == regular, "the arm is kept"
    shop.passes(days=8)
    assert shop.content_for(ana, "home-hero") == "welcome-back", "not so often any more"


def test_who_has_just_been_reminded_of_a_cart_finds_it_on_the_page(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added", cart_id="c-1")
    assert shop.content_for(ana, "home-hero") == "first-steps"
    shop.passes(hours=1, minutes=1)
    assert ana.got("push:cart-reminder")
    assert shop.content_for(ana, "home-hero") == "your-cart"
    ana.does("Order Completed")
    shop.passes(minutes=1)
    assert shop.content_for(ana, "home-hero") == "first-steps"


def test_a_place_that_there_is_not_is_told_at_the_test_s_own_line(shop: Rehearsal) -> None:
    with pytest.raises(ValueError, match="there is no place 'home-hera'; did you mean 'home-hero'"):
        shop.content_for(shop.customer("ana"), "home-hera")
