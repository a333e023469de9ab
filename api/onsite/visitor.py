"""Whom a call of an app or a page is about: a user whose id the shop vouches for, or a visitor with an id of their device.

The names stand in headers, percent-encoded: `Journeys-User` with `Journeys-Signature` (docs/ingest.md), `Journeys-Visitor`.
Promise: an unsigned user id is nobody. Nothing of these is in a URL, where proxies would write it down.
"""

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import unquote

from fastapi import Header, Request

from api.auth import allow
from api.config import ApiConfig
from api.ingest.signed import Signatures
from api.problems import Problem
from store.ids import ID_LIMIT, NotAnId, as_id
from store.keys import Caller, Right, Role

_HOW = "sign the user's id on the shop's server and send it as Journeys-Signature, or call with a server's key"
#: Of a name in percent-encoding.
_LONGEST = ID_LIMIT * 12

User = Annotated[str | None, Header(alias="Journeys-User", max_length=_LONGEST, description="the user's id, percent-encoded")]
Signature = Annotated[
    str | None, Header(alias="Journeys-Signature", max_length=4096, description="the shop's signature of the user's id")
]
Device = Annotated[
    str | None, Header(alias="Journeys-Visitor", max_length=_LONGEST, description="the visitor's anonymous id, percent-encoded")
]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: a user that the shop vouches for, else a mere visitor by their device's id; or nobody whom we know."""

    caller: Caller
    user_id: str | None = field(default=None, repr=False)
    anonymous_id: str | None = field(default=None, repr=False)


async def visitor_of(request: Request, user: str | None, signature: str | None, device: str | None = None) -> Visitor:
    """The visitor that a call names.

    Raises:
        Problem: 401 or 403 for its key; 403, the user's id is not signed; 422, an id that is none.
    """
    caller = await allow(request, Right.SEND)
    user_id, anonymous_id = _id(user, "Journeys-User"), _id(device, "Journeys-Visitor")
    if user_id is not None and not _vouched(request.app.state.config, caller, unquote(user or ""), signature):
        raise Problem(403, f"the user's id is not signed, or not by the secret of this key; {_HOW}", code="unsigned-identity")
    return Visitor(caller, user_id, anonymous_id)


async def user_of(request: Request, user: str | None, signature: str | None) -> str:
    """The user's id, where only users have anything to see.

    Raises:
        Problem: as `visitor_of`; 403, no user is named.
    """
    visitor = await visitor_of(request, user, signature)
    if visitor.user_id is None:
        raise Problem(403, f"only users have an inbox, and none is named in Journeys-User; {_HOW}", code="unsigned-identity")
    return visitor.user_id


def _id(given: str | None, header: str) -> str | None:
    try:
        return as_id(unquote(given, errors="strict")) if given is not None else None
    except (NotAnId, UnicodeDecodeError) as error:
        raise Problem(422, f"{header} {error}", code="invalid-request") from None


def _vouched(config: ApiConfig, caller: Caller, sent: str, signature: str | None) -> bool:
    """Whether the shop has signed the user's id, as it was sent."""
    if caller.role is Role.INGEST:
        return True
    return signature is not None and Signatures((config.secret, *config.former_secrets), caller.name).vouch(sent, signature)
