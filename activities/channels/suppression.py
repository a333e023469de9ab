"""Suppressed addresses as keyed hashes of their normal form, because a suppression outlives the customer's data.

Promise: the same address gives the same digest however it was typed; the digest does not give the address back.
"""

import unicodedata

from pydantic import SecretStr

from activities.channels.keyed import keyed_digest

_BY_NUMBER = ("whatsapp", "sms")


def suppression_digest(secret: str | bytes | SecretStr, channel: str, address: str) -> bytes:
    """The digest under which an address is suppressed on a channel (32 bytes)."""
    return keyed_digest(secret, f"suppression/{channel}", normalised(channel, address).encode())


def normalised(channel: str, address: str) -> str:
    """One spelling per address: e-mail in lower case, numbers as + and digits, anything else as it is."""
    address = unicodedata.normalize("NFKC", address).strip()
    if channel == "email":
        return address.casefold()
    if channel in _BY_NUMBER:
        return "+" + "".join(character for character in address if character in "0123456789")
    return address
