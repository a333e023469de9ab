"""How calls are made: one try after another where that is safe, and every error as what it is.

This file is part of the client as it is; what stands beside it was written from the OpenAPI of a deployment.
Promise: a call is made again where the server asks for it (429, 503), and where nothing can come of it twice: by an
`Idempotency-Key`, by what it is, or because it never left.
"""

import time
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

_TOO_MANY, _UNAVAILABLE = 429, 503
#: Methods that have one effect however often they are sent (RFC 9110, 9.2.2).
_IDEMPOTENT = frozenset(("GET", "PUT", "DELETE"))


class JourneysError(Exception):
    """Whatever a call can raise."""


class Unreachable(JourneysError):
    """The server was not reached, or its answer did not arrive; the message says which."""


class Unreadable(JourneysError):
    """The answer is not what the description says: write the client again, the deployment has changed."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str
    detail: str


class Problem(JourneysError):
    """The server said no (RFC 9457): `code` says what kind, `detail` what to do, `errors` where."""

    def __init__(
        self, status: int, code: str, detail: str, errors: tuple[Fault, ...] = (), retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        #: Seconds after which it may go well.
        self.retry_after = retry_after


class Invalid(Problem):
    """The request cannot be understood or is not valid (400, 408, 413, 415, 422)."""


class Unauthorized(Problem):
    """No key, or none that is known (401)."""


class Forbidden(Problem):
    """The key may not (403)."""


class NotFound(Problem):
    """There is no such thing (404)."""


class Conflict(Problem):
    """It does not go with how things stand (409)."""


class TooManyRequests(Problem):
    """More than fits, or than the key may; the tries are used up (429)."""


class Unavailable(Problem):
    """The server cannot now; the tries are used up (503)."""


class ServerFault(Problem):
    """A fault of the server's (500 and others)."""


_KINDS: dict[int, type[Problem]] = {
    **dict.fromkeys((400, 408, 413, 415, 422), Invalid),
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    503: Unavailable,
}


@dataclass(frozen=True)
class Retries:
    """How often a call is tried, and how long it may wait between two tries, in seconds; it waits as the server says."""

    tries: int = 4
    longest: float = 60.0
    #: Without a word of the server's: this, then twice as long.
    first: float = 0.5

    def pause(self, done: int, asked: float | None) -> float | None:
        """How long to wait after so many tries; nothing: it is over."""
        if done >= self.tries:
            return None
        wait = self.first * 2 ** (done - 1) if asked is None else asked
        return wait if wait <= self.longest else None


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    media: str = ""
    accept: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        return self.method in _IDEMPOTENT or "Idempotency-Key" in self.headers

    def request(self, client: "httpx.Client | httpx.AsyncClient") -> httpx.Request:
        """As it is sent."""
        headers = {name: _text(value) for name, value in self.headers.items() if value is not None}
        headers |= {"Content-Type": self.media} if self.media else {}
        headers |= {"Accept": self.accept} if self.accept else {}
        pairs: list[tuple[str, str | int | float | bool | None]] = [
            (name, _text(each)) for name, value in self.query.items() for each in _several(value)
        ]
        return client.build_request(self.method, self.path, params=pairs, headers=headers, content=self.content)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def part(value: str | float | UUID) -> str:
    """A value as a part of a path."""
    return quote(_text(value), safe="")


def key(given: str | None) -> str:
    """The key under which the server takes a call once: the given one, else a fresh one, the same for every try."""
    return given or str(uuid4())


def sent(shape: Any, body: Any) -> bytes:
    """A body as JSON, with the fields that were given and no others."""
    return _adapter(shape).dump_json(body, by_alias=True, exclude_unset=True)


def form(fields: "Mapping[str, str | list[str]]") -> bytes:
    """A body as a form."""
    return str(httpx.QueryParams(dict(fields))).encode()


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def read(shape: Any, answer: httpx.Response) -> Any:
    """An answer as what the description says.

    Raises:
        Unreadable: it is something else.
    """
    try:
        return _adapter(shape).validate_json(answer.content)
    except ValidationError as error:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise Unreadable(f"{asked}: {error.error_count()} fields are not as described") from error


