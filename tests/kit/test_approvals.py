"""How a WhatsApp template stands with Meta, in a test's words: what waits, what fails, and what goes; on both stages."""

from datetime import timedelta

import pytest

from workers.testing import Rehearsal

HOUR = timedelta(hours=1)


@pytest.fixture
def journeys_catalogue() -> str:
    return "conversation_catalogue"


def test_who_waits_while_a_template_is_paused_is_written_to_when_it_is_back(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    shop.template("how-can-we-help").is_paused()
    for who in (ana, bea):
        shop.starts("support", who)
    shop.passes(hours=1)
    for who in (ana, bea):
        assert who.inbox == []
        assert who.waits("support")
        assert who.messages[0].reason == "template not approved now"
    shop.template("how-can-we-help").is_approved()
    shop.passes(hours=1)
    for who in (ana, bea):
        assert who.inbox == ["whatsapp:how-can-we-help"]


def test_a_pause_that_is_longer_than_a_message_is_useful_loses_it(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.template("how-can-we-help").is_paused()
    shop.starts("support", ana)
    shop.passes(hours=13)
    shop.template("how-can-we-help").is_approved()
    shop.passes(hours=1)
    assert ana.missed("whatsapp:how-can-we-help")
    assert ana.inbox == []


@pytest.mark.parametrize("how", ["is_rejected", "is_disabled"])
def test_a_template_that_is_off_fails_the_message_and_the_journey_goes_on(shop: Rehearsal, how: str) -> None:
    ana = shop.customer("ana")
    getattr(shop.template("how-can-we-help"), how)()
    shop.starts("care", ana)
    shop.passes(hours=1)
    assert ana.missed("whatsapp:how-can-we-help", because="template rejected or disabled")
    assert ana.left("care", "finished")


def test_one_of_another_category_is_not_sent_as_marketing(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.template("how-can-we-help").is_approved(category="utility")
    shop.starts("care", ana)
    shop.passes(hours=1)
    assert ana.missed("whatsapp:how-can-we-help", because="template of another category")


@pytest.mark.parametrize(("name", "told"), [("how-can-we-hlp", "did you mean 'how-can-we-help'?"), ("which-size", "there is ")])
def test_only_what_meta_approves_is_told_of(shop: Rehearsal, name: str, told: str) -> None:
    with pytest.raises(ValueError, match="there is no WhatsApp message by an approved template") as refused:
        shop.template(name)
    assert told in str(refused.value), "words of one's own need no approval"
