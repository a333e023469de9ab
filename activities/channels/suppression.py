"""Suppressed addresses as keyed hashes of their normal form, because a suppression outlives the customer's data.

Promise: the same address gives the same digest however it was typed; the digest does not give the address back. What was
suppressed under a former secret stays so: look an address up under every secret, write it under the newest. An address that was
brought as a SHA-256 (an opt-out of another system's) is found by the address, too.
"""

import hashlib
from collections.abc import Sequence

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest
from activities.channels.kinds import KINDS
from store.addresses import normalised


def suppression_digest(secret: str | bytes | SecretStr, channel: str, address: str) -> bytes:
    """The digest under which an address is suppressed on a channel (32 bytes)."""
    return keyed_digest(secret, f"suppression/{channel}", normalised(KINDS[channel].address, address).encode())


def hashed_digest(secret: str | bytes | SecretStr, channel: str, sha256: bytes) -> bytes:
    """The same for an address of which only the SHA-256 of its normal form is known."""
    return keyed_digest(secret, f"suppression/{channel}/sha256", sha256)


def suppression_digests(secret: str, former: Sequence[str], channel: str, address: str) -> list[bytes]:
    """Every digest under which an address may be suppressed: by the secret and the former ones, by itself and by its hash."""
    hashed = hashlib.sha256(normalised(KINDS[channel].address, address).encode()).digest()
    secrets = (secret, *former)
    by_itself = [suppression_digest(each, channel, address) for each in secrets]
    return [*by_itself, *(hashed_digest(each, channel, hashed) for each in secrets)]
