"""DKIM signatures on letters that no relay signs: with RSA, with Ed25519, or with both.

Promise: the signature covers the body, every header that readers and mailboxes act on (both of RFC 8058 among them), and
that none of them is added on the way. Written here because it is a page, and so that what verifies it in tests is another's.
Sources: RFC 6376 (relaxed canonicalization, 3.4), RFC 8301 (keys of 2,048 bits), RFC 8463 (Ed25519), RFC 8058, section 4.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from activities.channels.errors import Misconfigured

_FEWEST_BITS = 2048
#: What is signed where it is there, and one more of each: a second one, added later, breaks the signature.
_HEADERS = (
    *("from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post", "feedback-id"),
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SPACES = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class _Settings(Protocol):
    @property
    def dkim_keys(self) -> tuple[str, ...]: ...
    @property
    def dkim_domain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Signer:
    """One key, as it is published under `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    def signed(self, letter: bytes, at: datetime) -> bytes:
        """The letter with its signature in front."""
        head, _, body = letter.partition(b"\r\n\r\n")
        headers = _FOLD.sub(b"", head).split(b"\r\n")
        names = [name for name in _HEADERS if _named(headers, name)]
        told = {
            "v": "1",
            "a": "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256",
            "c": "relaxed/relaxed",
            "d": self.domain,
            "s": self.selector,
            "t": str(int(at.timestamp())),
            "h": ":".join([*names, *_HEADERS]),
            "bh": b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode(),
        }
        field_ = "DKIM-Signature: " + ";\r\n ".join(f"{name}={value}" for name, value in told.items()) + ";\r\n b="
        lines = [_relaxed(_named(headers, name)[-1]) for name in names]
        content = b"".join(line + b"\r\n" for line in lines) + _relaxed(_FOLD.sub(b"", field_.encode()))
        return field_.encode() + _folded(b64encode(self._signature(content))) + b"\r\n" + letter

    def _signature(self, content: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(content, PKCS1v15(), SHA256())
        return self.key.sign(hashlib.sha256(content).digest())


def signers_of(settings: _Settings, domain: str) -> tuple[Signer, ...]:
    """Those whose keys are given, each as `selector=file`; `domain` is the sender's, where the settings say no other.

    Raises:
        Misconfigured: a key cannot be used; says which and why.
    """
    return tuple(_signer(given, settings.dkim_domain or domain) for given in settings.dkim_keys)


def _signer(given: str, domain: str) -> Signer:
    selector, _, path = given.partition("=")
    if not path or not all(_LABEL.fullmatch(label) for label in selector.split(".")):
        raise Misconfigured("JOURNEYS_DKIM_KEYS must be selector=file, such as spring=/run/secrets/dkim.pem")
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"JOURNEYS_DKIM_KEYS: the key of {selector} cannot be read ({type(error).__name__})") from None
    if isinstance(key, RSAPrivateKey) and key.key_size < _FEWEST_BITS:
        raise Misconfigured(f"JOURNEYS_DKIM_KEYS: the key of {selector} needs {_FEWEST_BITS} bits or more")
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise Misconfigured(f"JOURNEYS_DKIM_KEYS: the key of {selector} is neither RSA nor Ed25519")
    return Signer(domain, selector, key)


def signed_by(signers: Iterable[Signer], letter: bytes) -> bytes:
    """The letter with the signature of each in front; without any, as it is."""
    for signer in signers:
        letter = signer.signed(letter, datetime.now(UTC))
    return letter


def _named(headers: Sequence[bytes], name: str) -> list[bytes]:
    return [line for line in headers if line.partition(b":")[0].strip().lower() == name.encode()]


def _relaxed(header: bytes) -> bytes:
    """An unfolded header in relaxed form (RFC 6376, 3.4.2)."""
    name, _, value = header.partition(b":")
    return name.strip().lower() + b":" + _SPACES.sub(b" ", value).strip()


def _relaxed_body(body: bytes) -> bytes:
    """A body in relaxed form (RFC 6376, 3.4.4)."""
    lines = [_SPACES.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
