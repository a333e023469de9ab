"""How long text messages are: against the alphabet's own table and the sandbox's counter, which is written apart from ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.channels.sms.parts import foreign, size_of
from tests.extent import examples
from workers.sandbox.sms.twilio_message import segments, told


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" * 77, "GSM-7", 306, 3),  # the escape and its letter stay together: 152, 152, 2
        ("ñÑéàüöäßØ¿¡£", "GSM-7", 12, 1),
        ("á" * 70, "UCS-2", 70, 1),
        ("á" * 71, "UCS-2", 71, 2),
        ("á" * 134, "UCS-2", 134, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("a" * 66 + "😀" * 34, "UCS-2", 134, 3),  # no half a character
        ("`", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),  # the alphabet has the capital alone
    ],
)
def test_a_text_has_an_alphabet_a_length_and_parts(text: str, alphabet: str, units: int, parts: int) -> None:
    size = size_of(text)
    assert (size.alphabet, size.units, size.parts) == (alphabet, units, parts)


@examples(300)
@given(st.text(st.sampled_from("abñ€[~á😀`ç\n "), max_size=400))
def test_the_sandbox_counts_the_same(text: str) -> None:
    assert size_of(text).parts == segments(text)
    assert size_of(text).alphabet in told(text)


def test_what_the_alphabet_lacks_is_told_once_each() -> None:
    assert foreign("¿Qué tal? Mañana, aquí, más") == ["í", "á"]
    assert str(size_of("hola")) == "1 part (4 units of GSM-7)"
