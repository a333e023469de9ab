"""The signed token of a piece of content: what was shown to whom, so that what is told of it is of what we chose.

Promise: it holds names of the catalogue, links and a digest; whose it is stands in it as a keyed digest alone.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from activities.channels.keyed import keyed_digest
from activities.channels.sealed import InvalidToken, seal, unseal
from api.onsite.choosing import Chosen

_LABEL = "content/1"
_WHOSE = 12  # bytes of the digest of a name


def token_of(secret: str, place: str, chosen: Chosen, named: tuple[str, str] | None, at: datetime) -> str:
    """The token for what was chosen."""
    links = [action.link for action in chosen.content.actions]
    told = {"place": place, "shown": [*chosen.drawn], "links": links, "whose": _whose(secret, named), "at": at.timestamp()}
    return seal(secret, _LABEL, orjson.dumps(told))


def read_token(secret: str, token: str, named: tuple[str, str], former: Sequence[str] = ()) -> dict[str, Any]:
    """What a token says: `place`, `shown` (template, experiment, share), `links`, and an `id` of this one showing.

    Raises:
        InvalidToken: it does not carry our signature, or is another visitor's.
    """
    told: dict[str, Any] = orjson.loads(unseal(secret, _LABEL, token, former))
    if told["whose"] not in [_whose(each, named) for each in (secret, *former)]:
        raise InvalidToken("this was shown to another visitor")
    return told | {"id": hashlib.sha256(token.encode()).hexdigest()[:32]}


def _whose(secret: str, named: tuple[str, str] | None) -> str:
    return keyed_digest(secret, _LABEL, "/".join(named or ()).encode())[:_WHOSE].hex()
