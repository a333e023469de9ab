"""Talking with a customer on WhatsApp, in the kit's words; also with `--journeys-on temporal`."""

from datetime import timedelta

import pytest

from workers.testing import Rehearsal

HOUR = timedelta(hours=1)


@pytest.fixture
def journeys_catalogue() -> str:
    return "conversation_catalogue"


def test_words_of_ones_own_go_for_24_hours_after_the_customer_wrote(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("support", ana)
    shop.passes(hours=1)
    began = shop.now - HOUR
    ana.replies("whatsapp:how-can-we-help")
    shop.passes(days=2)
    assert ana.got("whatsapp:at-your-service", at=began + HOUR)
    assert ana.got("whatsapp:anything-else", at=began + 24 * HOUR, times=1)
    assert ana.missed("whatsapp:anything-else", because="outside the service window")
    assert ana.got("email:anything-else", at=began + 26 * HOUR)


def test_whatever_the_customer_writes_opens_the_window(shop: Rehearsal) -> None:
    bea = shop.customer("bea")
    shop.starts("support", bea)
    shop.passes(days=3, hours=22)
    bea.does("Message Replied", channel="sms", text="by another channel")
    shop.passes(hours=2)
    assert bea.missed("whatsapp:anything-else", because="outside the service window")
    bea.does("Message Replied", channel="whatsapp", text="hello")
    shop.passes(hours=3)
    assert bea.inbox == ["whatsapp:how-can-we-help", "whatsapp:anything-else"]


@pytest.mark.parametrize(
    ("said", "score", "told"),
    [
        ("10", 10, "whatsapp:thank-you"),
        ("I'd say 3/10.", 3, "whatsapp:we-are-sorry"),
        ("8", 8, None),
        ("0", 0, "whatsapp:we-are-sorry"),
    ],
)
def test_an_nps_survey_ends_as_an_event_with_the_score(shop: Rehearsal, said: str, score: int, told: str | None) -> None:
    ana = shop.customer("ana")
    shop.starts("nps", ana)
    shop.passes(minutes=5)
    ana.replies("whatsapp:how-likely", said)
    shop.passes(hours=1)
    assert ana.inbox == ["whatsapp:how-likely", *([told] if told else [])]
    assert ana.left("nps", "finished")
    shop.starts("to_promoters", ana)
    shop.passes(hours=1)
    assert ("email:anything-else" in ana.inbox) is (score >= 9)


@pytest.mark.parametrize("said", ["eleven", "11", "between 3 and 7", "7.5", "-1", ""])
def test_what_is_no_number_of_the_range_is_other_words(shop: Rehearsal, said: str) -> None:
    ana = shop.customer("ana")
    shop.starts("nps", ana)
    shop.passes(minutes=5)
    ana.replies("whatsapp:how-likely", said)
    shop.passes(days=3)
    assert ana.inbox == ["whatsapp:how-likely"]
    assert ana.left("nps", "finished")


def test_a_row_and_a_button_are_known_by_their_names_tapped_or_typed(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("sizes", ana)
    shop.passes(minutes=5)
    ana.replies("whatsapp:how-can-we-help", "Something for the winter")
    shop.passes(minutes=5)
    ana.replies("whatsapp:which-size", "Medium", choice="m")
    shop.passes(minutes=5)
    ana.replies("whatsapp:anything-else", "No thanks!")
    shop.passes(minutes=5)
    assert ana.inbox == ["whatsapp:how-can-we-help", "whatsapp:which-size", "whatsapp:anything-else"]
    assert ana.left("sizes", "finished")


def test_nobody_answers_in_time(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("sizes", ana)
    shop.passes(minutes=5)
    ana.replies("whatsapp:how-can-we-help", "hello")
    shop.passes(days=1)
    assert ana.inbox == ["whatsapp:how-can-we-help", "whatsapp:which-size", "email:anything-else"]


def test_free_words_are_told_apart_by_a_class_or_go_to_a_person(shop: Rehearsal) -> None:
    ana, bea, eva = (shop.customer(name) for name in ("ana", "bea", "eva"))
    shop.service("topics").answers({"topic": "complaint"}, to=bea)
    shop.service("topics").refuses(422, to=eva)
    for who in (ana, bea, eva):
        shop.starts("care", who)
        shop.passes(minutes=1)
        who.replies("whatsapp:how-can-we-help", "It is about the boots that I ordered")
        shop.passes(minutes=10)
    assert ana.inbox == ["whatsapp:how-can-we-help", "whatsapp:thank-you"]
    for who in (bea, eva):
        assert who.waits("care")
        shop.completes(who, "it", "solved")
        shop.passes(minutes=1)
        assert who.inbox == ["whatsapp:how-can-we-help", "whatsapp:at-your-service"]


def test_who_taps_needs_no_class(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("care", ana)
    shop.passes(minutes=1)
    ana.replies("whatsapp:how-can-we-help", "All good", choice="all-good")
    shop.passes(minutes=10)
    assert ana.inbox == ["whatsapp:how-can-we-help"]
    assert ana.left("care", "finished")


@pytest.mark.parametrize(
    ("size", "understood"), [("Medium", True), (" «MÉDIUM». ", True), ("medium, I think", False), ("Medium or Large", False)]
)
def test_who_types_the_title_of_a_row_has_chosen_it(shop: Rehearsal, size: str, understood: bool) -> None:
    ana = shop.customer("ana")
    shop.starts("sizes", ana)
    shop.passes(minutes=5)
    ana.replies("whatsapp:how-can-we-help", "Something for the winter")
    shop.passes(minutes=5)
    ana.replies("whatsapp:which-size", size)
    shop.passes(minutes=5)
    assert ("whatsapp:anything-else" in ana.inbox) is understood, "the next question is asked of who has chosen"


def test_the_title_that_an_author_gives_metas_button_is_heard_too(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("care", ana)
    shop.passes(minutes=1)
    ana.replies("whatsapp:how-can-we-help", "its all right!")
    shop.passes(minutes=10)
    assert ana.inbox == ["whatsapp:how-can-we-help"]
    assert ana.left("care", "finished")
