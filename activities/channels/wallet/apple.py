"""A pass as Apple's package: pass.json, the pictures, a manifest of their digests, and a signature of that, in one archive.

Promise: what is signed is what the customer's pass shows now; a certificate that cannot sign, or is not a pass type's, is told
when a process starts.
Sources: Apple's "Building a Pass", "Pass" and "Creating the Source for a Pass"; RFC 5652 (signed data), RFC 5280.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from activities.channels.wallet.content import AREAS, PassContent
from store.deliveries.passes import Pass

MEDIA_TYPE = "application/vnd.apple.pkpass"
_FORMATS = {
    "qr": "PKBarcodeFormatQR",
    "aztec": "PKBarcodeFormatAztec",
    "pdf417": "PKBarcodeFormatPDF417",
    "code128": "PKBarcodeFormatCode128",
}
_OPTIONS = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]


class Unusable(ValueError):
    """A certificate or key that passes cannot be signed with; says why and what to do."""


@dataclass(frozen=True, slots=True)
class PassType:
    """The pass type of a company: its certificate (which names it, and the team), key and Apple's intermediate certificate."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    intermediate: x509.Certificate

    @classmethod
    def read(cls, certificate: bytes, key: bytes, intermediate: bytes) -> "PassType":
        """From PEM texts.

        Raises:
            Unusable: no pass can be signed with them.
        """
        try:
            found = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(intermediate)
            private = serialization.load_pem_private_key(key, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Unusable("certificate, key and intermediate certificate must be PEM, the key without a password") from None
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Unusable("the key must be RSA's or an elliptic curve's")
        made = cls(found[0], private, found[1])
        made._check()
        return made

    @property
    def identifier(self) -> str:
        """The pass type's identifier, `pass.…`: also the topic of its pushes."""
        return self._named(NameOID.USER_ID)

    @property
    def team(self) -> str:
        """The developer's team."""
        return self._named(NameOID.ORGANIZATIONAL_UNIT_NAME)

    def signed(self, manifest: bytes) -> bytes:
        """A detached signature with its time, both certificates in it (DER)."""
        signer = pkcs7.PKCS7SignatureBuilder().set_data(manifest).add_signer(self.certificate, self.key, hashes.SHA256())
        return signer.add_certificate(self.intermediate).sign(serialization.Encoding.DER, _OPTIONS)

    def _named(self, oid: x509.ObjectIdentifier) -> str:
        return next((str(each.value) for each in self.certificate.subject.get_attributes_for_oid(oid)), "")

    def _check(self) -> None:
        if self.certificate.public_key() != self.key.public_key():
            raise Unusable("the key is not the certificate's; export both together from the keychain")
        if not self.identifier.startswith("pass.") or not self.team:
            raise Unusable("the certificate is no pass type's (its subject has no UID pass.… and no OU)")
        try:
            self.certificate.verify_directly_issued_by(self.intermediate)
        except (ValueError, TypeError, InvalidSignature):
            raise Unusable("the intermediate certificate did not issue it; get the WWDR certificate that it names") from None
        if self.certificate.not_valid_after_utc <= datetime.now(UTC):
            raise Unusable("the certificate has expired; make a new one for the same pass type")


def package(made_by: PassType, shown: Pass, token: str, service: str, pictures: Mapping[str, bytes]) -> bytes:
    """The archive that a wallet takes: `service` is the address of our web service, `pictures` are by digest."""
    content = PassContent.model_validate({**shown.content, "images": {}})
    files = {"pass.json": orjson.dumps(pass_json(made_by, shown.serial, content, token, service))}
    files |= {f"{name}.png": pictures[digest] for name, digest in shown.content["images"].items() if digest in pictures}
    manifest = orjson.dumps({name: hashlib.sha1(data).hexdigest() for name, data in files.items()})  # noqa: S324 - Apple's
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in (*files.items(), ("manifest.json", manifest), ("signature", made_by.signed(manifest))):
            packed.writestr(name, data)
    return archive.getvalue()


def pass_json(made_by: PassType, serial: UUID, content: PassContent, token: str, service: str) -> dict[str, Any]:
    """What the pass says, in Apple's words."""
    told: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": made_by.identifier,
        "teamIdentifier": made_by.team,
        "serialNumber": str(serial),
        "organizationName": content.organization,
        "description": content.description,
        "webServiceURL": service,
        "authenticationToken": token,
        content.style: {f"{area}Fields": _fields(content, area) for area in AREAS if area in content.fields},
        "logoText": content.logo,
        "backgroundColor": _colour(content.background),
        "foregroundColor": _colour(content.foreground),
        "labelColor": _colour(content.label),
        "barcodes": _barcodes(content),
        "locations": [each.model_dump(exclude_none=True, exclude={"text"}) | _said(each.text) for each in content.places]
        or None,
        "relevantDate": _instant(content.relevant_at),
        "expirationDate": _instant(content.expires_at),
        "voided": content.voided or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _fields(content: PassContent, area: str) -> list[dict[str, str]]:
    return [
        {"key": each.key, "label": each.label, "value": each.value} | ({"changeMessage": each.change} if each.change else {})
        for each in content.fields[area]
    ]


def _barcodes(content: PassContent) -> list[dict[str, str]] | None:
    if content.barcode is None:
        return None
    code = {"format": _FORMATS[content.barcode.format], "message": content.barcode.message, "messageEncoding": "utf-8"}
    return [code | ({"altText": content.barcode.text} if content.barcode.text else {})]


def _said(text: str | None) -> dict[str, str]:
    return {"relevantText": text} if text else {}


def _colour(code: str | None) -> str | None:
    return f"rgb({', '.join(str(part) for part in bytes.fromhex(code[1:]))})" if code else None


def _instant(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
