"""Standard Webhooks, held to the vector that its libraries are tested with, and to a verification written apart from ours."""

import secrets
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from activities.web.signing import NoSecret, key_of, signed
from tests.standard_webhooks import NotGenuine, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}'


def test_the_published_vector() -> None:
    assert signed([key_of(SECRET)], ID, AT, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_replaced_either_verifies() -> None:
    old, new = ("whsec_" + b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    headers = signed([key_of(new), key_of(old)], ID, AT, BODY)
    for secret in (old, new):
        verify(secret, headers, BODY, now=AT)
    with pytest.raises(NotGenuine):
        verify(SECRET, headers, BODY, now=AT)
    with pytest.raises(NotGenuine):
        verify(new, headers, BODY + b" ", now=AT)


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "whsec_?" + "a" * 40, "whsec_" + "A" * 88 + "A" * 88],
)
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NoSecret) as told:
        key_of(text)
    assert len(text) < 7 or text not in str(told.value)


def test_an_id_with_a_full_stop_is_signed_for_nobody() -> None:
    with pytest.raises(ValueError, match="full stop"):
        signed([key_of(SECRET)], "a.b", AT, BODY)
