"""A pass type's certificate, the intermediate that issued it and the root above: made on the first start, as Apple's are.

Sources: Apple's "Building a Pass" (the subject of a Pass Type ID certificate), "Apple PKI" (its intermediates).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IDENTIFIER, TEAM, ISSUER = "pass.example.shop.card", "SANDBOXORG", "3388000000000000001"
_NAMES = ("root.pem", "intermediate.pem", "pass.pem", "pass-key.pem")


class PassFiles(NamedTuple):
    """Where they are."""

    root: Path
    intermediate: Path
    certificate: Path
    key: Path


def pass_files(directory: Path, identifier: str = IDENTIFIER) -> PassFiles:
    """Those of a directory, made where there are none."""
    files = PassFiles(*(directory / f"wallet-{name}" for name in _NAMES))
    if not all(each.exists() for each in files):
        _write(files, identifier)
    return files


def _write(files: PassFiles, identifier: str) -> None:
    root_key, middle_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root_name, middle_name = _name("Sandbox Root CA"), _name("Sandbox WWDR G4")
    holder = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, identifier),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {identifier}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, TEAM),
        ]
    )
    root = _certificate(root_name, root_name, root_key, root_key, authority=True)
    middle = _certificate(middle_name, root_name, middle_key, root_key, authority=True)
    leaf = _certificate(holder, middle_name, key, middle_key, authority=False)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    made = (*(each.public_bytes(serialization.Encoding.PEM) for each in (root, middle, leaf)), private)
    for path, text in zip(files, made, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(text)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(_usage(authority=authority), critical=True)
    )
    if not authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purposes, critical=False)
    return made.sign(by, hashes.SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
