"""Who may be passed on to a destination, and by which ids; or why not.

Promise: pure. Addresses are hashed here and go no further as they are: SHA-256, in lower-case hex, of an e-mail address without
white space and in lower case, and of a number's digits with the country code. Source: Meta, "Customer File Custom Audiences",
hashing and normalisation.
"""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256

from activities.channels.kinds import KINDS
from store.addresses import AddressKind
from store.audiences import Person


class LeftOut(StrEnum):
    """Why a member of the segment is not passed on."""

    NO_SALE = "do not want their data sold or shared"
    NO_CONSENT = "without a yes to marketing"
    NO_ID = "without an id that the destination is told"


def ids_of(person: Person, by: Sequence[str], *, shareable: bool, in_clear: bool) -> list[str] | LeftOut:
    """What a destination is told of a member: `user_id:…`, `email:…` and `phone:…`; or why it is told nothing.

    `in_clear`: whether it is told user ids as they are.
    """
    if not shareable:
        return LeftOut.NO_SALE
    if not person.channels:
        return LeftOut.NO_CONSENT
    user_id = person.user_id if in_clear or person.user_id is None else hashed(person.user_id)
    named = {"user_id": user_id, "email": _hashed(person, AddressKind.EMAIL), "phone": _hashed(person, AddressKind.PHONE)}
    return [f"{kind}:{named[kind]}" for kind in by if named[kind]] or LeftOut.NO_ID


def value(ids: Sequence[str], kind: str) -> str:
    """What a destination is told under one kind of id; empty where there is none."""
    return next((each.removeprefix(f"{kind}:") for each in ids if each.startswith(f"{kind}:")), "")


def hashed(text: str) -> str:
    """SHA-256 in lower-case hex."""
    return sha256(text.encode()).hexdigest()


def _hashed(person: Person, kind: AddressKind) -> str | None:
    """The newest address of a kind at which they said yes."""
    for channel, address in zip(person.channels, person.addresses, strict=True):
        if KINDS[channel].address is kind:
            return hashed(address.strip().lower() if kind is AddressKind.EMAIL else _digits(address))
    return None


def _digits(number: str) -> str:
    """A number's digits as they are hashed: with the country code, without zeros before it."""
    return "".join(each for each in number if each in "0123456789").lstrip("0")
