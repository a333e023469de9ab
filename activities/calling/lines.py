"""The way to each service: a signed POST, its answer read up to a limit, and few on their way at once.

Promise: a service that is slow, or away, has its own few places and takes nobody else's; whatever it answers is sorted by what
has to happen next. Nothing personal leaves but in the body.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import httpx

from activities.calling.where import Where
from activities.channels.errors import Ambiguous, Refused, TryLater
from activities.channels.http import post, retry_after
from activities.channels.tracing import requesting
from activities.metrics import CALL_SECONDS
from activities.web.signing import signed
from activities.web.where import located

#: How long an attempt may last: within the run's own task, and by itself. Receivers are given 15 to 30 s by the standard.
AT_ONCE, PATIENT = timedelta(seconds=3), timedelta(seconds=20)
#: How many attempts at one service may be on their way from one process.
PLACES_AT_ONCE, PLACES = 8, 32
CONNECTIONS = 100
_BUSY = timedelta(seconds=1)
#: What asks for another try: as RFC 9110 and RFC 6585 have it; everything else below 500 is a refusal.
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt: to whom, under which id, with which body."""

    service: str
    id: str
    body: bytes = field(repr=False)
    traceparent: str | None = None
    at_once: bool = False


#: Answers a call in this process, given its body.
Inside = Callable[[bytes], Awaitable[httpx.Response]]


class NoPlace(TryLater):
    """It has not been tried: as many as may be are on their way already."""


class SaidNo(Refused):
    """The service refuses, with an HTTP status."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Lines:
    """The ways to all services that settings know."""

    def __init__(self, known: Mapping[str, Where], http: httpx.AsyncClient) -> None:
        self._known = known
        self._http = http
        self._taken: Counter[tuple[str, bool]] = Counter()

    def knows(self, service: str) -> bool:
        """Whether settings say where it is."""
        return located(self._known, service) is not None

    async def ask(self, request: Request, inside: Inside | None = None) -> httpx.Response:
        """One attempt; the answer of a service that has taken it. Where settings do not name it, `inside` answers, if given.

        Raises:
            TryLater: it was not processed, or the service asks for another try.
            Ambiguous: there was no answer in time; it may have been processed.
            Refused: the service refuses (`SaidNo`), or its address is inside.
        """
        if inside is not None and request.service not in self._known:
            return await self._inside(request, inside)
        where = located(self._known, request.service)
        if where is None:
            raise TryLater(f"{request.service}: JOURNEYS_SERVICES does not say where it is")
        limit = AT_ONCE if request.at_once else PATIENT
        span = requesting(f"call {request.service}", request.id, request.traceparent)
        with self._place(request), _timed(request.service), span as headers:
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    answer = await post(
                        self._http, request.service, where.url, request.body, headers | _headers(request, where)
                    )
            except TimeoutError:
                raise Ambiguous(f"{request.service}: no answer within {limit.total_seconds():g} s") from None
            return _taken(request.service, answer)

    async def _inside(self, request: Request, answer: Inside) -> httpx.Response:
        """What our own code answers: never within the run's own task, which it would keep waiting."""
        if request.at_once:
            raise NoPlace(f"{request.service}: it takes its time", timedelta(0))
        with self._place(request), _timed(request.service):
            try:
                async with asyncio.timeout(PATIENT.total_seconds()):
                    return await answer(request.body)
            except TimeoutError:
                raise Ambiguous(f"{request.service}: no answer within {PATIENT.total_seconds():g} s") from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    @contextmanager
    def _place(self, request: Request) -> Iterator[None]:
        key, most = (request.service, request.at_once), PLACES_AT_ONCE if request.at_once else PLACES
        if self._taken[key] >= most:
            pause = timedelta(0) if request.at_once else _BUSY  # whoever waits for nothing goes where there is time
            raise NoPlace(f"{request.service}: {most} calls are on their way to it from this process", pause)
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1


def _headers(request: Request, where: Where) -> dict[str, str]:
    headers = signed(where.keys, request.id, datetime.now(UTC), request.body)
    headers |= {"content-type": "application/json", "accept": "application/json", "idempotency-key": request.id}
    return headers | ({"authorization": where.authorization.get_secret_value()} if where.authorization else {})


@contextmanager
def _timed(service: str) -> Iterator[None]:
    began = monotonic()
    try:
        yield
    finally:
        CALL_SECONDS.labels(service).observe(monotonic() - began)


def _taken(service: str, answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    detail = f"{service} {answer.status_code}"
    if answer.status_code in _AGAIN or answer.is_server_error:
        raise TryLater(detail, retry_after(answer))
    raise SaidNo(detail, answer.status_code)
