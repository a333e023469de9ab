"""The link in a message by which a customer adds a pass: Apple's package, or the way to Google, as the phone needs it.

Promise: the address holds no name and ends; what it gives is the pass as it is now. Nothing changes but at Google's own link,
so that a scanner of mail may follow the first one.
"""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse, RedirectResponse

from activities.channels.errors import ChannelError
from activities.channels.sealed import InvalidToken
from activities.channels.wallet.apple import MEDIA_TYPE, package
from activities.channels.wallet.links import linked, pass_token
from activities.channels.wallet.wallets import Wallets
from api.config import ApiConfig
from api.html import PAGES, Accepted, Language, read_by, spoken, texts_of
from api.problems import Problem
from api.state import Config, Db
from store import Connection, Database
from store.deliveries import passes
from store.deliveries.passes import Pass

#: Where Apple's wallet asks for news, below the public address.
SERVICE = "/wallet/apple"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Vary": "Accept-Language, User-Agent",
}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_APPLE, _ANDROID = ("iphone", "ipad", "ipod", "macintosh"), "android"

router = APIRouter(include_in_schema=False)
Token = Annotated[str, PathParameter(max_length=256)]


class Ended(Exception):
    """The link does not add anything (any more); the arguments are a status and which text the customer reads."""


@router.get("/pass/{token}")
async def add(
    request: Request, token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None
) -> Response:
    """The pass for the phone that asks; a page with both ways where that cannot be told."""
    try:
        pass_, wallets = await _asked(token, config, database)
    except Ended as ended:
        return _ended(ended, spoken(lang, accepted))
    language = await _language(pass_, database, lang, accepted)
    agent = request.headers.get("user-agent", "").casefold()
    if wallets.apple is not None and (wallets.google is None or any(each in agent for each in _APPLE)):
        return await _package(pass_, config, database, language)
    if wallets.google is not None and (wallets.apple is None or _ANDROID in agent):
        return RedirectResponse(f"/pass/{token}/google", 302, headers=_HEADERS)
    return _page("wallet", language, title=pass_.content["description"], here=token)


@router.get("/pass/{token}/apple")
async def add_to_apple(
    token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None
) -> Response:
    """The pass as Apple's package."""
    try:
        pass_, _ = await _asked(token, config, database)
    except Ended as ended:
        return _ended(ended, spoken(lang, accepted))
    return await _package(pass_, config, database, await _language(pass_, database, lang, accepted))


@router.get("/pass/{token}/google")
async def add_to_google(
    request: Request, token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None
) -> Response:
    """Have Google know the pass, and lead to where it is saved; asked by HEAD, it changes nothing."""
    try:
        pass_, wallets = await _asked(token, config, database)
        if wallets.google is None:
            return _ended(Ended(404, "only_apple"), await _language(pass_, database, lang, accepted))
        if not request.scope.get("head"):
            await _at_google(pass_, wallets, database)
    except Ended as ended:
        return _ended(ended, spoken(lang, accepted))
    return RedirectResponse(wallets.google.save_link(wallets.at_google(pass_)), 302, headers=_HEADERS)


@router.get("/wallet/pictures/{digest}.png")
async def picture(digest: Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$")], database: Db) -> Response:
    """A picture of a template, for Google: it holds nothing of any customer."""
    async with database.pool.acquire() as connection:
        found = await passes.pictures(connection, [digest])
    if digest not in found:
        raise Problem(404, "there is no such picture")
    return Response(found[digest], media_type="image/png", headers=_FOREVER)


async def packed(pass_: Pass, config: ApiConfig, connection: Connection) -> bytes:
    """The pass as Apple's package, as it is now.

    Raises:
        Ended: Apple's wallet is not set up.
    """
    apple = config.wallets.apple if config.wallets else None
    if apple is None:
        raise Ended(404, "only_google")
    pictures = await passes.pictures(connection, list(pass_.content["images"].values()))
    token = pass_token(config.secret, pass_.serial, pass_.modified_at)
    return package(apple, pass_, token, config.public_url.rstrip("/") + SERVICE, pictures)


async def _asked(token: str, config: ApiConfig, database: Database) -> tuple[Pass, Wallets]:
    try:
        serial, until = linked(config.secret, token, config.former_secrets)
    except InvalidToken:
        raise Ended(404, "cut") from None
    if until < config.clock.now():
        raise Ended(410, "over")
    async with database.pool.acquire() as connection:
        pass_ = await passes.by_serial(connection, serial)
    if pass_ is None or config.wallets is None:
        raise Ended(404, "no_pass")
    return pass_, config.wallets


async def _language(pass_: Pass, database: Database, lang: str | None, accepted: str | None) -> str:
    """The language of a page about somebody's pass."""
    async with database.pool.acquire() as connection:
        return spoken(lang, accepted, await read_by(connection, pass_.profile_id))


async def _package(pass_: Pass, config: ApiConfig, database: Database, language: str) -> Response:
    try:
        async with database.pool.acquire() as connection:
            found = await packed(pass_, config, connection)
    except Ended as ended:
        return _ended(ended, language)
    named = {"Content-Disposition": f'attachment; filename="{pass_.template}-{uuid4().hex[:8]}.pkpass"'}
    return Response(found, media_type=MEDIA_TYPE, headers={**_HEADERS, **named})


async def _at_google(pass_: Pass, wallets: Wallets, database: Database) -> None:
    """From the link on Google knows the pass, and hears of its changes."""
    async with database.pool.acquire() as connection:
        await passes.register(connection, pass_.serial, _ANDROID, "")
    try:
        await wallets.tell(database, await passes.newer(database, pass_.serial, _ANDROID, "", None))
    except ChannelError as error:
        raise Ended(503, "away") from error


def _ended(ended: Ended, language: str) -> HTMLResponse:
    status, why = ended.args
    texts = texts_of("links")[language]
    return _page("unsubscribe", language, status, title=texts["broken"], text=texts[why])


def _page(name: str, language: str, status: int = 200, **shown: str) -> HTMLResponse:
    html = PAGES.get_template(f"{name}.html").render(language=language, texts=texts_of("links")[language], **shown)
    return HTMLResponse(html, status, {**_HEADERS, "Content-Language": language})
