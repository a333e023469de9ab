"""The way out of marketing messages: a mail reader's one click (RFC 8058), or a page with one button.

Promise: only POST acts, because mail scanners follow links; no login, no cookie, no question; a second click changes
nothing.
"""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse

from activities.channels import InvalidToken, read_unsubscribe
from activities.channels.email.unsubscribe import Unsubscription
from activities.channels.kinds import KINDS
from activities.channels.preferences import preferences_url
from api.config import ApiConfig
from api.html import PAGES
from api.state import Config, Db
from segments.language.events import UNSUBSCRIBED
from store import Connection
from store.customers.consent import Subject, address_written_to, both, withdraw
from store.deliveries.feedback import NewEvent, journey_of, living, store_events
from store.deliveries.ledger import MessageKey

_SOURCE = "unsubscribe link"

# The link itself is a secret: no other site may learn it, and no cache may keep the page.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}
_FORM = {
    "type": "object",
    "properties": {"List-Unsubscribe": {"type": "string", "enum": ["One-Click"]}},
}
_OPENAPI = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}}
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "a page", **_PAGE},
    404: {"description": "a page: the link is not valid", **_PAGE},
}

router = APIRouter(prefix="/u", tags=["unsubscribe"], default_response_class=HTMLResponse)
Token = Annotated[str, PathParameter(description="the signed token of an unsubscribe link", max_length=2048)]


@router.get("/{token}", responses=_RESPONSES)
async def ask(token: Token, config: Config) -> HTMLResponse:
    """The page with the button. Changes nothing."""
    try:
        said = read_unsubscribe(config.secret, token, config.former_secrets)
    except InvalidToken:
        return _invalid()
    what, more = _what(said), preferences_url("", config.secret, said.profile_id)
    return _page(f"Stop {what}?", f"You will not get any more {what} from us about offers and news.", asks=True, more=more)


@router.post("/{token}", responses=_RESPONSES, openapi_extra=_OPENAPI)
async def act(token: Token, config: Config, database: Db) -> HTMLResponse:
    """Withdraw consent at once. The body is not looked at: whoever posts to this address means it (RFC 8058, 3.2)."""
    try:
        said = read_unsubscribe(config.secret, token, config.former_secrets)
    except InvalidToken:
        return _invalid()
    async with database.transaction() as connection:
        await withdraw_as_told(connection, said, config)
    more = preferences_url("", config.secret, said.profile_id)
    return _page("You are unsubscribed", f"You will not get any more {_what(said)} from us about offers and news.", more=more)


async def withdraw_as_told(connection: Connection, said: Unsubscription, config: ApiConfig, source: str = _SOURCE) -> None:
    """A no about the address that the letter went to and about the customer, and an event where that is news.

    Of a customer who has been erased only what is left: the address, if it is still known.
    """
    profile_id = (await living(connection, [said.profile_id])).get(said.profile_id)
    address = await address_written_to(connection, MessageKey.parse(said.key))
    if profile_id is None and address is None:
        return
    now = config.clock.now()
    subjects = both(profile_id, said.channel, address, said.purpose) if profile_id else [Subject(None, said.channel, address)]
    row = await withdraw(connection, subjects, source=source, at=now, received_at=now)
    if row is not None and profile_id is not None:
        properties = await _properties(connection, said, source)
        event = NewEvent(profile_id, f"unsubscribe:{row}", UNSUBSCRIBED, now, properties)
        await store_events(connection, [event], source=source, at=now)


async def _properties(connection: Connection, said: Unsubscription, source: str) -> dict[str, str | None]:
    key = MessageKey.parse(said.key)
    journey = await journey_of(connection, key.run_id)
    return {
        "channel": said.channel,
        "purpose": said.purpose,
        "source": source,
        "journey": journey,
        "run_id": str(key.run_id),
        "step": key.step,
    }


def _what(said: Unsubscription) -> str:
    kind = KINDS.get(said.channel)
    return kind.called if kind else "messages"


def _invalid() -> HTMLResponse:
    text = "It may have been cut off. Please use the link in the message itself, or write to us."
    return _page("This link is not valid", text, status=404)


def _page(title: str, text: str, *, asks: bool = False, status: int = 200, more: str = "") -> HTMLResponse:
    html = PAGES.get_template("unsubscribe.html").render(title=title, text=text, asks=asks, more=more)
    return HTMLResponse(html, status, _HEADERS)
