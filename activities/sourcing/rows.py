"""A row of a source, read: whom it is about, when it was so, and what it says; or why it cannot be used.

Promise: pure; a fault is told by its column, never by what stands in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from activities.sourcing.reading import plain
from journeys.sources.source import Source
from store.ids import NotAnId, as_id

#: Bytes of a hash.
DIGEST = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that can be used: whom it is about, and what it says."""

    number: int
    user_id: str
    key: bytes
    digest: bytes
    said: dict[str, Any]
    at: datetime | None
    id: str | None


def named_by(source: Source, row: Mapping[str, Any]) -> str:
    """Whom a row is about, as ingest would call them.

    Raises:
        ValueError: nobody.
    """
    value = row[source.key]
    try:
        user_id = None if value is None else as_id(str(plain(value)))
    except NotAnId as wrong:
        raise ValueError(f"{source.key} {wrong}") from None
    except ValueError as wrong:
        raise ValueError(f"{source.key}: {wrong}") from None
    if user_id is None:
        raise ValueError(f"{source.key} is empty")
    return user_id


def entry_of(source: Source, number: int, user_id: str, key: bytes, row: Mapping[str, Any], named: Mapping[str, str]) -> Entry:
    """A row about somebody, read; `key` is what it is kept by.

    Raises:
        ValueError: it holds what JSON has not, or does not say when or by which id.
    """
    said = {}
    for column, name in named.items():
        try:
            said[name] = plain(row[column])
        except ValueError as wrong:
            raise ValueError(f"{column}: {wrong}") from None
    at = _instant(source, row)
    id_ = None if source.id is None else plain(row[source.id])
    if source.id is not None and id_ in (None, ""):
        raise ValueError(f"{source.id} is empty")
    digest = blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=DIGEST).digest()
    return Entry(number, user_id, key, digest, said, at, None if id_ is None else str(id_))


def _instant(source: Source, row: Mapping[str, Any]) -> datetime | None:
    value = None if source.at is None else row[source.at]
    if value is None and source.event is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ValueError(f"{source.at} is no instant")  # noqa: TRY004 - of a row, not of a call
    return value if value.tzinfo else value.replace(tzinfo=UTC)
