"""Suppressed addresses as keyed hashes of their normal form, because a suppression outlives the customer's data.

Promise: the same address gives the same digest however it was typed; the digest does not give the address back.
"""

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest
from store.addresses import normalised


def suppression_digest(secret: str | bytes | SecretStr, channel: str, address: str) -> bytes:
    """The digest under which an address is suppressed on a channel (32 bytes)."""
    return keyed_digest(secret, f"suppression/{channel}", normalised(channel, address).encode())
