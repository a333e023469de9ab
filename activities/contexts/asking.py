"""The way to a context's provider: one GET with the place and what the declaration asks, its answer read as declared.

Promise: nothing of a customer leaves but the place, as coarse as declared; whatever comes is an answer of the declared shape or
a reason, within the declared time.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from activities.channels.errors import Ambiguous, Refused, TryLater
from activities.channels.http import broke_off, get, retry_after
from activities.contexts.where import Where
from activities.web.where import located
from journeys.contexts.context import Asked, Context
from journeys.entering import UnlikeDeclared, read

#: Answers that are no refusal of what was asked: the provider is busy, or is not there for now.
_AGAIN = frozenset({408, 425, 429})


class Unlike(TryLater):
    """An answer that is not what the context declares; the next one may be."""


@dataclass(frozen=True)
class Providers:
    """The ways to all providers; of what settings say the catalogue's address is replaced, and a key added."""

    known: Mapping[str, Where]
    http: httpx.AsyncClient

    async def ask(self, context: Context[Any], place: Asked) -> dict[str, Any]:
        """What it is like at a place now, by the declared fields.

        Raises:
            TryLater: the provider is not there, or busy, or answers something else (`Unlike`).
            Ambiguous: there is no answer in time.
            Refused: it refuses what it is asked, or its address is inside.
        """
        where = located(self.known, context.name) or Where()
        url = f"{where.url or context.url}?{urlencode({**place, **context.asks, **where.secrets})}"
        headers = {"accept": "application/json", **where.headers}
        try:
            async with asyncio.timeout(context.timeout.total_seconds()):
                answer = await get(self.http, context.name, url, headers)
        except TimeoutError:
            raise Ambiguous(f"no answer within {context.timeout.total_seconds():g} s") from None
        return _read(context, answer)


def _read(context: Context[Any], answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        detail = f"{context.name} {answer.status_code}"
        if answer.status_code in _AGAIN or answer.is_server_error:
            raise TryLater(detail, retry_after(answer))
        raise Refused(detail)
    if broke_off(answer):
        raise Ambiguous(f"{context.name}: its answer breaks off")
    try:
        found: Any = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        raise Unlike(f"{context.name} answers no JSON") from None
    for name in context.answer.split(".") if context.answer else ():
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise Unlike(f"{context.name} answers without {context.answer or 'a JSON object'}")
    try:
        return read(context.model, found)
    except UnlikeDeclared as unlike:
        raise Unlike(f"{context.name} answers unlike what it declares: {unlike}") from None
