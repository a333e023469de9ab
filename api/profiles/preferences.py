"""The preference page: what a customer gets from us, by channel, purpose and topic, behind a signed link and without a login.

Promise: GET changes nothing, because scanners follow links; POST saves what was shown, and no more; no cookie and no script.
A browser that sends Global Privacy Control has asked for no sale: saving writes that down.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel
from starlette.responses import HTMLResponse

from activities.channels.kinds import KINDS
from activities.channels.preferences import InvalidToken, preferences_url, read_preferences
from activities.channels.suppression import suppression_digests
from api.auth import may, schemes
from api.config import ApiConfig
from api.html import HEADERS, LANGUAGES, PAGES, Accepted, Language, read_by, spoken, texts_of
from api.problems import responses
from api.segments.access import no_customer
from api.state import Config, Db
from journeys import Topic
from segments.language.events import UNSUBSCRIBED
from store import Connection
from store.addresses import AddressKind
from store.audit import note
from store.customers.preferences import MARKETING, Chosen, Digests, Toggle, Wish, chosen, save
from store.customers.topics import SALE
from store.deliveries.feedback import NewEvent, living, store_events
from store.keys import Caller, Right

SOURCE = "preference page"
_BODY = 64 * 1024  # bytes of a form
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "a page", **_PAGE},
    404: {"description": "a page: the link is not valid", **_PAGE},
}
_FORM = {
    "type": "object",
    "properties": {
        "shown": {
            "type": "array",
            "items": {"type": "string"},
            "description": "what was shown: `email:marketing`, `topic:news`, `sale`",
        },
        "on": {"type": "array", "items": {"type": "string"}, "description": "what of it is on"},
        "none": {"type": "string", "description": "no marketing at all, whatever else is on"},
        "lang": {"type": "string", "enum": list(LANGUAGES)},
    },
}
_OPENAPI = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}}
#: Channels on which there are no addresses: everybody is reached on them.
_EVERYWHERE = tuple(kind.name for kind in KINDS.values() if kind.address is AddressKind.NONE)

router = APIRouter(prefix="/p", tags=["preferences"], default_response_class=HTMLResponse)
links = APIRouter(prefix="/v1/profiles", tags=["privacy"], dependencies=schemes())
Token = Annotated[str, PathParameter(description="the signed token of a preference link", max_length=2048)]
Gpc = Annotated[str | None, Header(alias="Sec-GPC", description="1: the browser asks for no sale of data")]


class PreferenceLink(BaseModel):
    """Where a customer chooses what they get from us."""

    url: str


class _Choices(BaseModel):
    """What the page shows."""

    model_config = {"arbitrary_types_allowed": True}

    channels: tuple[Any, ...]
    topics: dict[Topic, bool]
    no_sale: bool


@links.post("/{customer_id}/preference-link", responses=responses(401, 403, 404, 422, 503))
async def make_preference_link(
    customer_id: UUID, _: Annotated[Caller, may(Right.OPERATE, "link customer", personal=True)], config: Config, database: Db
) -> PreferenceLink:
    """The link to a customer's preference page. Whoever has it can choose for them: send it to the customer alone."""
    async with database.transaction() as connection:
        found = await living(connection, [customer_id])
        if not found:
            raise no_customer()
        await note(connection, "link", "customer", found[customer_id], customer=found[customer_id])
    return PreferenceLink(url=preferences_url(config.public_url, config.secret, found[customer_id]))


@router.get("/{token}", operation_id="show_preferences", responses=_RESPONSES)
async def show(
    token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None, gpc: Gpc = None
) -> HTMLResponse:
    """The page with what holds. Changes nothing."""
    asks = gpc == "1"
    async with database.transaction() as connection:
        whose = await _whose(connection, config, token)
        if not isinstance(whose, UUID):
            return _nothing(spoken(lang, accepted), whose)
        language = spoken(lang, accepted, await read_by(connection, whose))
        return _page(
            language, _choices(config, await chosen(connection, whose, _EVERYWHERE, _digests(config)), asks=asks), gpc=asks
        )


