"""What customers, and others for them, said about consent: the words of the log, and who may have said them.

Promise: words are only added, in the caller's transaction; what follows from them (docs/consent.md) is decided in one place,
`consent_of` in Postgres, for the gate and for segments alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from store.database import Connection, Record
from store.deliveries.ledger import MessageKey
from store.named import queries

_SQL = queries("consent")
#: Why an address is suppressed whose customer said no and has been erased since.
SAID_NO = "said no"
#: The states in which nobody is written to, whatever the purpose.
NOES = ("refused", "withdrawn")


class By(StrEnum):
    """Who said a word; the nearer to the customer, the more it counts."""

    CUSTOMER = "customer"  # themselves, now: a click, a reply, a form, their own app
    SYNC = "sync"  # another system tells what it holds
    IMPORT = "import"  # a file


class Subject(NamedTuple):
    """Whom and what a word is about; without an address the customer as a whole."""

    profile_id: UUID | None
    channel: str
    address: str | None
    purpose: str = "marketing"


def both(profile_id: UUID, channel: str, address: str | None, purpose: str = "marketing") -> list[Subject]:
    """An address, where it is known, and the customer as a whole."""
    whole = Subject(profile_id, channel, None, purpose)
    return [whole] if address is None else [Subject(profile_id, channel, address, purpose), whole]


@dataclass(frozen=True, slots=True)
class Word:
    """One word: granted, pending, refused, withdrawn or expired."""

    about: Subject
    state: str
    by: By
    source: str
    at: datetime
    received_at: datetime
    message_id: str | None = None
    text_version: str | None = None  # which text they saw


async def say(connection: Connection, words: Sequence[Word]) -> list[int]:
    """Add words in the order in which they were received; returns their ids."""
    rows = [
        (*(w.about.profile_id, w.about.channel, w.about.address, w.about.purpose),
         *(w.state, w.by.value, w.source, w.message_id, w.at, w.received_at, w.text_version))
        for w in words
    ]  # fmt: skip
    if not rows:
        return []
    return [row["id"] for row in await connection.fetch(_SQL["say"], *map(list, zip(*rows, strict=True)))]


async def withdraw(
    connection: Connection,
    subjects: Sequence[Subject],
    *,
    source: str,
    at: datetime,
    received_at: datetime,
    text_version: str | None = None,
) -> int | None:
    """The customer said no, about each of these; returns a word's id where that is news.

    What the same customer said before in the same second or later is not written again. Lock the profile first
    (`store.deliveries.feedback.living`), so that two clicks are one after the other.
    """
    last = [await _last(connection, subject) for subject in subjects]
    heard = min(at, received_at)
    words = [
        Word(subject, "withdrawn", By.CUSTOMER, source, at, received_at, text_version=text_version)
        for subject, (state, said_at) in zip(subjects, last, strict=True)
        if state != "withdrawn" or said_at is None or said_at.replace(microsecond=0) < heard.replace(microsecond=0)
    ]
    ids = await say(connection, words)
    return ids[0] if ids and any(state != "withdrawn" for state, _ in last) else None


async def take_back(
    connection: Connection, subjects: Sequence[Subject], *, source: str, at: datetime, received_at: datetime
) -> bool:
    """The customer takes back each no that stands about these; false where there is none, so that nobody is signed up by it."""
    if not [each for each in subjects if await _state(connection, each) in NOES]:
        return False
    await say(connection, [Word(subject, "granted", By.CUSTOMER, source, at, received_at) for subject in subjects])
    return True


async def _state(connection: Connection, subject: Subject) -> str | None:
    if subject.address is None:
        return (await _last(connection, subject))[0]
    state: str | None = await connection.fetchval(_SQL["state_of"], *subject)
    return state


async def _last(connection: Connection, subject: Subject) -> tuple[str | None, datetime | None]:
    row = await connection.fetchrow(_SQL["last_of_customer"], *subject)
    return (row["state"], row["at"]) if row else (None, None)


async def address_written_to(connection: Connection, key: MessageKey) -> str | None:
    """The address that a message went to, if it is still known."""
    found: str | None = await connection.fetchval(_SQL["address_written_to"], key.run_id, key.step, key.occurrence)
    return found


async def confirmed_by(connection: Connection, message_id: str) -> bool:
    """Whether a word came by this call or letter already."""
    found: bool = await connection.fetchval(_SQL["came_by"], message_id)
    return found


async def forget(connection: Connection, profile_id: UUID, digest: Callable[[str, str], bytes], at: datetime) -> list[Record]:
    """Erase what a customer said, but keep each no of theirs as a suppressed digest of (channel, address).

    What somebody whom we do not know said from these addresses goes with it. Returns when each word was stored (`filed_at`).
    """
    for row in await connection.fetch(_SQL["noes_to_keep"], profile_id):
        scope = "marketing" if row["purpose"] == "marketing" else "all"
        kept = row["channel"], digest(row["channel"], row["address"])
        await connection.execute(queries("deliveries")["suppress"], *kept, scope, SAID_NO, at)
    return await connection.fetch(_SQL["forget"], profile_id)


async def take_back_kept(connection: Connection, channel: str, digests: Sequence[bytes], at: datetime) -> None:
    """Take back a no that outlived the customer who said it, or was imported; `digests` are those of the address.

    `at` is when the yes was said: a no of that second, or a newer one, stands.
    """
    await connection.execute(_SQL["take_back_suppression"], channel, list(digests), SAID_NO, at)
