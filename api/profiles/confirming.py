"""The page of a double opt-in: one button, which says yes for the address that the letter went to.

Promise: only POST acts, because mail scanners follow links; once, within a week of the letter. A link that was used says so,
and gives nothing again, also to who has unsubscribed since.
"""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse

from activities.channels.confirming import Confirmation, InvalidToken, read_confirmation
from activities.channels.preferences import preferences_url
from activities.channels.suppression import suppression_digests
from api.config import ApiConfig
from api.html import HEADERS, PAGES, Accepted, Language, read_by, spoken
from api.state import Config, Db
from segments.language.events import CONFIRMED
from store import Connection
from store.customers.consent import By, Subject, Word, address_written_to, confirmed_by, say, take_back_kept
from store.deliveries.feedback import NewEvent, living, store_events
from store.deliveries.ledger import MessageKey

SOURCE = "double opt-in"
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "a page", **_PAGE},
    404: {"description": "a page: the link is not valid", **_PAGE},
    410: {"description": "a page: the link was used, or is too old", **_PAGE},
}
#: By language: what is asked, and what is said of each outcome (title, text); the text's version is `confirm-<language>-1`.
_TEXTS = {
    "en": {
        "button": "Yes, write to me",
        "more": "Choose what you get from us",
        "asks": ("Do you want our news?", "With one click you confirm that we may write to you at this address."),
        "done": ("Thank you", "Your subscription is confirmed. Each of our letters has a link to end it."),
        "used": ("This link was used already", "Nothing has changed. You can choose what you get from us."),
        "late": ("This link is too old", "Please sign up once more; nothing has changed."),
        "invalid": ("This link is not valid", "It may have been cut off. Please use the link in the letter itself."),
    },
    "es": {
        "button": "Sí, escribidme",
        "more": "Elige qué recibes de nosotros",
        "asks": ("¿Quieres nuestras novedades?", "Con un clic confirmas que podemos escribirte a esta dirección."),
        "done": ("Gracias", "Tu suscripción está confirmada. Cada correo lleva un enlace para terminarla."),
        "used": ("Este enlace ya se ha usado", "No ha cambiado nada. Puedes elegir qué recibes de nosotros."),
        "late": ("Este enlace ha caducado", "Vuelve a apuntarte, por favor; no ha cambiado nada."),
        "invalid": ("Este enlace no es válido", "Puede que esté cortado. Usa el enlace del propio correo."),
    },
}
_STATUS = {"invalid": 404, "used": 410, "late": 410}

router = APIRouter(prefix="/o", tags=["unsubscribe"], default_response_class=HTMLResponse)
Token = Annotated[str, PathParameter(description="the signed token of a double opt-in", max_length=2048)]


@router.get("/{token}", operation_id="ask_to_confirm", responses=_RESPONSES)
async def ask(token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None) -> HTMLResponse:
    """The page with the button. Changes nothing."""
    async with database.transaction() as connection:
        said, why = await _standing(connection, config, token)
        language = spoken(lang, accepted, await read_by(connection, said.profile_id) if said else None)
    return _page(config, said, why or "asks", language)


@router.post("/{token}", operation_id="confirm", responses=_RESPONSES)
async def act(token: Token, config: Config, database: Db, lang: Language = None, accepted: Accepted = None) -> HTMLResponse:
    """Confirm, once."""
    async with database.transaction() as connection:
        said, why = await _standing(connection, config, token)
        language = spoken(lang, accepted, await read_by(connection, said.profile_id) if said else None)
        if said is not None and why is None:
            why = await _confirm(connection, config, said, f"confirm-{language}-1")
    return _page(config, said, why or "invalid", language)


async def _standing(connection: Connection, config: ApiConfig, token: str) -> tuple[Confirmation | None, str | None]:
    """What a token says, and why it confirms nothing (any more). The customer is locked: of two clicks one is the first."""
    try:
        said = read_confirmation(config.secret, token, config.former_secrets)
    except InvalidToken:
        return None, "invalid"
    if not await living(connection, [said.profile_id]):
        return None, "invalid"
    if await confirmed_by(connection, said.key):
        return said, "used"
    return said, "late" if config.clock.now() > said.until else None


async def _confirm(connection: Connection, config: ApiConfig, said: Confirmation, text: str) -> str:
    """The customer's own yes for the address that the letter went to."""
    whose = (await living(connection, [said.profile_id]))[said.profile_id]
    address = await address_written_to(connection, MessageKey.parse(said.key))
    if address is None:
        return "late"
    now = config.clock.now()
    about = Subject(whose, said.channel, address)
    await take_back_kept(
        connection, said.channel, suppression_digests(config.secret, config.former_secrets, said.channel, address), now
    )
    await say(connection, [Word(about, "granted", By.CUSTOMER, SOURCE, now, now, message_id=said.key, text_version=text)])
    properties = {"channel": said.channel, "source": SOURCE, "run_id": str(MessageKey.parse(said.key).run_id)}
    await store_events(connection, [NewEvent(whose, f"confirm:{said.key}", CONFIRMED, now, properties)], source=SOURCE, at=now)
    return "done"


def _page(config: ApiConfig, said: Confirmation | None, why: str, language: str) -> HTMLResponse:
    texts = _TEXTS[language]
    title, text = texts[why]
    more = preferences_url("", config.secret, said.profile_id) if said is not None and why in {"done", "used"} else ""
    button = texts["button"] if why == "asks" else ""
    shown = {"title": title, "text": text, "button": button, "more": more, "choose": texts["more"]}
    html = PAGES.get_template("confirm.html").render(language=language, **shown)
    return HTMLResponse(html, _STATUS.get(why, 200), {**HEADERS, "Content-Language": language})
