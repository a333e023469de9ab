"""A browser's subscription has one spelling, and is nothing that could lead anywhere but to a push service."""

import json
from typing import Any

import pytest

from store.addresses import AddressKind, browser_subscription, normalised

P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
GIVEN = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/a:b",
    "expirationTime": None,
    "keys": {"p256dh": P256DH, "auth": AUTH},
}
ONE = f'{{"endpoint":"https://fcm.googleapis.com/fcm/send/a:b","p256dh":"{P256DH}","auth":"{AUTH}"}}'


def test_a_subscription_has_one_spelling_however_it_comes() -> None:
    padded = GIVEN | {"keys": {"auth": AUTH + "==", "p256dh": P256DH + "="}}
    for given in (GIVEN, json.dumps(GIVEN, indent=2), padded, ONE, json.loads(ONE)):
        assert browser_subscription(given) == ONE
    assert normalised(AddressKind.BROWSER, json.dumps(padded)) == ONE
    assert normalised(AddressKind.BROWSER, " something else ") == "something else"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2bx",
        "https://web.push.apple.com/QaBC", "http://127.0.0.1:8090/push/ana", "http://localhost/push/ana", "http://[::1]:1/",
    ],
)  # fmt: skip
def test_what_push_services_are_called_is_taken(endpoint: str) -> None:
    assert json.loads(browser_subscription(GIVEN | {"endpoint": endpoint}) or "{}")["endpoint"] == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/1", "ftp://push.example/1", "https://user:pass@push.example/1", "https://push.example", "/push",
        "https://push.example/a b", "https://push.example/\n", "https://[::1]/", "http://127.0.0.1.evil.example/1",
        "http://localhost@evil.example/", "https://push.example/" + "x" * 1_501, "https://exämple.example/1", "", None, 7,
    ],
)  # fmt: skip
def test_any_other_address_is_none(endpoint: Any) -> None:
    assert browser_subscription(GIVEN | {"endpoint": endpoint}) is None


@pytest.mark.parametrize(
    "keys",
    [
        {}, None, [], {"p256dh": P256DH}, {"auth": AUTH}, {"p256dh": AUTH, "auth": AUTH}, {"p256dh": P256DH, "auth": P256DH},
        {"p256dh": P256DH + "!", "auth": AUTH}, {"p256dh": P256DH, "auth": "é"}, {"p256dh": P256DH, "auth": "A"},
        {"p256dh": 7, "auth": AUTH},
    ],
)  # fmt: skip
def test_without_its_keys_a_subscription_is_none(keys: Any) -> None:
    assert browser_subscription(GIVEN | {"keys": keys}) is None


@pytest.mark.parametrize(
    "given", [None, "", "x", "[]", "{", 7, [], "[" * 3_000, '{"endpoint": "https://a.example/"}' + " " * 4_000]
)
def test_anything_else_is_none(given: Any) -> None:
    assert browser_subscription(given) is None
