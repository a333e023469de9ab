"""Who may deploy: versions of the catalogue are signed (Ed25519) with a key that the database never sees.

Promise: whoever can only write to the database cannot make a worker run code; what is said here never shows a key.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from workers.settings import Settings

_SAID = b"journeys: this version of the catalogue may run\0"
_MADE = b"journeys: deploy key\0"


class DeployKeyMissing(Exception):
    """Nobody is named who may deploy."""


class DeployKeyUnusable(Exception):
    """A public key is none."""


@dataclass(frozen=True, slots=True)
class Deployers:
    """The key of this process, if it may deploy, and the public keys of all who may."""

    private: Ed25519PrivateKey | None = field(default=None, repr=False)
    public: tuple[Ed25519PublicKey, ...] = ()

    @property
    def told(self) -> str:
        """The public keys, as JOURNEYS_DEPLOY_PUBLIC_KEYS takes them."""
        return ",".join(key.public_bytes_raw().hex() for key in self.public)

    def sign(self, version: str, archive: bytes) -> bytes:
        """The signature of a version and its archive.

        Raises:
            DeployKeyMissing: this process has no key to sign with.
        """
        if self.private is None:
            raise DeployKeyMissing(
                f"version {version} of the catalogue has not been deployed, and this process may not do so: run"
                " `journeys deploy` with JOURNEYS_DEPLOY_KEY set, before the workers"
            )
        return self.private.sign(_said(version, archive))

    def vouch_for(self, version: str, archive: bytes, signature: bytes) -> bool:
        """Whether somebody who may deploy has signed exactly this."""
        return any(_signed(key, signature, _said(version, archive)) for key in self.public)


def deployers(settings: Settings) -> Deployers:
    """Who may deploy, by the settings.

    Raises:
        DeployKeyMissing: nobody.
        DeployKeyUnusable: one of the public keys is none.
    """
    private = private_key(settings.deploy_key_text) if settings.deploy_key_text else None
    public = [_public(text) for text in settings.deploy_public_keys] + ([private.public_key()] if private else [])
    if not public:
        raise DeployKeyMissing(
            "JOURNEYS_DEPLOY_PUBLIC_KEYS is not set: workers run only what somebody signed who may deploy; set it to what"
            " `journeys deploy --public-key` prints, or give this process JOURNEYS_DEPLOY_KEY (openssl rand -hex 32)"
        )
    return Deployers(private, tuple(public))


def trusted(settings: Settings) -> Deployers:
    """The same for who only looks at versions; nobody, where the settings name nobody."""
    with suppress(DeployKeyMissing):
        return deployers(settings)
    return Deployers()


def private_key(text: str) -> Ed25519PrivateKey:
    """The key that a long random text stands for."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(_MADE + text.encode()).digest())


def public_text(key: Ed25519PrivateKey) -> str:
    """Its public half, as JOURNEYS_DEPLOY_PUBLIC_KEYS takes it."""
    return key.public_key().public_bytes_raw().hex()


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError:
        raise DeployKeyUnusable(
            f"JOURNEYS_DEPLOY_PUBLIC_KEYS: {text[:8]}… is no public key, which is 64 hexadecimal digits; `journeys deploy"
            " --public-key` prints one"
        ) from None


def _said(version: str, archive: bytes) -> bytes:
    return _SAID + version.encode() + b"\0" + hashlib.sha256(archive).digest()


def _signed(key: Ed25519PublicKey, signature: bytes, said: bytes) -> bool:
    try:
        key.verify(signature, said)
    except InvalidSignature:
        return False
    return True
