"""Media that are uploaded to Meta before a message shows them: fetched from where they are, once, and known by Meta's id then.

Promise: nothing is fetched from an address inside; what Meta would refuse (type, size) is refused with what is allowed; of many
messages with one picture the first uploads it. An id is used for 29 days, of the 30 that Meta keeps what was uploaded, or until
a message with it is refused. A worker that starts anew uploads anew.
Source: Meta, "Media" (types, sizes, how long ids live).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from time import monotonic
from typing import NamedTuple
from weakref import WeakValueDictionary

import httpx

from activities.channels.errors import Ambiguous, Refused, TryLater
from activities.channels.http import broken, retry_after
from activities.channels.whatsapp.content import Media

LIVES = timedelta(days=29)
_KEPT = 1_000
_PATIENCE = timedelta(minutes=1)
_MB = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument"
#: What Meta takes of each kind: its types, and how many bytes at most.
TAKEN: dict[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * _MB),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * _MB),
    "document": (
        frozenset(
            {
                *("text/plain", "application/pdf", "application/msword"),
                *("application/vnd.ms-excel", "application/vnd.ms-powerpoint"),
                *(f"{_OFFICE}.{each}" for each in ("wordprocessingml.document", "spreadsheetml.sheet")),
                f"{_OFFICE}.presentationml.presentation",
            }
        ),
        100 * _MB,
    ),
}


class File(NamedTuple):
    """What was fetched."""

    type: str
    content: bytes


#: Uploads a file, and returns the id that Meta gives it.
Upload = Callable[[Media, File], Awaitable[str]]


class Library:
    """The media that this process has uploaded to one phone number."""

    def __init__(self, http: httpx.AsyncClient, upload: Upload, clock: Callable[[], float] = monotonic) -> None:
        self._http = http
        self._upload = upload
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ids(self, media: Iterable[Media]) -> dict[str, str]:
        """The ids of some media, by their links.

        Raises:
            TryLater: one cannot be fetched or uploaded now; no message has left.
            Refused: one is not there, or nothing that Meta takes.
        """
        return {each.link: await self._id(each) for each in media}

    def forget(self, media: Iterable[Media]) -> None:
        """A message with these was refused: they are uploaded anew for the next one."""
        for each in media:
            self._known.pop(each.link, None)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _id(self, media: Media) -> str:
        lock = self._locks.setdefault(media.link, asyncio.Lock())
        async with lock:
            known = self._known.get(media.link)
            if known is not None and known[1] > self._clock():
                self._known.move_to_end(media.link)
                return known[0]
            found = await self._uploaded(media)
            self._known[media.link] = (found, self._clock() + LIVES.total_seconds())
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return found

    async def _uploaded(self, media: Media) -> str:
        try:
            return await self._upload(media, await self._fetched(media))
        except Ambiguous as doubt:  # that it may have been uploaded leaves no doubt about the message
            raise TryLater(doubt.detail) from None

    async def _fetched(self, media: Media) -> File:
        types, most = TAKEN[media.kind]
        what = f"the {media.kind} of a WhatsApp message"
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()), self._http.stream("GET", media.link) as answer:
                _there(what, answer)
                kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind not in types:
                    raise Refused(f"{what} is {kind or 'of no type'}; Meta takes {', '.join(sorted(types))}")
                return File(kind, await _read(what, answer, most))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise broken(what, error) from None


def _there(what: str, answer: httpx.Response) -> None:
    if answer.is_success:
        return
    if answer.is_server_error or answer.status_code in (408, 425, 429):
        raise TryLater(f"{what}: {answer.status_code}", retry_after(answer))
    raise Refused(f"{what} is not there: its address answers {answer.status_code}")


async def _read(what: str, answer: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > most:
            raise Refused(f"{what} has more than {most // _MB} MB")
    return bytes(body)
