"""Where a customer lives: country, region, city and postcode, as the Segment spec has them in the trait `address`.

Promise: pure; each is an ordinary comparison of a trait.
"""

from collections.abc import Iterable

from segments.language.documents import Compare


def country(*codes: str | Iterable[str]) -> Compare:
    """The country in the customer's address, as it was sent (ISO 3166 codes are the custom)."""
    return _address("country", codes)


def region(*names: str | Iterable[str]) -> Compare:
    """The region, province or state in the customer's address."""
    return _address("state", names)


def city(*names: str | Iterable[str]) -> Compare:
    """The city in the customer's address."""
    return _address("city", names)


def postcode(*codes: str | Iterable[str]) -> Compare:
    """The postal code in the customer's address."""
    return _address("postalCode", codes)


def _address(part: str, names: tuple[str | Iterable[str], ...]) -> Compare:
    flat = {name for given in names for name in ([given] if isinstance(given, str) else given)}
    if len(flat) == 1:
        return Compare("trait", ("address", part), "==", flat.pop())
    return Compare("trait", ("address", part), "in", tuple(sorted(flat)))
