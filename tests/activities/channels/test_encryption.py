"""Messages to browsers, encrypted: the example of RFC 8291, an implementation that is not ours, and what nobody may read."""

import os

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from activities.channels.web_push.encryption import LIMIT, Subscription, encrypted, unpadded
from activities.channels.web_push.vapid import private_key, private_text, public_text
from workers.sandbox.push.browsers import MadeUpBrowser, Unreadable

#: RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER, SALT = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "DGv6ra1nlYgDCS1FRnbzlw"
BROWSER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95b"
    "Qpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def subscription(key: ec.EllipticCurvePrivateKey, auth: bytes) -> Subscription:
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return Subscription("https://push.example/1", point, auth)


def test_the_example_of_the_specification_comes_out_byte_for_byte() -> None:
    to = Subscription("https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", unpadded(BROWSER), unpadded(AUTH))
    assert encrypted(PLAIN, to, private_key(SENDER), unpadded(SALT)) == unpadded(BODY)


@given(st.binary(max_size=LIMIT))
def test_an_implementation_that_is_not_ours_reads_it(content: bytes) -> None:
    key, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    body = encrypted(content, subscription(key, auth))
    assert http_ece.decrypt(body, private_key=key, auth_secret=auth, version="aes128gcm") == content
    assert len(body) == len(content) + 103
    assert len(body) <= 4096


@given(st.binary(min_size=1, max_size=LIMIT))  # of nothing, http_ece writes no record at all
def test_the_sandbox_reads_what_others_write(content: bytes) -> None:
    browser = MadeUpBrowser("browser-ana")
    body = http_ece.encrypt(
        content, private_key=ec.generate_private_key(ec.SECP256R1()), dh=browser.public, auth_secret=browser.auth,
        version="aes128gcm",
    )  # fmt: skip
    assert browser.read(body) == content


def test_no_two_messages_share_a_key_or_a_salt() -> None:
    to = subscription(ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
    bodies = [encrypted(PLAIN, to) for _ in range(20)]
    assert len({body[:16] for body in bodies}) == len({body[21:86] for body in bodies}) == 20


def test_nobody_else_reads_it_and_nothing_changed_is_read() -> None:
    ana, bea = MadeUpBrowser("ana"), MadeUpBrowser("bea")
    body = encrypted(PLAIN, Subscription("https://push.example/ana", ana.public, ana.auth))
    assert ana.read(body) == PLAIN
    changed = [body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :] for place in (0, 20, 30, 90, len(body) - 1)]
    for reader, text in [(bea, body), (ana, body[:-1]), (ana, b""), *((ana, each) for each in changed)]:
        with pytest.raises(Unreadable):
            reader.read(text)


def test_a_key_that_is_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="EC key"):
        encrypted(PLAIN, Subscription("https://push.example/1", b"\x04" + b"\xff" * 64, b"x" * 16))


def test_a_key_is_written_as_tools_write_it() -> None:
    key = private_key(SENDER)
    assert private_text(key) == SENDER
    assert public_text(key).startswith(
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )
    for text in ("", "abc", SENDER + "AA", "A" * 43):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
            private_key(text)
