"""The names under which passes are known outside: serial numbers, the link that adds one, and what a wallet shows us of one.

Promise: nothing personal and nothing that can be guessed stands in an address. A link ends; what is issued by it does not.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from activities.channels.instants import since_1970
from activities.channels.keyed import keyed_digest
from activities.channels.sealed import InvalidToken, seal, unseal

_LINK, _SERIAL, _PASS = "wallet-link/1", "wallet-serial/1", "wallet-pass/1"
_SERIAL_BYTES = 16


def serial_of(secret: str, profile_id: UUID, template: str, key: str) -> UUID:
    """The serial number of a customer's first pass of a template under a key: the same, whoever issues it."""
    told = b"\0".join((profile_id.bytes, template.encode(), key.encode()))
    return UUID(bytes=keyed_digest(secret, _SERIAL, told)[:_SERIAL_BYTES])


def link_of(public_url: str, secret: str, serial: UUID, until: datetime) -> str:
    """The address at which a pass is added, until then."""
    content = serial.bytes + str(int(until.timestamp())).encode()
    return f"{public_url.rstrip('/')}/pass/{seal(secret, _LINK, content)}"


def linked(secret: str, token: str, former: Sequence[str] = ()) -> tuple[UUID, datetime]:
    """The pass that a link is for, and until when.

    Raises:
        InvalidToken: it was not made here.
    """
    content = unseal(secret, _LINK, token, former)
    serial, until = content[:_SERIAL_BYTES], content[_SERIAL_BYTES:]
    return UUID(bytes=serial), datetime.fromtimestamp(int(until), UTC)


def pass_token(secret: str, serial: UUID, modified_at: datetime) -> str:
    """What Apple's wallet shows us to prove that it has a pass: it says which state of it."""
    state = str(int(modified_at.timestamp()))
    return f"{state}.{keyed_digest(secret, _PASS, serial.bytes + state.encode()).hex()[:32]}"


def state_shown(secret: str, serial: UUID, token: str, former: Sequence[str] = ()) -> datetime:
    """Which state of a pass a wallet has.

    Raises:
        InvalidToken: it does not have the pass.
    """
    at = since_1970(token.partition(".")[0][:11])
    good = [pass_token(each, serial, at) for each in (secret, *former)] if at else []
    if at is None or not any(hmac.compare_digest(token.encode(), each.encode()) for each in good):
        raise InvalidToken("not a token of ours")
    return at
