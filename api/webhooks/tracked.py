"""Our own links and pictures in letters: whoever follows one is led on at once, and what they did becomes an event.

Promise: a link that we did not sign leads nowhere, and one that we did leads on also when Postgres is away. No cookie, no
address of whoever comes is kept. A machine is told from a person as far as that goes: by its name; by the link that no reader
sees; by two links of one letter within seconds; a click within a minute of sending, before any opening, may be either.
Sources: `docs/channels.md`; RFC 9110, 15.4.3 and 9.3.2.
"""

import asyncio
import base64
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities.channels.email.readers import followed_by_machine, opened_by_machine
from activities.channels.feedback import Status
from activities.channels.kinds import KINDS
from activities.channels.sealed import InvalidToken
from activities.channels.tracking import HIDDEN, Followed, read_link, read_opening
from api.config import ApiConfig
from api.problems import UNAVAILABLE
from api.state import Config, Store
from api.webhooks.notices import Notices
from store import Connection
from store.deliveries.feedback import called_machines, followed
from store.deliveries.ledger import MessageKey

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
#: How long a reader waits for Postgres, in seconds, before being led on all the same.
_PATIENCE = 2.0
_AWAY: tuple[type[BaseException], ...] = (TimeoutError, *UNAVAILABLE)
_AT_ONCE = timedelta(seconds=2)  # nobody follows two links within
_SOON = timedelta(minutes=1)  # after sending, when scanners come
_SCANNED = timedelta(minutes=10)  # around the link that nobody sees
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_NOWHERE = (
    "<!doctype html><html lang=en><title>This link leads nowhere</title><p>This link leads nowhere. It may have been cut off."
)

_log = structlog.get_logger(__name__)
router = APIRouter(tags=["tracking"])
Token = Annotated[str, PathParameter(description="a signed token", max_length=8192)]
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_LED: dict[int | str, dict[str, Any]] = {
    302: {"description": "on to the address that the link was made for"},
    204: {"description": "the link that no reader sees"},
    404: {"description": "a page: the link is not ours", **_PAGE},
}
_SEEN: dict[int | str, dict[str, Any]] = {
    200: {"description": "one transparent point", "content": {"image/gif": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/c/{token}", response_class=Response, status_code=302, responses=_LED)
async def lead_on(token: Token, request: Request, config: Config) -> Response:
    """A link in a letter: leads on to its address."""
    try:
        link = read_link(config.secret, token, config.former_secrets)
    except InvalidToken:
        return HTMLResponse(_NOWHERE, 404, _HEADERS)
    await _kept(request, config, link, clicked=True)
    return (
        Response(status_code=204, headers=_HEADERS) if link.number == HIDDEN else RedirectResponse(link.address, 302, _HEADERS)
    )


@router.get("/o/{token}.gif", operation_id="tell_opened", response_class=Response, responses=_SEEN)
async def shown(token: Token, request: Request, config: Config) -> Response:
    """The picture in a letter; the same for whoever asks for another."""
    with suppress(InvalidToken):
        await _kept(request, config, read_opening(config.secret, token, config.former_secrets), clicked=False)
    return Response(_PIXEL, media_type="image/gif", headers=_HEADERS)


async def _kept(request: Request, config: ApiConfig, link: Followed, *, clicked: bool) -> None:
    """Write down what was done, if Postgres is there; a HEAD does nothing."""
    if request.scope.get("head"):
        return
    store: Store = request.app.state.store
    try:
        async with asyncio.timeout(_PATIENCE):
            database = await store.open()
            async with database.transaction() as connection:
                await _take(config, connection, link, request.headers.get("user-agent", ""), clicked=clicked)
    except _AWAY as error:
        _log.warning("a click or an opening was not written down", kind=type(error).__name__)


async def _take(config: ApiConfig, connection: Connection, link: Followed, user_agent: str, *, clicked: bool) -> None:
    now, key, kind = config.clock.now(), MessageKey.parse(link.key), KINDS.get(link.channel)
    if kind is None:
        return
    if clicked:
        machine = await _machine(connection, key, link, followed_by_machine(user_agent), now)
        which = f"{link.key}:{link.number}:{now:%Y-%m-%dT%H}"  # the same link once an hour
        said = Status("", key, "clicked", now, machine=machine, which=which, link=link.address or None)
    else:
        machine = opened_by_machine(user_agent)
        said = Status("", key, "read", now, machine=machine, which=f"{link.key}:{machine}")  # the first of each kind
    await Notices(kind, config, connection, None).take([said])


async def _machine(connection: Connection, key: MessageKey, link: Followed, by_name: bool | None, now: datetime) -> bool | None:
    """Whether a click is a machine's; where only now it shows, earlier ones of the same message are called so, too."""
    before = await followed(connection, key, now - _SCANNED)
    if link.number == HIDDEN:
        await called_machines(connection, key, now - _SCANNED, now)
        return True
    if any(each.at >= now - _AT_ONCE and each.link != link.address for each in before.clicks):
        await called_machines(connection, key, now - _AT_ONCE, now)
        return True
    if by_name or any(each.link is None for each in before.clicks):
        return True
    soon = before.sent_at is not None and now - before.sent_at < _SOON and not before.opened
    return None if soon else by_name
