"""DKIM: what we sign another library verifies against a resolver of the test; what is changed on the way it refuses."""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given

from activities.channels import EmailContent, Smtp
from activities.channels.email.dkim import Signer, signed_by, signers_of
from activities.channels.email.letter import letter
from activities.channels.message import Campaign
from tests.activities.channels.outgoing import SENDER, to
from tests.activities.channels.test_letter import words
from tests.extent import examples
from workers.sandbox import Sandbox
from workers.settings import Settings

RSA, ED = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
BY_RSA, BY_ED = Signer("shop.example", "spring", RSA), Signer("shop.example", "curve", ED)
WAYS = replace(SENDER, reply_to="care@shop.example", unsubscribe="out@shop.example")
CONTENT = EmailContent(subject="Olé ☃", html="<p>Olé</p>", text="Olé\n", unsubscribe_url="https://shop.example/u/" + "t" * 200)


def records() -> dict[bytes, bytes]:
    public = b64encode(RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    raw = b64encode(ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    return {
        b"spring._domainkey.shop.example.": b"v=DKIM1; k=rsa; p=" + public,
        b"curve._domainkey.shop.example.": b"v=DKIM1; k=ed25519; p=" + raw,
    }


def verified(mail: bytes, index: int = 0) -> bool:
    found = records()
    return bool(dkim.DKIM(mail).verify(index, dnsfunc=lambda name, **_: found.get(name)))


def written(content: EmailContent = CONTENT) -> bytes:
    campaign = Campaign(journey="welcome", template="hello", purpose="marketing")
    outgoing = to("ana@mail.example", content, key="r/s/1").model_copy(update={"campaign": campaign})
    return letter(outgoing, content, WAYS, {})


@pytest.mark.parametrize("signer", [BY_RSA, BY_ED])
def test_another_library_verifies_it(signer: Signer) -> None:
    assert verified(signed_by([signer], written()))


def test_two_keys_sign_twice() -> None:
    mail = signed_by([BY_RSA, BY_ED], written())
    assert (verified(mail, 0), verified(mail, 1)) == (True, True)
    assert mail.count(b"DKIM-Signature: ") == 2


def test_the_way_out_is_covered() -> None:
    """RFC 8058, section 4."""
    (covered,) = [line for line in signed_by([BY_RSA], written()).split(b";\r\n ") if line.startswith(b"h=")]
    names = covered.removeprefix(b"h=").split(b":")
    for name in (b"from", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id", b"reply-to"):
        assert names.count(name) == 2, "itself, and that there is no other"


CHANGES: list[Callable[[bytes], bytes]] = [
    lambda mail: mail.replace(b"List-Unsubscribe: <https://shop.example", b"List-Unsubscribe: <https://evil.example"),
    lambda mail: mail.replace(b"One-Click", b"Two-Click"),
    lambda mail: mail.replace(b"From: ", b"From: <v@evil.example>\r\nFrom: "),
    lambda mail: b"List-Unsubscribe: <https://evil.example>\r\n" + mail,
    lambda mail: b"Subject: another\r\n" + mail,
    lambda mail: mail.replace(b"ana@mail.example", b"bea@mail.example"),
    lambda mail: mail + b"more\r\n",
    lambda mail: mail.replace(b"d=shop.example", b"d=evil.example"),
]


@pytest.mark.parametrize("signer", [BY_RSA, BY_ED])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_on_the_way_is_refused(change: Callable[[bytes], bytes], signer: Signer) -> None:
    mail = signed_by([signer], written())
    assert change(mail) != mail
    with suppress(dkim.DKIMException):
        assert not verified(change(mail))


def test_what_relays_do_to_spaces_breaks_nothing() -> None:
    mail = signed_by([BY_RSA], written())
    assert verified(mail.replace(b"Subject: ", b"Subject:    ") + b"\r\n\r\n")


@given(words, words)
@examples(60)
def test_whatever_stands_in_a_letter_it_verifies(subject: str, text: str) -> None:
    content = EmailContent(subject=subject, html=f"<p>{text}</p>", text=text, unsubscribe_url="https://shop.example/u/t")
    assert verified(BY_ED.signed(written(content), datetime.now(UTC)))


async def test_a_letter_that_a_relay_gets_is_signed(sandbox: Sandbox, tmp_path: Path) -> None:
    smtp = Smtp(f"smtp://{sandbox.smtp_host}:{sandbox.smtp_port}", SENDER, signers=[BY_RSA])
    await smtp.send(to("ana@mail.example", CONTENT))
    await smtp.close()
    (message,) = sandbox.messages
    assert message.raw["headers"][0][0] == "DKIM-Signature"


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def settings(keys: str, domain: str = "") -> Settings:
    return Settings.model_validate({"dkim_keys": keys, "dkim_domain": domain})


def test_keys_come_by_the_settings(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(RSA))
    (tmp_path / "b.pem").write_bytes(pem(ED))
    ours = signers_of(settings(f"spring={tmp_path}/a.pem, curve={tmp_path}/b.pem"), "shop.example")
    mail = signed_by(ours, written())
    assert (verified(mail, 0), verified(mail, 1)) == (True, True)
    (other,) = signers_of(settings(f"x.y={tmp_path}/a.pem", "mail.shop.example"), "shop.example")
    assert (other.domain, other.selector) == ("mail.shop.example", "x.y")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("dkim.pem", "selector=file"), ("a b=x.pem", "selector=file"), ("s=/nowhere.pem", "cannot be read"),
        ("s={}/weak.pem", "2048 bits"), ("s={}/curve.pem", "neither RSA nor Ed25519"), ("s={}/junk.pem", "cannot be read"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_told(tmp_path: Path, keys: str, why: str) -> None:
    (tmp_path / "weak.pem").write_bytes(pem(rsa.generate_private_key(65537, 1024)))
    (tmp_path / "curve.pem").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "junk.pem").write_bytes(b"junk")
    with pytest.raises(ValueError, match=why) as told:
        signers_of(settings(keys.format(tmp_path)), "shop.example")
    assert "JOURNEYS_DKIM_KEYS" in str(told.value)
