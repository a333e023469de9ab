"""The script and the style sheet with which pages show inbox and content, and a page to try them.

Promise: nothing here is secret, and no page needs to allow inline scripts or styles for them.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, HTMLResponse

from api.state import Config

_PAGES = Path(__file__).parents[1] / "pages"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src https: http:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Whoever loads them sees a change within the hour.
_CACHED = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
_FILES = {
    "client.js": "onsite-client.js",
    "style.css": "onsite.css",
    "try.js": "onsite-try.js",
    "try.css": "onsite-try.css",
}

router = APIRouter(include_in_schema=False)


@router.get("/onsite")
async def page() -> HTMLResponse:
    """A page on which a visitor's inbox and content are shown, to try them."""
    return HTMLResponse((_PAGES / "onsite.html").read_text(), headers={"Content-Security-Policy": _POLICY})


@router.get("/onsite/{name}")
async def file(
    name: Annotated[str, PathParameter(pattern=r"^(client\.js|style\.css|try\.js|try\.css)$")], config: Config
) -> Response:
    """The script, which knows where this API is; the style sheet; and what belongs to the page to try them."""
    kind = "text/javascript" if name.endswith(".js") else "text/css"
    if name != "client.js":
        return FileResponse(_PAGES / _FILES[name], media_type=kind, headers=_CACHED)
    text = (_PAGES / _FILES[name]).read_text().replace("{{ api }}", config.public_url.rstrip("/"))
    return Response(text, media_type=kind, headers=_CACHED)
