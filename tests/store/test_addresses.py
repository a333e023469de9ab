"""FAULTS A4, A5, B17: one normal form of addresses for ingest, lists, look-up and suppression."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels import suppression_digest
from store.addresses import AddressKind, _checked, email_address, normalised, phone_number
from tests.extent import examples


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Ana@Example.COM ", "ana@example.com"),
        ("ana@español.example", "ana@xn--espaol-zwa.example"),
        ("ANA@ESPAÑOL.example", "ana@xn--espaol-zwa.example"),
        ("ana@xn--espaol-zwa.example", "ana@xn--espaol-zwa.example"),
        ("ana@\N{FULLWIDTH LATIN SMALL LETTER E}xample.com", "ana@example.com"),
        ("jose\N{COMBINING ACUTE ACCENT}@example.com", "josé@example.com"),
        ("straße@faß.de", "straße@xn--fa-hia.de"),
    ],
)
def test_one_spelling_per_mailbox(typed: str, normal: str) -> None:
    assert email_address(typed) == normal == normalised(AddressKind.EMAIL, typed)
    assert suppression_digest("pepper", "email", typed) == suppression_digest("pepper", "email", normal)


@pytest.mark.parametrize(
    "other",
    [
        "\N{FULLWIDTH LATIN SMALL LETTER A}na@example.com",
        "\N{FEMININE ORDINAL INDICATOR}na@example.com",
        "a\N{LATIN SMALL LIGATURE FI}na@example.com",
    ],
)
def test_what_may_be_somebody_else_stays_somebody_else(other: str) -> None:
    assert email_address(other) != "ana@example.com"
    assert suppression_digest("pepper", "email", other) != suppression_digest("pepper", "email", "ana@example.com")
    assert suppression_digest("pepper", "email", other) != suppression_digest("pepper", "email", "afina@example.com")


@given(
    st.from_regex(r"[A-Za-z0-9_+.'-]{1,70}", fullmatch=True),
    st.from_regex(
        r"[A-Za-z0-9.-]{1,20}|[A-Za-z0-9]{60,66}\.([a-z]{60}\.){0,3}example|(xn--)?[a-z]{1,8}\.(test|local|com|x1|1)",
        fullmatch=True,
    ),
)
@examples(500)
def test_the_short_way_for_plain_letters_answers_as_the_long_one(local: str, domain: str) -> None:
    assert email_address(f"{local}@{domain}") == _checked(f"{local}@{domain}")


@pytest.mark.parametrize("no_address", ["", "ana", "ana@", "@example.com", "a b@example.com", "ana@xn--zzzz", None, 7])
def test_what_is_no_address(no_address: object) -> None:
    assert email_address(no_address) is None


def test_a_normal_form_is_its_own_normal_form() -> None:
    for typed in ("İx@example.com", "ΑΣ@example.com", "o'hara+tag@x.co"):
        once = email_address(typed)
        assert once == email_address(once)


def test_numbers_in_any_script() -> None:
    assert phone_number("٦٠٠ ١٢٣ ٤٥٦", "ES") == "+34600123456" == normalised(AddressKind.PHONE, "34 600-123-456")
