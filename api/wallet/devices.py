"""The service with which Apple's wallet keeps passes up to date: devices register, ask what is new, fetch it, and let go.

Promise: only who has a pass registers, fetches or lets go of it (`Authorization: ApplePass`); an event once each. A device
hears of each change: it says since when it knows, and a minute before that is looked at again, because many write at once.
Source: Apple's "Adding a Web Service to Update Passes".
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
import structlog
from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from activities.channels.errors import ChannelError
from activities.channels.instants import header_date, since_1970
from activities.channels.sealed import InvalidToken
from activities.channels.wallet.apple import MEDIA_TYPE
from activities.channels.wallet.links import state_shown
from api.config import ApiConfig
from api.problems import Problem
from api.state import Config, Db
from api.wallet.adding import SERVICE, packed
from api.wallet.told import added, delivered, removed
from store import Connection, Database
from store.deliveries import passes
from store.deliveries.passes import Pass

_IOS = "ios"
_OVERLAP = timedelta(minutes=1)
_SCHEME = "applepass "
_SMALL, _OF_A_LOG = 4 * 1024, 64 * 1024  # bytes
#: What may be a token, a device's name or a customer's: nothing that long is a word.
_LONG = re.compile(r"[\w+/=.@-]{13,}")
_log = structlog.get_logger(__name__)

router = APIRouter(prefix=f"{SERVICE}/v1", include_in_schema=False)
Device = Annotated[str, PathParameter(pattern=r"^[\w.-]{1,128}$")]
PassTypeName = Annotated[str, PathParameter(max_length=256)]
#: One of a device's passes, as the address has it.
_ONE = "/devices/{device}/registrations/{pass_type}/{serial}"


class Registration(BaseModel):
    """Where a device is told of changes."""

    push_token: str = Field(alias="pushToken", pattern="^[0-9A-Fa-f]{16,400}$", repr=False)


class Logs(BaseModel):
    """What went wrong on a device."""

    logs: list[str] = Field(max_length=100)


@router.post(_ONE, max_body_size=_SMALL)
async def register(
    request: Request,
    device: Device,
    pass_type: PassTypeName,
    serial: UUID,
    told: Registration,
    config: Config,
    database: Db,
    later: BackgroundTasks,
) -> Response:
    """The device has the pass: 201 where that is news."""
    state = _shown(request, config, pass_type, serial)
    async with database.transaction() as connection:
        pass_ = await _found(connection, serial)
        news = await passes.register(
            connection, serial, _IOS, device, push_token=told.push_token, added_at=config.clock.now(), state=state
        )
        if news:
            await added(request, config, connection, pass_, _IOS, uuid4().hex)
    if state < pass_.modified_at:  # it changed between the download and now, when nobody knew the device
        later.add_task(_catch_up, config, database, (serial, device, state))
    return Response(status_code=201 if news else 200, background=later)


@router.delete(_ONE, max_body_size=_SMALL)
async def unregister(
    request: Request, device: Device, pass_type: PassTypeName, serial: UUID, config: Config, database: Db
) -> Response:
    """The device has the pass no more."""
    _shown(request, config, pass_type, serial)
    async with database.transaction() as connection:
        pass_ = await passes.by_serial(connection, serial)
        if pass_ is not None and await passes.unregister(connection, serial, _IOS, device):
            await removed(request, config, connection, pass_, _IOS, uuid4().hex)
    return Response(status_code=200)


@router.get("/devices/{device}/registrations/{pass_type}")
async def changed(
    device: Device,
    pass_type: PassTypeName,
    config: Config,
    database: Db,
    since: Annotated[str, Query(alias="passesUpdatedSince", max_length=32)] = "",
) -> Response:
    """Which of the device's passes have changed since the tag that it was given last; 204: none."""
    _of_ours(config, pass_type)
    async with database.pool.acquire() as connection:
        found = await passes.on_device(connection, device, _instant_of(since))
    if found is None:
        raise Problem(404, "this device has no pass of ours")
    if not found:
        return Response(status_code=204)
    newest = int(max(at for _, at in found).timestamp())
    return _json({"serialNumbers": [str(serial) for serial, _ in found], "lastUpdated": str(newest)})


@router.get("/passes/{pass_type}/{serial}")
async def latest(request: Request, pass_type: PassTypeName, serial: UUID, config: Config, database: Db) -> Response:
    """The pass as it is now; 304 for who has it like that."""
    _shown(request, config, pass_type, serial)
    async with database.transaction() as connection:
        pass_ = await _found(connection, serial)
        if _known(request.headers.get("if-modified-since", ""), pass_.modified_at):
            return Response(status_code=304)
        found = await packed(pass_, config, connection)
        await delivered(request, config, connection, pass_)
    stamp = format_datetime(pass_.modified_at.astimezone(UTC), usegmt=True)
    return Response(found, media_type=MEDIA_TYPE, headers={"Last-Modified": stamp, "Cache-Control": "no-store"})


@router.post("/log", max_body_size=_OF_A_LOG)
async def log(told: Logs) -> Response:
    """What went wrong on a device, for whoever set the passes up: without anything that could be a name or a token."""
    for line in told.logs[:10]:
        said = line[:500].encode(errors="replace").decode()  # half of a surrogate pair, which JSON can say and no log can hold
        _log.warning("a wallet complains", said=_LONG.sub("…", said))
    return Response(status_code=200)


def _shown(request: Request, config: ApiConfig, pass_type: str, serial: UUID) -> datetime:
    """Which state of a pass the caller has.

    Raises:
        Problem: 401, none.
    """
    _of_ours(config, pass_type)
    header = request.headers.get("authorization", "")
    token = header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else ""
    try:
        return state_shown(config.secret, serial, token, config.former_secrets)
    except InvalidToken:
        raise Problem(401, "this is not the token of the pass", headers={"WWW-Authenticate": "ApplePass"}) from None


def _of_ours(config: ApiConfig, pass_type: str) -> None:
    apple = config.wallets.apple if config.wallets else None
    if apple is None or pass_type != apple.identifier:
        raise Problem(401, "this is not our pass type", headers={"WWW-Authenticate": "ApplePass"})


async def _found(connection: Connection, serial: UUID) -> Pass:
    pass_ = await passes.by_serial(connection, serial)
    if pass_ is None:
        raise Problem(404, "there is no such pass any more")
    return pass_


async def _catch_up(config: ApiConfig, database: Database, device: tuple[UUID, str, datetime]) -> None:
    serial, name, state = device
    if config.wallets is not None:
        with suppress(ChannelError):  # with the next change it is told of this one, too
            await config.wallets.tell(database, await passes.newer(database, serial, _IOS, name, state))


def _instant_of(tag: str) -> datetime | None:
    """A while before the tag's instant: who wrote earlier may have been seen later."""
    at = since_1970(tag) if tag.isascii() and tag.isdigit() else None
    return None if at is None else at - _OVERLAP


def _known(header: str, modified_at: datetime) -> bool:
    since = header_date(header)
    return since is not None and since >= modified_at


def _json(told: dict[str, Any]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
