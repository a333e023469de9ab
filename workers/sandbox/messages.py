"""What the providers accepted: an append-only file that survives a restart, and a bounded part of it in memory."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import orjson
from pydantic import BaseModel, ConfigDict, Field


class Provider(StrEnum):
    """A sandbox provider."""

    FCM = "fcm"
    APNS = "apns"
    WEB_PUSH = "web-push"
    WHATSAPP = "whatsapp"
    SMTP = "smtp"
    TWILIO = "twilio"
    AWS_SMS = "aws-sms"
    SES = "ses"
    RESEND = "resend"
    WALLET = "wallet"
    SERVICES = "services"


class Status(StrEnum):
    """How far a message got; push and email stop at `accepted`, because their protocols report nothing more."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


#: A status never goes back: a late `sent` after `read` changes nothing.
_RANK = {status: rank for rank, status in enumerate(Status)}


class Message(BaseModel):
    """One message as a provider accepted it; the fields a person looks at, and the payload as it came."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(default_factory=lambda: uuid4().hex)
    provider: Provider
    provider_id: str = Field(description="the id that the provider gave to the sender")
    sender: str = Field(default="", description="project, phone number id, or From header")
    to: str = Field(description="push token or topic, phone number, email address")
    accepted_at: datetime = Field(description="business time")
    received_at: datetime = Field(description="real time")
    key: str | None = Field(default=None, description="the sender's idempotency key, if the message carries one")
    title: str = ""
    body: str = ""
    html: str | None = None
    image: str | None = None
    link: str | None = None
    template: str | None = None
    params: tuple[str, ...] = ()
    gaps: tuple[str, ...] = Field(default=(), description="what the template calls the params; none where it counts them")
    footer: str = ""
    choices: tuple[tuple[str, str], ...] = Field(default=(), description="what may be tapped: its name, and what stands on it")
    status: Status = Status.ACCEPTED
    fault: str | None = Field(default=None, description="the fault that it met on its way")
    raw: Any = None


class Stats(BaseModel):
    """Counts over the messages in memory."""

    total: int
    by_provider: dict[str, int]
    distinct_keys: int
    without_key: int
    duplicates: dict[str, int] = Field(description="key → how often one address got it; only those above one")
    forgotten: int = Field(description="older messages that were dropped from memory and are not counted")


class MessageLog:
    """The messages, newest last. Keeps at most `limit` messages and `limit_bytes` of their JSON in memory."""

    def __init__(self, path: Path, limit: int = 50_000, limit_bytes: int = 256 * 1024 * 1024) -> None:
        self._path, self._limit, self._limit_bytes = path, limit, limit_bytes
        self._messages: dict[str, Message] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._forgotten = 0
        #: Grows with every change; the page asks whether it did.
        self.revision = 0
        self._load()
        self._file: IO[bytes] = path.open("ab")

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        # A copy, made in one step: messages arrive while threads read.
        return iter(list(self._messages.values()))

    def add(self, message: Message) -> None:
        """Keep an accepted message; it is in the file when this returns."""
        line = message.model_dump_json().encode() + b"\n"
        self._write(line)
        self._keep(message, len(line))

    def advance(self, message_id: str, status: Status) -> None:
        """Note how far a message got; what comes late changes nothing."""
        if self._advance(message_id, status):
            self._write(orjson.dumps({"id": message_id, "status": status}) + b"\n")

    def clear(self) -> None:
        """Forget everything, in memory and in the file."""
        self._messages.clear()
        self._sizes.clear()
        self._bytes = self._forgotten = 0
        self.revision += 1
        self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def find(self, message_id: str) -> Message | None:
        """A message by our id, or by the id that its provider gave it."""
        by_provider = (m for m in reversed(list(self)) if m.provider_id == message_id)
        return self._messages.get(message_id) or next(by_provider, None)

    def select(
        self, provider: Provider | None = None, to: str | None = None, since: datetime | None = None
    ) -> Iterator[Message]:
        """Messages, newest first; `to` is the whole address, `since` a business time (inclusive)."""
        address = _comparable(to) if to else None
        for message in reversed(list(self)):
            if (
                (provider is None or message.provider is provider)
                and (address is None or _comparable(message.to) == address)
                and (since is None or message.accepted_at >= since)
            ):
                yield message

    def stats(self) -> Stats:
        """Counts, and the keys that reached one address more than once."""
        messages = list(self)
        copies = Counter((m.provider, m.key, _comparable(m.to)) for m in messages if m.key is not None)
        return Stats(
            total=len(messages),
            by_provider=dict(Counter(m.provider.value for m in messages)),
            distinct_keys=len({key for _, key, _ in copies}),
            without_key=len(messages) - copies.total(),
            duplicates={str(key): count for (_, key, _), count in copies.items() if count > 1},
            forgotten=self._forgotten,
        )

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._file.flush()

    def _keep(self, message: Message, size: int) -> None:
        self._messages[message.id] = message
        self._sizes[message.id] = size
        self._bytes += size
        self.revision += 1
        while len(self._messages) > self._limit or (self._bytes > self._limit_bytes and len(self._messages) > 1):
            oldest = next(iter(self._messages))
            del self._messages[oldest]
            self._bytes -= self._sizes.pop(oldest)
            self._forgotten += 1

    def _advance(self, message_id: str, status: Status) -> bool:
        message = self._messages.get(message_id)
        if message is None or _RANK[status] <= _RANK[message.status]:
            return False
        self._messages[message_id] = message.model_copy(update={"status": status})
        self.revision += 1
        return True

    def _load(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            for line in lines:
                self._take(line)
        self._compact()

    def _take(self, line: bytes) -> None:
        """One line of the file; a kill may have left one half written, another version one of another shape."""
        with suppress(ValueError, TypeError, KeyError):
            entry = orjson.loads(line)
            if "provider" in entry:
                self._keep(Message.model_validate(entry), len(line))
            else:
                self._advance(entry["id"], Status(entry["status"]))

    def _compact(self) -> None:
        """Write the file anew with what memory holds, so that it does not grow for ever."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(m.model_dump_json().encode() + b"\n" for m in self._messages.values())
        fresh.replace(self._path)


def _comparable(address: str) -> str:
    return address.strip().removeprefix("+").casefold()