@router.post("/{token}", operation_id="change_preferences", responses=_RESPONSES, openapi_extra=_OPENAPI)
async def act(
    token: Token,
    request: Request,
    config: Config,
    database: Db,
    lang: Language = None,
    accepted: Accepted = None,
    gpc: Gpc = None,
) -> HTMLResponse:
    """Save what was shown and chosen."""
    form = parse_qs((await request.body())[:_BODY].decode(errors="replace"))
    wanted = lang or form.get("lang", [None])[0]
    async with database.transaction() as connection:
        whose = await _whose(connection, config, token)
        if not isinstance(whose, UUID):
            return _nothing(spoken(wanted, accepted), whose)
        language = spoken(wanted, accepted, await read_by(connection, whose))
        wish = _wish(config, form, asks=gpc == "1", language=language)
        off = await save(connection, whose, wish, _EVERYWHERE, _digests(config))
        await _tell(connection, whose, off, wish)
        held = await chosen(connection, whose, _EVERYWHERE, _digests(config))
        return _page(language, _choices(config, held), saved=True, gpc=gpc == "1")


def topics_of(config: ApiConfig) -> dict[str, Topic]:
    """The topics of the catalogue's journeys, by name."""
    found = (journey.spec.topic for journey in config.catalogue.values())
    return dict(sorted((topic.name, topic) for topic in found if topic is not None))


def _digests(config: ApiConfig) -> Digests:
    return partial(suppression_digests, config.secret, config.former_secrets)


async def _whose(connection: Connection, config: ApiConfig, token: str) -> UUID | str:
    """The living customer of a link, locked; or why there is none."""
    try:
        profile_id = read_preferences(config.secret, token, config.former_secrets)
    except InvalidToken:
        return "invalid"
    return (await living(connection, [profile_id])).get(profile_id, "gone")


def _choices(config: ApiConfig, held: Chosen, *, asks: bool = False) -> _Choices:
    topics = {topic: name not in held.off for name, topic in topics_of(config).items()}
    return _Choices(channels=held.channels, topics=topics, no_sale=held.no_sale or asks)


def _wish(config: ApiConfig, form: Mapping[str, list[str]], *, asks: bool, language: str) -> Wish:
    shown, on, none = form.get("shown", []), set(form.get("on", [])), bool(form.get("none"))
    toggles: dict[Toggle, bool] = {}
    topics = {name: f"topic:{name}" in on for name in topics_of(config) if f"topic:{name}" in shown and not none}
    for each in shown:
        channel, _, purpose = each.partition(":")
        if channel in KINDS and purpose in {MARKETING, "transactional"}:
            toggles[channel, purpose] = each in on and not (none and purpose == MARKETING)
    if "sale" in shown or asks:
        topics[SALE] = not ("sale" in on or asks)
    version = texts_of("preferences")[language]["version"]
    return Wish(toggles=toggles, topics=topics, text_version=version, source=SOURCE, at=config.clock.now(), none=none)


async def _tell(connection: Connection, whose: UUID, off: list[Toggle], wish: Wish) -> None:
    """Segments and journeys hear of what was turned off."""
    stamp = int(wish.at.timestamp() * 1_000_000)
    events = [
        NewEvent(whose, f"preferences:{whose}:{channel}:{purpose}:{stamp}", UNSUBSCRIBED, wish.at,
                 {"channel": channel, "purpose": purpose, "source": SOURCE})
        for channel, purpose in off
    ]  # fmt: skip
    if events:
        await store_events(connection, events, source=SOURCE, at=wish.at)


def _page(language: str, choices: _Choices, *, saved: bool = False, gpc: bool = False) -> HTMLResponse:
    texts = texts_of("preferences")[language]
    return _answer(language, title=texts["title"], text=texts["intro"], choices=choices, saved=saved, gpc=gpc)


def _nothing(language: str, why: str) -> HTMLResponse:
    texts = texts_of("preferences")[language]
    return _answer(language, 404, title=texts[why], text=texts[f"{why}_text"])


def _answer(language: str, status: int = 200, **shown: Any) -> HTMLResponse:
    page = PAGES.get_template("preferences.html")
    html = page.render(language=language, languages=LANGUAGES, texts=texts_of("preferences")[language], **shown)
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": language})
