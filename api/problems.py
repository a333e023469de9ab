"""RFC 9457 problem+json for every error: a type to look up, a sentence that says what to do, and JSON pointers to the fault.

`code` and `message` repeat `type` and `detail` under the names that Segment's and RudderStack's clients read.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.away import AWAY
from store.customers.identity import NamesMoved
from store.errors import DoneBefore, ListIsFrozen

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a client may try again when the store is down.
STORE_RETRY_AFTER = 2

#: What is answered by "send it again": Postgres is away, or others were faster.
UNAVAILABLE: tuple[type[BaseException], ...] = (
    *AWAY,
    NamesMoved,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
)

_log = structlog.get_logger(__name__)


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body, or a parameter", examples=["/batch/3/userId"])
    detail: str = Field(description="what is wrong there", examples=["must be a text or a number"])


class ProblemBody(BaseModel):
    """The body of every error (RFC 9457)."""

    type: str = Field(examples=["/problems/unauthorized"])
    title: str = Field(examples=["Unauthorized"])
    status: int = Field(examples=[401])
    detail: str = Field(description="what happened and what to do", examples=["send a write key as the user of HTTP Basic"])
    code: str = Field(description="the last part of `type`, for clients that look for a code", examples=["unauthorized"])
    message: str = Field(description="the same as `detail`, for clients that look for a message")
    errors: list[Fault] = Field(default_factory=list, description="where exactly, when the request is to blame")


#: What a caller hears who sends another request under a key that was used (draft-ietf-httpapi-idempotency-key-header §2.7).
KEY_REUSED = "this Idempotency-Key was used for another request; choose a new one"


class Problem(HTTPException):
    """An answer that is not a success; raise it anywhere below a route, also where a body is being read."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.status = status
        self.code = code or HTTPStatus(status).phrase.lower().replace(" ", "-")
        self.errors = tuple(errors)

    def body(self) -> ProblemBody:
        """What the client reads."""
        return ProblemBody(
            type=f"/problems/{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            code=self.code,
            message=self.detail,
            errors=list(self.errors),
        )

    def response(self) -> Response:
        """The answer, with its media type and headers."""
        return JSONResponse(self.body().model_dump(), self.status, self.headers, MEDIA_TYPE)


#: How a problem is answered: as JSON, or to a person as a page.
Shown = Callable[[Request, Problem], Response]


def as_json(_: Request, problem: Problem) -> Response:
    """As a client reads it."""
    return problem.response()


def unavailable() -> Problem:
    """Postgres does not answer now; the client should send the same again, and nothing is stored twice under a message id."""
    return Problem(
        503,
        "the store does not answer; send the same again, with the same messageIds: what was stored is not stored twice",
        code="store-unavailable",
        headers={"Retry-After": str(STORE_RETRY_AFTER)},
    )


class Reworded:
    """Turns what a library answers by itself into a problem: an error in plain text, such as that a body is too large."""

    def __init__(self, app: ASGIApp, shown: Shown = as_json) -> None:
        self._app = app
        self._shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; its answer passes untouched unless it is such an error."""
        reworded = False

        async def sending(message: Message) -> None:
            nonlocal reworded
            if message["type"] == "http.response.start" and _is_plain_error(message):
                reworded = True
                kept = {name: value for name, value in Headers(scope=message).items() if name not in _OF_A_BODY}
                problem = _of_library(message["status"], HTTPStatus(message["status"]).phrase, kept)
                await self._shown(Request(scope), problem)(scope, receive, send)
            elif not reworded:
                await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


_OF_A_BODY = {"content-type", "content-length"}


def _is_plain_error(message: Message) -> bool:
    kind = Headers(scope=message).get("content-type", "text/plain")
    return message["status"] >= HTTPStatus.BAD_REQUEST and kind.startswith("text/plain")


def _of_library(status: int, told: str, headers: Mapping[str, str] | None) -> Problem:
    """What a library answers, in our words where we have some."""
    if status == _TOO_LARGE:
        return Problem(status, "the body is larger than it may be here; send less at once", code="too-large")
    return Problem(status, told, headers=headers)


_TOO_LARGE = 413


#: What clients call; not links in messages, to which mail programs add, nor pages, nor what providers call as they will.
_FOR_CLIENTS = re.compile(r"/v1/(?!webhooks/|hooks/)")


#: What says who calls (RFC 6750, 2.3): the door does not take it there, and answers for that itself.
_OF_THE_DOOR = frozenset({"access_token"})


async def only_known(request: Request) -> None:
    """See that every parameter of the query is one of the route's: `dry-run=true` would be the call itself, without a word.

    Raises:
        Problem: 422, one is not; says the near name, or which there are.
    """
    if not request.scope["query_string"] or not _FOR_CLIENTS.match(request.url.path):
        return
    known = _query_of(request.scope["route"])
    if wrong := sorted(set(request.query_params) - known - _OF_THE_DOOR):
        near = get_close_matches(wrong[0].lower(), known, n=1)
        there = f"did you mean {near[0]!r}? " if near else ""
        there += f"there are {', '.join(sorted(known))}" if known else "it takes none"
        raise Problem(422, f"there is no parameter {wrong[0][:50]!r} here; {there}", code="invalid-request")


def _query_of(route: APIRoute) -> frozenset[str]:
    """The names of a route's parameters in the query: of its signature, and those that it reads by itself and describes."""
    described = (route.openapi_extra or {}).get("parameters", ())
    return frozenset(_asked_in(route.dependant)) | {each["name"] for each in described if each["in"] == "query"}


