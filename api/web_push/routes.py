"""Web push for pages of a shop: the two scripts, a page to try them, and what browsers tell of a notification.

Promise: nothing here is secret, and nothing is taken without our own signed token; the same news told twice changes nothing.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, HTMLResponse

from activities.channels.feedback import Status
from activities.channels.kinds import KINDS
from activities.channels.sealed import InvalidToken
from activities.channels.web_push.told import id_of, key_told
from api.problems import Problem, responses
from api.state import Config, Db
from api.webhooks.notices import Notices
from store.deliveries.ledger import MessageKey

_PAGES = Path(__file__).parents[1] / "pages"
_SCRIPT = "text/javascript"
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Whoever loads the scripts sees a change within the hour.
_CACHED = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}

router = APIRouter()
Token = Annotated[str, PathParameter(description="the signed token of a notification", max_length=2048)]


class Told(StrEnum):
    """What became of a notification in a browser."""

    DELIVERED = "delivered"
    CLICKED = "clicked"
    CLOSED = "closed"


#: What each of them means: who clicks has seen it, and what is closed was shown.
_MEANS = {
    Told.DELIVERED: ("delivered",),
    Told.CLICKED: ("delivered", "read", "clicked"),
    Told.CLOSED: ("delivered", "closed"),
}


@router.get("/web-push", include_in_schema=False)
async def page() -> HTMLResponse:
    """A page on which a browser can be subscribed, to try it."""
    return HTMLResponse((_PAGES / "web-push.html").read_text(), headers={"Content-Security-Policy": _POLICY})


@router.get("/web-push/{name}.js", include_in_schema=False)
async def script(name: Annotated[str, PathParameter(pattern="^(client|worker|try)$")], config: Config) -> Response:
    """The page's script, which holds the public key; the service worker; and the script of the page to try them."""
    if name != "client":
        return FileResponse(_PAGES / f"web-push-{name}.js", media_type=_SCRIPT, headers=_CACHED)
    if not config.web_push_public_key:
        raise Problem(404, "JOURNEYS_WEB_PUSH_PUBLIC_KEY is not set: `journeys keys web-push` prints a pair")
    text = (_PAGES / "web-push-client.js").read_text().replace("{{ key }}", config.web_push_public_key)
    return Response(text.replace("{{ api }}", config.public_url.rstrip("/")), media_type=_SCRIPT, headers=_CACHED)


@router.post(
    "/w/{token}/{told}", operation_id="tell_web_push", status_code=204, tags=["web push"], responses=responses(404, 503)
)
async def tell(request: Request, token: Token, told: Told, config: Config, database: Db) -> None:
    """What a browser tells of a notification: it came, was clicked, or was closed without a click. The body is not read."""
    try:
        key = key_told(config.secret, token, config.former_secrets)
        message = MessageKey.parse(key)
    except (InvalidToken, ValueError):
        raise Problem(404, "this is not the token of a notification") from None
    now = config.clock.now()
    news = [Status(id_of(key), message, each, now) for each in _MEANS[told]]
    async with database.transaction() as connection:
        await Notices(KINDS["web_push"], config, connection, request.headers.get("traceparent")).take(news)
