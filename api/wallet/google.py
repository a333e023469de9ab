"""What Google posts of passes: saved, or removed. A class of its own tells Google this address, whenever it is put there."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from activities.channels.wallet.google_object import object_id
from activities.channels.wallet.wallets import CALLBACK
from api.body import read_body
from api.config import ApiConfig
from api.problems import Problem, responses
from api.state import Config, Db
from api.wallet.told import added, removed
from api.webhooks.google_wallet import GoogleNews, NotGoogles, Told
from store import Connection
from store.deliveries import passes

_LIMIT = 64 * 1024
_JSON = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
_ANDROID = "android"

router = APIRouter(tags=["webhooks"])


@router.post(
    CALLBACK,
    operation_id="receive_from_google_wallet",
    status_code=204,
    max_body_size=_LIMIT,
    responses=responses(400, 401, 413, 503),
    openapi_extra=_JSON,
)
async def receive(request: Request, config: Config, database: Db) -> Response:
    """What customers did with passes in Google's wallet, signed by Google for the issuer."""
    body = await read_body(request, _LIMIT)
    try:
        told = await _news(request, config).read(body, datetime.now(UTC))
    except NotGoogles as error:
        raise Problem(401, f"this is not to be taken: {error}") from error
    async with database.transaction() as connection:
        await _take(request, config, connection, told)
    return Response(status_code=204)


async def _take(request: Request, config: ApiConfig, connection: Connection, told: Told) -> None:
    serial = told.serial
    pass_ = await passes.by_serial(connection, serial) if serial else None
    if serial is None or pass_ is None or told.object_id != object_id(_issuer(config), serial):
        return
    if told.event == "save":
        if await passes.register(connection, serial, _ANDROID, "", added_at=config.clock.now()):
            await added(request, config, connection, pass_, _ANDROID, told.nonce)
    elif await passes.unregister(connection, serial, _ANDROID, ""):
        await removed(request, config, connection, pass_, _ANDROID, told.nonce)


def _news(request: Request, config: ApiConfig) -> GoogleNews:
    """One for the app, so that keys are kept."""
    kept: GoogleNews | None = getattr(request.app.state, "google_news", None)
    if kept is None:
        kept = request.app.state.google_news = GoogleNews(_issuer(config), config.google_get)
    return kept


def _issuer(config: ApiConfig) -> str:
    google = config.wallets.google if config.wallets else None
    if google is None:
        raise Problem(401, "no Google Wallet is set up here (JOURNEYS_WALLET_GOOGLE_ISSUER)")
    return google.issuer
