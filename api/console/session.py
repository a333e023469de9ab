"""Who looks at the console: whoever has shown an API key lately, by a signed cookie that holds the key's id and never the key.

Promise: who signs on may what the key may, and for as long: the key's row is asked at each request, so that a revocation, an
expiry or a new secret ends the session within seconds. What is sent by another site's page changes nothing.
"""

import json
import struct
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from activities.channels.sealed import InvalidToken, seal, unseal
from api.accounts import person_id
from api.auth import Keys, May, Of, count, insist_on
from api.config import ApiConfig
from api.console.frame import PLACE, form, keep, ours, page, pages, seen
from api.problems import Problem
from api.state import Config, Db
from store.audit import Actor, act_as
from store.keys import Caller, Right, mark_of, note_sign_on

COOKIE = "journeys_session"
LASTS = timedelta(hours=12)
#: What a public address that nobody has set is called.
_HERE = {"127.0.0.1", "localhost", "::1"}
_LABEL, _PERSON = "console/1", "console-person/1"
_CONTENT = struct.Struct(">16s8sQ")  # the key's id, the mark of its secret, until when (seconds)

router = pages()


@dataclass(frozen=True, slots=True)
class Sees(May):
    """What a page asks of who looks at it: as a route of the API does, by the session in place of a key."""

    async def caller(self, request: Request) -> Caller:
        """Who looks, and has the right.

        Raises:
            Problem: 401, nobody is signed on; 403, they may not, or another site's page asks for it.
        """
        _insist_on_own_page(request)
        caller = await signed_on(request)
        request.scope["caller"] = caller
        insist_on(caller, *self.rights)
        count(request, caller)
        return caller


def sees(right: Right, does: str = "", *, personal: bool = False, of: Of = Of.EVERYTHING) -> Any:
    """What a page asks of its `caller: Annotated[Caller, …]`, as `api.auth.may` is for a route of the API."""
    return Depends(Sees(right, does, personal, of))


async def signed_on(request: Request) -> Caller:
    """Whose session it is.

    Raises:
        Problem: 401, there is none, it is over, or its key is.
    """
    config: ApiConfig = request.app.state.config
    token = request.cookies.get(COOKIE, "")
    found = _read(config, token)
    keys: Keys = request.app.state.keys
    caller = await keys.shown(*found, request.app.state.store) if found else _person(config, token)
    if caller is None:
        raise Problem(401, "sign on first, with an API key that may read")
    return caller


def token_of(config: ApiConfig, caller: Caller, key: str, until: float) -> str:
    """What the cookie holds: signed, and nothing that opens anything without us."""
    return seal(config.secret, _LABEL, _CONTENT.pack(caller.id.bytes, mark_of(key), int(until)))


def person_token(config: ApiConfig, subject: str, name: str, group: str, until: float) -> str:
    """What the cookie holds of somebody who has no key: who they are, and the group that let them in."""
    told = {"subject": subject, "name": name, "group": group, "until": int(until)}
    return seal(config.secret, _PERSON, json.dumps(told).encode())


def _person(config: ApiConfig, token: str) -> Caller | None:
    """Somebody who signed on with their company's account, while the settings let their group in."""
    try:
        told = json.loads(unseal(config.secret, _PERSON, token))
    except (InvalidToken, ValueError):
        return None
    grant = config.oidc.grants.get(told["group"]) if config.oidc else None
    if grant is None or config.oidc is None or told["until"] <= time.time():
        return None
    id_ = person_id(config.oidc.issuer, told["subject"])
    return Caller(id_, told["name"], grant.role, grant.personal, frozenset(grant.journeys))


def _read(config: ApiConfig, token: str) -> tuple[UUID, bytes] | None:
    """The key's id and the mark of its secret, while the session lasts; a former secret of ours ends it."""
    try:
        id_, mark, until = _CONTENT.unpack(unseal(config.secret, _LABEL, token))
    except (InvalidToken, ValueError, struct.error):  # ValueError: no secret is set
        return None
    return (UUID(bytes=id_), mark) if until > time.time() else None


def _insist_on_own_page(request: Request) -> None:
    """Make sure that a form stands on a page of ours, as browsers tell (Fetch Metadata, else Origin).

    Old browsers, and addresses without https, tell an Origin alone: that is compared with our public address, and where nobody
    has said one, with the name by which this computer was reached.

    Raises:
        Problem: 403, it stands on another site's.
    """
    if request.method in {"GET", "HEAD"}:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin") or ""
    if not (site == "same-origin" if site else _is_ours(request, origin)):
        raise Problem(403, "this was not sent from a page of the console; open the page, and send it there", code="foreign")


def _is_ours(request: Request, origin: str) -> bool:
    config: ApiConfig = request.app.state.config
    public = urlsplit(config.public_url)
    if public.hostname in _HERE:
        return origin.partition("://")[2] == request.headers.get("host")
    return origin.lower() == f"{public.scheme}://{public.netloc}".lower()


@router.get("/login")
async def login(request: Request, to: str = PLACE) -> Response:
    """Where one signs on."""
    return page(request, "login", to=ours(to), wrong="")


@router.post("/login")
async def sign_on(request: Request, config: Config, database: Db) -> Response:
    """Exchange a key for a session."""
    _insist_on_own_page(request)
    told = await form(request)
    key, to = told.get("key", ""), ours(told.get("to", PLACE))
    keys: Keys = request.app.state.keys
    caller = await keys.caller(key, request.app.state.store) if key else None
    if wrong := _refused(config, caller):
        return page(request, "login", status=403, to=to, wrong=wrong)
    assert caller is not None, "nobody is refused otherwise"
    act_as(Actor(caller.name, caller.role))
    await note_sign_on(database.pool, caller.name)
    answer = seen(to)
    until = time.time() + LASTS.total_seconds()
    keep(request, answer, COOKIE, token_of(config, caller, key, until), int(LASTS.total_seconds()))
    return answer


def _refused(config: ApiConfig, caller: Caller | None) -> str:
    """Why somebody cannot sign on, in words that have a translation; empty where they can."""
    if not config.secret:
        return "Nobody can sign on while JOURNEYS_SECRET is not set: it signs the session."
    if caller is None:
        return "This key is unknown, or it has ended. Keys are made with: journeys keys create NAME --role read"
    if not caller.may(Right.READ):
        return "This key may not look at anything. It takes one of the role read, operate or admin."
    return ""


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session here."""
    _insist_on_own_page(request)
    answer = seen(f"{PLACE}/login")
    answer.delete_cookie(COOKIE, path=PLACE)
    return answer
