"""A system of the company's own that takes signed POSTs, a batch each.

Promise: bodies hold what the declaration names, addresses as hashes only; ids of messages are never used twice, and batches are
numbered in the order in which they are told. Source: Standard Webhooks 1.0.0.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from activities.audiences.destinations import Batch, CannotTell, Setting, setting
from activities.audiences.passing import value
from activities.channels.errors import ChannelError
from activities.channels.http import post, retry_after
from activities.web.signing import NoSecret, key_of, signed
from journeys.audiences.audience import HttpDestination
from store.audiences import Entry

_NAMES = {"user_id": "user_id", "email": "email_sha256", "phone": "phone_sha256"}


@dataclass(frozen=True)
class SignedPosts:
    """One, opened."""

    declared: HttpDestination
    url: str = field(repr=False)
    keys: Sequence[bytes] = field(repr=False)
    http: httpx.AsyncClient
    whole: bool = False

    @classmethod
    def opened(cls, declared: HttpDestination, settings: Setting, http: httpx.AsyncClient) -> "SignedPosts":
        """With what its settings hold.

        Raises:
            CannotTell: one of them is not set, or holds no secret.
        """
        try:
            keys = [key_of(each.strip()) for each in setting(settings, declared.secret).split(",")]
        except NoSecret as error:
            raise CannotTell(f"{declared.secret}: {error}") from None
        return cls(declared, setting(settings, declared.url), keys, http)

    async def add(self, batch: Batch) -> int:
        """Tell it who was added."""
        return await self._post("audience.added", batch)

    async def remove(self, batch: Batch) -> int:
        """Tell it whom to forget."""
        return await self._post("audience.removed", batch)

    async def again(self, pages: AsyncIterator[Batch]) -> int:
        """Tell it everybody again, batch by batch; how many entries it could not read."""
        return sum([await self.add(batch) async for batch in pages if batch.entries])

    async def _post(self, type_: str, batch: Batch) -> int:
        at = batch.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        data = {"audience": batch.audience, "batch": batch.number, "members": [self._member(each) for each in batch.entries]}
        body = orjson.dumps({"type": type_, "timestamp": at, "data": data})
        told = signed(self.keys, f"aud_{batch.audience}_{batch.number}", datetime.now(UTC), body)
        try:
            answer = await post(self.http, "receiver", self.url, body, {"content-type": "application/json", **told})
        except ChannelError as error:
            raise CannotTell(error.detail) from None
        if not answer.is_success:
            raise CannotTell(f"{self.declared.url} answers {answer.status_code}", retry_after(answer))
        return 0

    def _member(self, entry: Entry) -> dict[str, Any]:
        told = {_NAMES[kind]: value(entry.ids, kind) for kind in self.declared.by}
        return {name: each for name, each in told.items() if each}
