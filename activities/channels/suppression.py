"""Suppressed addresses as keyed hashes of their normal form, because a suppression outlives the customer's data.

Promise: the same address gives the same digest however it was typed; the digest does not give the address back. What was
suppressed under a former secret stays so: look an address up under every secret, write it under the newest.
"""

from collections.abc import Sequence

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest
from activities.channels.kinds import KINDS
from store.addresses import normalised


def suppression_digest(secret: str | bytes | SecretStr, channel: str, address: str) -> bytes:
    """The digest under which an address is suppressed on a channel (32 bytes)."""
    return keyed_digest(secret, f"suppression/{channel}", normalised(KINDS[channel].address, address).encode())


def suppression_digests(secret: str, former: Sequence[str], channel: str, address: str) -> list[bytes]:
    """Every digest under which an address may be suppressed: by the secret, and by the former ones."""
    return [suppression_digest(each, channel, address) for each in (secret, *former)]
