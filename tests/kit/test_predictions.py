"""What is foretold of customers, told by a test: the same on the simulator and, with `--journeys-on temporal`, on servers."""

import pytest

from workers.testing import Rehearsal


@pytest.fixture
def journeys_catalogue() -> str:
    return "foretold_catalogue"


def test_ml_02_the_second_touch_is_only_for_who_has_not_fallen_below_where_it_goes_back(shop: Rehearsal) -> None:
    ana, luis, eva = (shop.customer(name) for name in ("ana", "luis", "eva"))
    churn = shop.prediction("churn")
    for each in (ana, luis):
        churn.scores(each, 0.82)
    churn.scores(eva, 0.69)
    shop.passes(days=1)
    assert [each.inbox for each in (ana, luis, eva)] == [["push:we-miss-you"], ["push:we-miss-you"], []]
    churn.scores(ana, 0.49)
    churn.scores(luis, 0.51)
    shop.passes(days=3)
    assert [each.inbox for each in (ana, luis)] == [["push:we-miss-you"], ["push:we-miss-you", "whatsapp:we-miss-you"]]
    churn.scores(luis, 0.9)
    assert luis.entered("retention", times=1), "between the thresholds nobody has left, so nobody comes anew"


def test_a_journey_reads_a_score_a_label_and_nothing_and_no_model_that_is_too_old(shop: Rehearsal) -> None:
    high, low, nobody, gone, late = (shop.customer(name) for name in ("hugo", "lola", "noa", "gus", "leo"))
    churn = shop.prediction("churn")
    for each, score in ((high, 0.8), (low, 0.2), (gone, 0.9), (late, 0.9)):
        churn.scores(each, score)
    churn.says_nothing_of(gone)
    shop.prediction("best-channel").sorts(high, "whatsapp", score=0.4)
    shop.prediction("best-channel").sorts(low, None)
    for each in (high, low, nobody, gone):
        shop.starts("reads", each)
    shop.passes(days=29)
    shop.starts("reads", late)
    shop.passes(minutes=1)
    assert [each.inbox[-1] for each in (high, low, nobody, gone, late)] == [
        "whatsapp:we-miss-you",
        "push:we-miss-you",
        "email:we-miss-you",
        "email:we-miss-you",
        "email:we-miss-you",
    ]


def test_who_is_sorted_into_another_kind_enters_by_it(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.prediction("best-channel").sorts(ana, "push")
    shop.passes(minutes=1)
    assert ana.got_nothing()
    shop.prediction("best-channel").sorts(ana, "whatsapp")
    shop.passes(minutes=1)
    assert ana.got("whatsapp:we-miss-you", times=1)


def test_what_it_cannot_say_is_refused_with_what_it_can(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    for wrong, told in (
        (lambda: shop.prediction("chrun"), "churn"),
        (lambda: shop.prediction("churn").scores(ana, 82), "churn is a probability, from 0 to 1, and not 82"),
        (lambda: shop.prediction("churn").sorts(ana, "x"), "churn has a score and sorts nobody"),
        (lambda: shop.prediction("best-channel").scores(ana, 0.5), "best-channel sorts customers"),
        (lambda: shop.prediction("best-channel").sorts(ana, "pigeon"), "nobody into 'pigeon'; it has: push, whatsapp"),
    ):
        with pytest.raises(ValueError, match=told):
            wrong()
