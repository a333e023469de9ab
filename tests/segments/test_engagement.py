"""Engagement with our own messages is ordinary events; that webhooks write them is shown in tests/api/test_webhooks.py."""

from typing import Any

import pytest

from segments import DefinitionError, did, messaged, prop, unsubscribed


def test_every_verb_is_a_did() -> None:
    offers = messaged(channel="push", purpose="marketing")
    of_offers = [prop("channel") == "push", prop("purpose") == "marketing"]
    named = {
        "sent": "Message Sent",
        "delivered": "Message Delivered",
        "opened": "Message Read",
        "clicked": "Message Clicked",
        "replied": "Message Replied",
        "failed": "Message Failed",
        "complained": "Message Complained",
    }
    for verb, event in named.items():
        assert getattr(offers, verb)() == did(event).where(*of_offers)
        assert getattr(messaged(), verb)() == did(event)
    clicked = messaged(journey="spring").clicked().at_least(3).within(days=30)
    assert str(clicked) == 'did "Message Clicked" at least 3 times where journey is "spring" within 30 days'
    assert unsubscribed("sms") == did("Unsubscribed").where(prop("channel") == "sms")
    assert unsubscribed() == did("Unsubscribed")


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"channel": "fax"}, "unknown channel 'fax'"),
        ({"purpose": "fun"}, "unknown purpose"),
        ({"template": ""}, "template must be a text"),
        ({"journey": 7}, "journey must be a text"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        messaged(**asked)
