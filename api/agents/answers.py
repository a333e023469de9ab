"""An answer as large as an agent can read: long lists are cut and go on from a cursor, long texts are cut.

Promise: what was left out is said, and where the cut list goes on; nothing is put into other words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

#: Characters of an answer, as JSON; about six thousand words.
LARGEST = 24_000
_TEXT = 4_000  # characters of one text, where the lists alone do not make it small enough
_FEWEST = 2  # a list of one is not cut: what is in it may be
_Path = tuple[str | int, ...]


#: Where it stands in a refusal which scopes a token lacks, and in a request that its answer is a refusal by HTTP.
WANTED = "wanted_scopes"


class BadCursor(ValueError):
    """A cursor that no answer of this call gave."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is shown of an answer, and what of it is not; `more` is empty where all of it is there."""

    shown: Any
    more: Mapping[str, Any]


def cut(answer: Any, cursor: str | None = None, largest: int = LARGEST) -> Cut:
    """As much of an answer as there is room for, from where an earlier one ended.

    Raises:
        BadCursor: the cursor fits none of the answer's lists.
    """
    left: dict[str, int] = {}
    more: dict[str, Any] = {}
    begin = _place(cursor) if cursor else None
    if begin is not None:
        answer = _from(answer, *begin)
    while size(answer) > largest and (found := _longest(answer)) is not None:
        path, rows = found
        kept = _fit(rows, largest - (size(answer) - size(rows)))
        left[_said(path)] = len(rows) - len(kept)
        if "cursor" not in more and (begin is None or begin[0] == path):
            more["cursor"] = f"{_said(path)}:{(begin[1] if begin else 0) + len(kept)}"
        answer = _with(answer, path, kept)
    if size(answer) > largest:
        answer, more["texts"] = _shortened(answer), f"longer than {_TEXT} characters: cut"
    return Cut(answer, more | ({"left_out": left} if left else {}))


def size(plain: Any) -> int:
    """Bytes of it as JSON."""
    return len(orjson.dumps(plain))


def _fit(rows: Sequence[Any], room: int) -> list[Any]:
    """The first of them for which there is room; one at the least, so that it goes on."""
    kept: list[Any] = []
    for row in rows:
        room -= size(row) + 1
        if kept and room < 0:
            break
        kept.append(row)
    return kept


def _longest(plain: Any) -> tuple[_Path, list[Any]] | None:
    """The largest list in it that can be cut."""
    return max(_lists(plain), key=lambda found: size(found[1]), default=None)


def _lists(plain: Any, path: _Path = ()) -> Iterator[tuple[_Path, list[Any]]]:
    if isinstance(plain, list) and len(plain) >= _FEWEST:
        yield path, plain
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for name, each in inner:
        yield from _lists(each, (*path, name))


def _with(plain: Any, path: _Path, rows: list[Any]) -> Any:
    """The same, with another list in that place."""
    if not path:
        return rows
    name, *rest = path
    changed: Any = list(plain) if isinstance(plain, list) else dict(plain)
    changed[name] = _with(plain[name], tuple(rest), rows)
    return changed


def _from(answer: Any, path: _Path, offset: int) -> Any:
    rows: Any = answer
    try:
        for step in path:
            rows = rows[step if isinstance(rows, list) else str(step)]
        return _with(answer, path, rows[offset:] if isinstance(rows, list) else _none())
    except (KeyError, IndexError, TypeError):
        return _none()


def _none() -> Any:
    raise BadCursor("`cursor` is not the one of an earlier answer of this call; leave it out to begin anew")


def _said(path: _Path) -> str:
    return "/".join(map(str, path))


def _place(cursor: str) -> tuple[_Path, int]:
    path, _, offset = cursor.rpartition(":")
    if not offset.isdecimal():
        _none()
    return tuple(int(step) if step.isdecimal() else step for step in path.split("/") if step), int(offset)


def _shortened(plain: Any) -> Any:
    if isinstance(plain, str):
        return plain if len(plain) <= _TEXT else f"{plain[:_TEXT]}…"
    if isinstance(plain, dict):
        return {name: _shortened(each) for name, each in plain.items()}
    return [*map(_shortened, plain)] if isinstance(plain, list) else plain