def _asked_in(dependant: Dependant) -> Iterator[str]:
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _asked_in(each)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the errors that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    described = {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
    for status in (429, 503):
        if status in described:
            described[status]["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return {status: described[status] for status in statuses}


def schemas() -> dict[str, Any]:
    """The schemas that `responses` refers to."""
    body = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**body.pop("$defs"), "ProblemBody": body}


def describe(operation: dict[str, Any]) -> None:
    """Correct what FastAPI writes by itself: invalid requests get a problem, and either way to send a key is enough.

    Whatever takes a body can find it unreadable, late or too large; a key may have a limit of its own.
    """
    if "422" in operation["responses"]:
        operation["responses"]["422"] = responses(422)[422]
    if "requestBody" in operation:
        read = {str(status): told for status, told in responses(400, 408, 413).items()}
        operation["responses"] = dict(sorted((read | operation["responses"]).items()))
    if "security" in operation:
        operation["responses"] = dict(sorted(({"429": responses(429)[429]} | operation["responses"]).items()))
        operation["security"] = [{name: []} for scheme in operation["security"] for name in scheme]


def install(app: FastAPI, shown: Shown = as_json) -> None:
    """Answer every error of this app with a problem, shown so."""
    of: dict[type[BaseException], Callable[[Request, Any], Problem]] = {
        Problem: _problem,
        HTTPException: _http,
        ListIsFrozen: _frozen,
        DoneBefore: _done_before,
        RequestValidationError: invalid,
        asyncpg.DataError: _unaskable,
        ClientDisconnect: _hung_up,
        Exception: _crash,
        **dict.fromkeys(UNAVAILABLE, _unavailable),
    }
    for error, told in of.items():
        app.add_exception_handler(error, _handler(told, shown))  # type: ignore[arg-type]


def _handler(told: Callable[[Request, Any], Problem], shown: Shown) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return shown(request, told(request, error))

    return handle


def _problem(_: Request, error: Problem) -> Problem:
    return error


def _frozen(_: Request, error: ListIsFrozen) -> Problem:
    return Problem(409, str(error), code="list-frozen")


def _done_before(_: Request, error: DoneBefore) -> Problem:
    return Problem(409, str(error), code="done-before")


def _http(request: Request, error: HTTPException) -> Problem:
    return _of_library(error.status_code, _advice(request, error), error.headers)


def _advice(request: Request, error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND and error.detail == "Not Found":
        return f"there is nothing at {request.url.path}; /docs lists what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not possible at {request.url.path}; use {allowed}"
    return str(error.detail)


def invalid(_: Request, error: RequestValidationError) -> Problem:
    """A request that is not what the call takes, with where exactly."""
    faults = [Fault(pointer=_pointer(fault["loc"]), detail=fault["msg"]) for fault in error.errors()]
    detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults[:3])
    return Problem(422, f"the request is not valid: {detail}", code="invalid-request", errors=faults)


def _pointer(loc: Sequence[str | int]) -> str:
    where, *rest = loc
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    return path or "/" if where == "body" else ".".join(str(part) for part in rest)


def _unavailable(request: Request, error: Exception) -> Problem:
    _log.warning("store unavailable", path=request.url.path, error=type(error).__name__)
    return unavailable()


def _unaskable(request: Request, error: Exception) -> Problem:
    _log.warning("a value that Postgres cannot take", path=request.url.path, error=type(error).__name__)
    detail = "a value cannot be asked for; leave out NUL characters, and times beyond the years 1 to 9999 in UTC"
    return Problem(422, detail, code="invalid-request")


def _hung_up(_: Request, __: Exception) -> Problem:
    """Who sent half a body and went away hears nothing, and nothing is wrong here."""
    return Problem(400, "the body ends too early; send it again", code="unfinished-body")


def _crash(request: Request, error: Exception) -> Problem:
    _log.error("request failed", path=request.url.path, error=type(error).__name__)
    return Problem(500, "this is a fault of ours; it was logged, send the request again later")
