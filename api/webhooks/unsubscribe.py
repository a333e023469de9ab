"""The way out of marketing messages: a mail reader's one click (RFC 8058), or a page with one button.

Promise: only POST acts, because mail scanners follow links; no login, no cookie, no question; a second click says
the same no again, which beats a yes between the two, and is no second event.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse

from activities.channels import InvalidToken, read_unsubscribe
from activities.channels.email.unsubscribe import Unsubscription
from activities.channels.preferences import preferences_url
from api.config import ApiConfig
from api.html import HEADERS, PAGES, Accepted, Language, read_by, spoken, texts_of
from api.state import Config, Db
from segments.language.events import UNSUBSCRIBED
from store import Connection
from store.customers.consent import Subject, address_written_to, both, withdraw
from store.deliveries.feedback import NewEvent, journey_of, living, store_events
from store.deliveries.ledger import MessageKey

_SOURCE = "unsubscribe link"

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


@router.get("/{token}", operation_id="ask_to_unsubscribe", responses=_RESPONSES)
async def ask(token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None) -> HTMLResponse:
    """The page with the button. Changes nothing."""
    try:
        said = read_unsubscribe(config.secret, token, config.former_secrets)
    except InvalidToken:
        return _invalid(spoken(lang, accepted))
    async with database.pool.acquire() as connection:
        language = spoken(lang, accepted, await read_by(connection, said.profile_id))
    return _page(language, "stop", _shown(said, config, language), asks=True)


@router.post("/{token}", operation_id="unsubscribe", responses=_RESPONSES, openapi_extra=_OPENAPI)
async def act(token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None) -> HTMLResponse:
    """Withdraw consent at once. The body is not looked at: whoever posts to this address means it (RFC 8058, 3.2)."""
    try:
        said = read_unsubscribe(config.secret, token, config.former_secrets)
    except InvalidToken:
        return _invalid(spoken(lang, accepted))
    async with database.transaction() as connection:
        language = spoken(lang, accepted, await read_by(connection, said.profile_id))
        await withdraw_as_told(connection, said, config)
    return _page(language, "stopped", _shown(said, config, language))


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
        event = NewEvent(profile_id, f"unsubscribe:{row}", UNSUBSCRIBED, now, properties, became="unsubscribed")
        await store_events(connection, [event], source=source, at=now)


async def _properties(connection: Connection, said: Unsubscription, source: str) -> dict[str, str | int | None]:
    key = MessageKey.parse(said.key)
    journey = await journey_of(connection, key.run_id)
    return {
        "channel": said.channel,
        "purpose": said.purpose,
        "source": source,
        "journey": journey,
        "run_id": str(key.run_id),
        "step": key.step,
        "occurrence": key.occurrence,
    }


def _shown(said: Unsubscription, config: ApiConfig, language: str) -> dict[str, str]:
    called = texts_of("links")[language]["channel"]
    channel = called.get(said.channel, called["other"])
    return {"channel": channel, "more": preferences_url("", config.secret, said.profile_id)}


def _invalid(language: str) -> HTMLResponse:
    return _page(language, "invalid", {}, text="invalid_text", status=404)


def _page(
    language: str, title: str, shown: Mapping[str, str], *, text: str = "stop_text", asks: bool = False, status: int = 200
) -> HTMLResponse:
    texts = texts_of("links")[language]
    said = {"title": texts[title].format_map(shown), "text": texts[text].format_map(shown), "more": shown.get("more")}
    html = PAGES.get_template("unsubscribe.html").render(language=language, texts=texts, asks=asks, **said)
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": language})
