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
