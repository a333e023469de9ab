"""What people read about the API in a browser: `/docs`, from this process alone, and a page for the `type` of every problem.

Promise: no page loads anything from elsewhere, and none runs a script that does not stand in a file of ours.
"""

from pathlib import Path
from typing import Annotated

import jinja2
from fastapi import APIRouter, FastAPI
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

_PAGES = Path(__file__).parent / "pages"
_POLICY = "default-src 'none'; {}base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#: Swagger UI sets its sizes by style attributes, and its pictures are data.
_DOCS = _POLICY.format("script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; ")
_PLAIN = _POLICY.format("style-src 'unsafe-inline'; ")
_PROBLEM = jinja2.Environment(autoescape=True).from_string((_PAGES / "problem.html").read_text())
_ANY = "An error of this API."
_MEANINGS = {
    "unauthorized": "No API key was sent, or one that is unknown or was revoked.",
    "forbidden": "The key is valid, but not for this call.",
    "insufficient-scope": "The access token lacks a scope that its owner could have; `WWW-Authenticate` names it.",
    "no-group": "The access token is valid, and none of the groups in it is let in here.",
    "issuer-away": "The authorization server does not tell its keys, so nobody can say whether it made the token. Try again.",
    "foreign-origin": "A web page sent a key that may not be used from there. An operator makes keys with their pages.",
    "server-key-in-a-page": "A key of a shop's servers was sent by a web page, where anybody can read it. Revoke it.",
    "not-found": "There is nothing at this address.",
    "method-not-allowed": "There is something at this address, but not for this method.",
    "request-timeout": "The body of the request took too long to arrive. Send it again.",
    "too-large": "The body has more bytes than this call takes. Send it in parts.",
    "too-deep": "The body has lists and objects inside each other on too many levels.",
    "unsupported-media-type": "The body is compressed in a way that is not understood. Send gzip, or no encoding.",
    "malformed-json": "The body is not JSON.",
    "malformed-body": "The body is JSON, but not what this call takes.",
    "malformed-gzip": "The body begins like gzip, but cannot be unpacked.",
    "invalid-request": "A parameter or a field of the body is missing or wrong; `errors` names each.",
    "invalid-definition": "The definition of a segment cannot be used; `errors` points to the place.",
    "not-playable": "The made-up customer cannot be played through this journey; `detail` says what to change.",
    "unsigned-identity": "A client's key named a user without the shop's signature, so the call changed nothing of that user.",
    "too-many-requests": "More came at once than fits. Send the same again after `Retry-After` seconds.",
    "store-unavailable": "The database does not answer. Send the same again after `Retry-After` seconds.",
    "internal-server-error": "A fault of ours, which was logged. Send the same again later.",
}

router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve the pages and the files that `/docs` needs, which a package brings."""
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.include_router(router)


@router.get("/docs")
async def docs() -> Response:
    """The API's description, to read and to try."""
    return FileResponse(_PAGES / "docs.html", media_type="text/html", headers={"Content-Security-Policy": _DOCS})


@router.get("/docs/start.js")
async def start() -> Response:
    """What starts Swagger UI; a file, so that the page needs no script of its own."""
    return FileResponse(_PAGES / "docs.js", media_type="text/javascript")


@router.get("/problems/{code}")
async def problem(code: Annotated[str, PathParameter(max_length=100, pattern=r"^[a-z0-9-]+$")]) -> HTMLResponse:
    """What a problem's `type` means."""
    page = _PROBLEM.render(code=code, meaning=_MEANINGS.get(code, _ANY), up="../")
    return HTMLResponse(page, headers={"Content-Security-Policy": _PLAIN})
