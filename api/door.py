"""What every request passes: nothing of a body is read before its sender is known, and nobody waits, or lets wait, for ever.

Sizes are limited where bodies are read (`max_body_size` of a route; 500 KB for events). This is about who may send a body at
all, how long it may take, how many may be unfinished at once, and when a client hears that Postgres does not answer.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import people
from api.config import ApiConfig
from api.ingest.visitors import VISITOR_PATHS
from api.metrics import REFUSED
from api.problems import UNAVAILABLE, Problem, Shown, as_json, unavailable
from api.state import Store

#: Where a body is let in without a key of people's: events come with a key that the route itself looks at before it reads (or
#: finds in at most 64 KiB), providers sign what they send, who unsubscribes proves it by the address, a wallet by its pass,
#: people in the console by their cookie, at which its pages look before they read (a sign-on is 16 KiB at most).
_OPEN = re.compile(f"(?:{'|'.join(VISITOR_PATHS)}|/v1/webhooks/.+|/v1/hooks/.+|/[upo]/.+|/wallet/apple/v1/.+|/console/.+)/?")
_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}


class Arriving:
    """A body on its way: since when, and the patience with its next piece."""

    __slots__ = ("late", "patience", "until")

    def __init__(self) -> None:
        self.until: float | None = None
        self.patience: asyncio.Timeout | None = None
        self.late = False

    def give_up(self) -> None:
        """Stop waiting for it."""
        self.late = True
        if self.patience is not None and not self.patience.expired():
            self.patience.reschedule(0)


class Bodies:
    """Bodies that have begun to arrive, the oldest first.

    When there are too many the oldest goes: slow senders push out each other, and nobody who sends at once is refused.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._unfinished: dict[Arriving, None] = {}

    async def next(self, body: Arriving, receive: Receive) -> Message:
        """The next piece.

        Raises:
            Problem: 408, it did not come in time.
        """
        if body.until is None:
            body.until = asyncio.get_running_loop().time() + self._seconds
            self._unfinished[body] = None
            if len(self._unfinished) > self._most and (oldest := next((b for b in self._unfinished if not b.late), None)):
                oldest.give_up()
        try:
            async with asyncio.timeout_at(0 if body.late else body.until) as body.patience:
                message = await receive()
        except TimeoutError:
            self.forget(body)
            raise self._too_late() from None
        if not message.get("more_body"):
            self.forget(body)
        return message

    def forget(self, body: Arriving) -> None:
        """It is there, or nobody waits for it any more."""
        self._unfinished.pop(body, None)

    def _too_late(self) -> Problem:
        REFUSED.labels("unfinished-body").inc()
        told = f"the body was not there after {self._seconds:g} s, or too many others were unfinished; send it again at once"
        return Problem(408, told, headers={"Connection": "close"})


class Door:
    """Key before body, a deadline for the body and one for the store; `HEAD` is `GET` without the content (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp, config: ApiConfig, store: Store, shown: Shown = as_json) -> None:
        self._app = app
        self._shown = shown
        self._store = store
        self._patience = config.store_seconds
        self._bodies = Bodies(config.body_seconds, config.unfinished_bodies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] in _WITH_BODY:
            body = Arriving()
            try:
                await self._answered(scope, self._guarded(scope, receive, body), send)
            finally:
                self._bodies.forget(body)
        else:
            read_only = {**scope, "method": "GET", "head": True} if scope["method"] == "HEAD" else scope
            await self._answered(read_only, receive, send)

    def _guarded(self, scope: Scope, receive: Receive, body: Arriving) -> Callable[[], Awaitable[Message]]:
        """The body, whose first piece is asked for when its sender is known."""
        known = _OPEN.fullmatch(scope["path"]) is not None

        async def guarded() -> Message:
            nonlocal known
            if not known:
                try:
                    await people(Request(scope))
                except UNAVAILABLE:  # who reads a body takes any error for one of the body
                    raise unavailable() from None
                known = True
            return await self._bodies.next(body, receive)

        return guarded

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's answer, however long it takes; but 503 when Postgres gives no sign of life meanwhile."""
        begun = late = over = False

        async def sending(message: Message) -> None:
            nonlocal begun, over
            begun = True
            if not late:
                await send(message)
            if scope.get("head") and _is_endless(message):
                over = True
                await send({"type": "http.response.body"})
                answer.cancel()
                await asyncio.get_running_loop().create_future()  # until then: nothing of the content is made

        answer = asyncio.ensure_future(self._app(scope, receive, sending))
        try:
            while not (await asyncio.wait({answer}, timeout=self._patience))[0] and not begun and not late:
                late = not await self._store.answers() and not begun
            if not late:
                await answer
                return
        except asyncio.CancelledError:
            if not over:
                raise
            return
        finally:
            answer.cancel()  # what it waits for ends by itself: letting go of a frozen connection takes a minute
            answer.add_done_callback(_heard)
        await self._shown(Request(scope), unavailable())(scope, receive, send)


def _is_endless(message: Message) -> bool:
    """Whether it begins an answer whose length nobody knows: for `HEAD` the rest of it would never come to an end."""
    is_start = message["type"] == "http.response.start"
    return is_start and all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))


def _heard(answer: "asyncio.Future[None]") -> None:
    """Nobody asks any more how it ended."""
    if not answer.cancelled():
        answer.exception()
