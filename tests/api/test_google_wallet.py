"""What Google posts of passes: taken once where Google signed it for this issuer, and never otherwise."""

import base64
import json
import struct
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.webhooks.google_wallet import GoogleNews, NotGoogles
from workers.sandbox.wallet.account import ISSUER

_PROTOCOL, _SENDER = "ECv2SigningOnly", "GooglePayPasses"


def _lengths(*parts: str) -> bytes:
    return b"".join(struct.pack("<I", len(part.encode())) + part.encode() for part in parts)


class Google:
    """Google's root and intermediate keys, made up, and what is signed with them."""

    def __init__(self) -> None:
        self.root, self.middle = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    async def keys(self, _url: str) -> bytes:
        return json.dumps({"keys": [{"keyValue": public(self.root), "protocolVersion": _PROTOCOL}]}).encode()

    def says(self, told: dict[str, Any], *, issuer: str = ISSUER, expires: float = 3600, **changes: Any) -> bytes:
        """A message; `changes` are made to what was signed."""
        key = json.dumps({"keyValue": public(self.middle), "keyExpiration": str(int((time.time() + expires) * 1000))})
        message = json.dumps(told)
        envelope = {
            "signature": signed(self.middle, _lengths(_SENDER, issuer, _PROTOCOL, message)),
            "intermediateSigningKey": {
                "signedKey": key,
                "signatures": [signed(self.root, _lengths(_SENDER, _PROTOCOL, key))],
            },
            "protocolVersion": _PROTOCOL,
            "signedMessage": message,
        }
        return json.dumps(envelope | changes).encode()


def public(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


def signed(key: ec.EllipticCurvePrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))).decode()


def told(id_: str = f"{ISSUER}.x", event: str = "save", nonce: str = "n1", lives: float = 3600) -> dict[str, Any]:
    over = int((time.time() + lives) * 1000)
    return {"classId": f"{ISSUER}.card", "objectId": id_, "expTimeMillis": over, "eventType": event, "nonce": nonce}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (lambda _: b"{}", "not a message"),
        (lambda google: google.says(told(), issuer="7"), "not signed by its key"),
        (lambda google: google.says(told(), expires=-5), "expired"),
        (lambda google: google.says(told(lives=-5)), "it is over"),
        (lambda google: google.says(told(), protocolVersion="ECv1"), "another protocol"),
        (lambda google: google.says(told(), signedMessage=json.dumps(told(nonce="n2"))), "not signed by its key"),
        (lambda google: google.says(told(), signature="????"), "not signed by its key"),
        (lambda _: Google().says(told()), "not signed by one of Google's"),
    ],
)
async def test_what_google_did_not_sign_for_us_is_refused(body: Any, why: str) -> None:
    google = Google()
    news = GoogleNews(ISSUER, google.keys)
    assert (await news.read(google.says(told()), datetime.now(UTC))).nonce == "n1"
    with pytest.raises(NotGoogles, match=why):
        await news.read(body(google), datetime.now(UTC))
