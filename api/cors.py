"""CORS for web pages of a shop, on the routes that web pages use and on no other; never with cookies (Fetch Standard).

A preflight carries no key, so it is answered for the origin of any client's key in use; the request itself is then held to its
own key's origins (`api.auth`). Errors carry the headers, too, so that an SDK sees the status and when to come back.
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Keys
from api.ingest.visitors import VISITOR_PATHS
from api.problems import UNAVAILABLE, Problem, unavailable

_PATHS = re.compile(f"(?:{'|'.join(VISITOR_PATHS)})/?")
_REMEMBER = 7200  # seconds; no browser remembers a preflight for longer
_HEADER_NAMES = re.compile(r"[\w\-, ]{0,1000}", re.ASCII)


class Cors:
    """Adds the headers, and answers preflights before any route sees them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; without an `Origin`, or elsewhere, it passes untouched."""
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or not _PATHS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            admitted = await self._admits(scope, origin)
        except UNAVAILABLE:
            await unavailable().response()(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _preflight(Request(scope), origin, admitted=admitted)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send, origin) if admitted else send)

    async def _admits(self, scope: Scope, origin: str) -> bool:
        keys: Keys = scope["app"].state.keys
        return await keys.admits(origin, scope["app"].state.store)


def _preflight(request: Request, origin: str, *, admitted: bool) -> Response:
    if not admitted:
        told = f"no key may be used from {origin[:200]}; make one with `journeys keys create NAME --role client --origin …`"
        return Problem(403, told, code="foreign-origin").response()
    asked = request.headers.get("access-control-request-headers", "")
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": asked if _HEADER_NAMES.fullmatch(asked) else "authorization, content-type",
        "Access-Control-Max-Age": str(_REMEMBER),
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    return Response(status_code=204, headers=headers)


def _with_headers(send: Send, origin: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = "Retry-After"
            headers.add_vary_header("Origin")
        await send(message)

    return sending
