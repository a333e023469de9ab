"""Where a page of a list ended, as the text that the next page is asked for with."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime, TypeAdapter

from api.problems import Problem

T = TypeVar("T")
_INSTANT = TypeAdapter[datetime](AwareDatetime)


def cursor_after(at: datetime, id_: object) -> str:
    """What `after` is for the page that follows this place in a list."""
    return base64.urlsafe_b64encode(f"{at.isoformat()} {id_}".encode()).decode()


def cursor(after: str | None, id_of: Callable[[str], T]) -> tuple[datetime, T] | None:
    """Where the page before ended; `id_of` reads what its last row is called, or raises ValueError.

    Raises:
        Problem: 400, this was never the end of a page.
    """
    if after is None:
        return None
    try:
        at, _, id_ = base64.urlsafe_b64decode(after.encode()).decode().partition(" ")
        return _INSTANT.validate_python(at), id_of(id_)
    except ValueError as error:
        raise Problem(400, "`after` is not the `next` of an earlier page", code="bad-cursor") from error