def problem_of(answer: httpx.Response) -> Problem:
    """What the server said, as an error."""
    try:
        told = answer.json()
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    kind = _KINDS.get(answer.status_code, ServerFault)
    code, detail = str(told.get("code", "no-problem")), str(told.get("detail", answer.reason_phrase))
    errors = tuple(Fault.model_validate(each) for each in told.get("errors", ()))
    return kind(answer.status_code, code, detail, errors, _retry_after(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds, or an instant (RFC 9110, 10.2.3)."""
    told = answer.headers.get("retry-after")
    if told is None:
        return None
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _wait(retries: Retries, call: Call, done: int, outcome: "httpx.Response | httpx.TransportError") -> float | None:
    """How long to wait before the same is sent again; nothing: this is the outcome."""
    if isinstance(outcome, httpx.Response):
        asked = _retry_after(outcome)
        told = outcome.status_code == _UNAVAILABLE and (asked is not None or call.repeatable)
        return retries.pause(done, asked) if told or outcome.status_code == _TOO_MANY else None
    never_sent = isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return retries.pause(done, None) if never_sent or call.repeatable else None


def _end(outcome: "httpx.Response | httpx.TransportError", call: Call) -> httpx.Response:
    if isinstance(outcome, httpx.Response):
        if outcome.is_error:
            raise problem_of(outcome)
        return outcome
    raise Unreachable(f"{call.method} {call.path}: {type(outcome).__name__}: {outcome}") from outcome


class Line:
    """Calls of one server, one after another."""

    def __init__(self, url: str, key: str, *, retries: Retries, http: httpx.Client | None, timeout: float) -> None:
        self._retries = retries
        self._http = http or httpx.Client(timeout=timeout)
        self._http.base_url = httpx.URL(url)
        self._http.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def send(self, call: Call) -> httpx.Response:
        """The answer.

        Raises:
            Problem: the server said no.
            Unreachable: it said nothing.
        """
        done = 0
        while True:
            outcome = self._once(call)
            done += 1
            if (wait := _wait(self._retries, call, done, outcome)) is None:
                return _end(outcome, call)
            time.sleep(wait)

    def lines(self, call: Call) -> Iterator[str]:
        """The lines of an answer that goes on, as they come."""
        answer = self._http.send(call.request(self._http), stream=True)
        try:
            if answer.is_error:
                answer.read()
                raise problem_of(answer)
            yield from answer.iter_lines()
        finally:
            answer.close()

    def _once(self, call: Call) -> "httpx.Response | httpx.TransportError":
        try:
            return self._http.send(call.request(self._http))
        except httpx.TransportError as error:
            return error


class AsyncLine:
    """The same, while others go on."""

    def __init__(self, url: str, key: str, *, retries: Retries, http: httpx.AsyncClient | None, timeout: float) -> None:
        self._retries = retries
        self._http = http or httpx.AsyncClient(timeout=timeout)
        self._http.base_url = httpx.URL(url)
        self._http.headers["Authorization"] = f"Bearer {key}"

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> httpx.Response:
        """The answer.

        Raises:
            Problem: the server said no.
            Unreachable: it said nothing.
        """
        done = 0
        while True:
            outcome = await self._once(call)
            done += 1
            if (wait := _wait(self._retries, call, done, outcome)) is None:
                return _end(outcome, call)
            await sleep(wait)

    async def lines(self, call: Call) -> AsyncIterator[str]:
        """The lines of an answer that goes on, as they come."""
        answer = await self._http.send(call.request(self._http), stream=True)
        try:
            if answer.is_error:
                await answer.aread()
                raise problem_of(answer)
            async for line in answer.aiter_lines():
                yield line
        finally:
            await answer.aclose()

    async def _once(self, call: Call) -> "httpx.Response | httpx.TransportError":
        try:
            return await self._http.send(call.request(self._http))
        except httpx.TransportError as error:
            return error


class _Page(Protocol):
    @property
    def next(self) -> Any: ...


_P = TypeVar("_P", bound=_Page)


def pages(page: Callable[[Any], _P], after: Any = None) -> Iterator[_P]:
    """Every page of what comes in pages: `pages(lambda after: client.list_runs(after=after))`."""
    while True:
        found = page(after)
        yield found
        if (after := found.next) is None:
            return


async def async_pages(page: Callable[[Any], Awaitable[_P]], after: Any = None) -> AsyncIterator[_P]:
    """The same of an asynchronous client."""
    while True:
        found = await page(after)
        yield found
        if (after := found.next) is None:
            return
