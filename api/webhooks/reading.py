"""What the readers of providers' notifications share: texts that Postgres can hold, possible instants, items one by one.

Promise: a time that lies in the future, or before anything of the kind, is ours; one malformed item never costs the others.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from activities.channels.feedback import Notice, Unreadable
from activities.channels.message import ID_LENGTH
from api.body import as_text
from store.deliveries.ledger import MessageKey

_SKEW = timedelta(minutes=5)
_OLDEST = datetime(2009, 1, 1, tzinfo=UTC)


_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what Postgres cannot hold, and bytes that were no UTF-8


def _storable(value: Any) -> Any:
    return _NO_TEXT.sub("\ufffd", value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_storable)]
Id = Annotated[str, BeforeValidator(_storable), Field(min_length=1, max_length=ID_LENGTH)]


def instant(at: datetime | None, now: datetime) -> tuple[datetime, bool]:
    """A notice's time, and whether it had to be clamped, as where it tells none that can be read."""
    if at is None:
        return now, True
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at, False) if _OLDEST <= at <= now + _SKEW else (now, True)


def key_of(text: str) -> MessageKey | None:
    """Our own key, if a text is one."""
    try:
        key = MessageKey.parse(text)
    except ValueError:
        return None
    return key if 0 < key.occurrence < 2**63 else None


def one(item: Any, read: Callable[[Any], list[Notice]]) -> list[Notice]:
    """What an item tells, or that it cannot be understood and why."""
    try:
        return read(item)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return [Unreadable(as_text(item), f"{'.'.join(map(str, first['loc']))}: {first['msg']}")]
