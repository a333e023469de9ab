"""The benchmarks' customers: introduced to the ingest API as an SDK would, reachable and willing on every channel."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4
from zlib import crc32

import httpx

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest API of a stack; use as a context manager."""

    http: httpx.AsyncClient

    @classmethod
    def of(cls, url: str, key: str) -> Self:
        return cls(httpx.AsyncClient(base_url=url, auth=(key, ""), timeout=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def send(self, calls: Sequence[dict[str, Any]]) -> None:
        """One batch."""
        answer = await self.http.post("/v1/batch", json={"batch": calls})
        answer.raise_for_status()
        assert not answer.json()["dead_letters"], answer.text

    async def introduce(self, users: Sequence[str]) -> None:
        """Customers with a push token, a phone and a mailbox, and consent on all three."""
        calls = [_introduction(user) for user in users]
        for start in range(0, len(calls), _BATCH):
            await self.send(calls[start : start + _BATCH])

    async def stream(self, calls: Sequence[dict[str, Any]], per_second: float, batch: int = 1) -> None:
        """Send calls at an even rate; one that is late does not hold up the next."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for n in range(0, len(calls), batch):
                await asyncio.sleep(began + n / per_second - asyncio.get_running_loop().time())
                group.create_task(self.send(calls[n : n + batch]))


def track(user: str, event: str, **properties: Any) -> dict[str, Any]:
    """A track call; the API dates it."""
    return {"type": "track", "messageId": str(uuid4()), "userId": user, "event": event, "properties": properties}


def token_of(user: str) -> str:
    """The push token of a customer."""
    return f"token-{user}"


def _introduction(user: str) -> dict[str, Any]:
    phone = f"+346{crc32(user.encode()) % 10**8:08d}"
    mail = f"{user}@example.com"
    keys = ((token_of(user), "ANDROID_PUSH"), (phone, "WHATSAPP"), (mail, "EMAIL"))
    context = {
        "device": {"token": token_of(user), "type": "android"},
        "messaging_subscriptions": [{"key": key, "type": kind, "status": "SUBSCRIBED"} for key, kind in keys],
    }
    traits = {"firstName": "Ana", "email": mail, "phone": phone}
    return {"type": "identify", "messageId": str(uuid4()), "userId": user, "traits": traits, "context": context}
