"""Unsubscribe tokens and suppression digests: stable, keyed, and of no use to anyone without the secret."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from activities.channels import InvalidToken, read_unsubscribe, sign_unsubscribe, suppression_digest, suppression_digests

PROFILE = uuid4()


def test_a_token_says_what_was_signed() -> None:
    said = read_unsubscribe(SecretStr("s"), sign_unsubscribe(b"s", PROFILE, "email", "marketing", "r/s/1"))
    assert (said.profile_id, said.channel, said.purpose, said.key) == (PROFILE, "email", "marketing", "r/s/1")


def test_a_token_fits_a_url_as_it_is() -> None:
    token = sign_unsubscribe("s", PROFILE, "email", "marketing", f"{uuid4()}/cart-alternatives/1")
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=63))
def test_no_changed_token_is_taken(place: int, letter: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = sign_unsubscribe("s", PROFILE, "email", "marketing", "run/step/11")
    place %= len(token)
    if token[place] != alphabet[letter]:
        with pytest.raises(InvalidToken):
            read_unsubscribe("s", token[:place] + alphabet[letter] + token[place + 1 :])


@given(st.text())
def test_no_other_text_is_taken(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_unsubscribe("s", text)


def test_without_a_secret_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match="JOURNEYS_SECRET"):
        sign_unsubscribe("", PROFILE, "email", "marketing", "r/s/1")


@pytest.mark.parametrize(
    ("channel", "typed", "same"),
    [
        ("email", " Ana@Mail.example ", "ana@mail.example"),
        ("whatsapp", "+34 600-111-222", "34600111222"),
        ("push", "abc:DEF", "abc:DEF"),
    ],
)
def test_one_address_has_one_digest(channel: str, typed: str, same: str) -> None:
    assert suppression_digest("s", channel, typed) == suppression_digest("s", channel, same)


def test_digests_differ_by_address_channel_and_secret() -> None:
    cases = [("s", "push", "abc"), ("s", "push", "ABC"), ("t", "push", "abc"), ("s", "email", "abc")]
    assert len({suppression_digest(*case) for case in cases}) == len(cases)


def test_what_a_former_secret_signed_is_still_read_and_what_it_suppressed_is_still_found() -> None:
    """A16: a secret can be replaced, and letters of last year keep their way out."""
    token = sign_unsubscribe("last year", PROFILE, "email", "marketing", "r/s/1")
    assert read_unsubscribe("new", token, ("older", "last year")).profile_id == PROFILE
    with pytest.raises(InvalidToken):
        read_unsubscribe("new", token, ("older",))
    digests = suppression_digests("new", ("last year",), "email", "ana@example.com")
    by_itself = [suppression_digest(secret, "email", "ana@example.com") for secret in ("new", "last year")]
    assert (digests[:2], len(set(digests))) == (by_itself, 4), "the others are of its hash"
