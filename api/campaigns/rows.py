"""The rows of a bulk start, as they are given: JSON objects, lines of NDJSON, or a CSV file whose first line names the columns.

Promise: a row is read, or told by its number and what is wrong; what stands in it is told to nobody.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import orjson

from segments.define.importing import COLUMNS, KINDS_IN_WORDS, BadFile, checked_name
from segments.define.sheets import lost, ragged, sheet

_KINDS = tuple(dict.fromkeys(COLUMNS.values()))
_FIELDS = {*_KINDS, "key", "params", "entry"}
_PARAM, _ENTRY = "params.", "entry."


@dataclass(frozen=True, slots=True)
class Given:
    """A row as it was given: whom it names, and what it says of them; or what is wrong with it."""

    number: int
    name: tuple[str, str] | None = None
    key: str = ""
    params: dict[str, Any] = field(default_factory=dict, repr=False)
    entry: dict[str, Any] = field(default_factory=dict, repr=False)
    problem: str = ""


def from_objects(rows: Iterable[Any], region: str) -> Iterator[Given]:
    """Rows that are JSON objects."""
    return (_object(number, row, region) for number, row in enumerate(rows, 1))


def from_lines(lines: Iterable[str], region: str) -> Iterator[Given]:
    """Rows that are a JSON object in each line; empty lines are none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if problem := lost([line]):
            yield Given(number, problem=problem)
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield Given(number, problem="this line is no JSON")
            continue
        yield _object(number, row, region)


def from_sheet(lines: Iterable[str], region: str, takes: Sequence[str] | None) -> Iterator[Given]:
    """Rows of a CSV file: one column names the customer, `key` and `entry.…` are what they say, the others are parameters.

    Raises:
        BadFile: no column names customers, or one is none of the parameters that the journey takes (None: it may take any).
        NotCsv: it is not CSV.
    """
    names, rows = sheet(lines)
    columns = [_column(name.strip(), takes) for name in names]
    if twice := next((each for each, times in Counter(columns).items() if times > 1 and each != ("params", "")), None):
        raise BadFile(f"two columns are {twice[1] or twice[0]!r}; leave one of them")
    if not any(part == "customer" for part, _ in columns):
        found = ", ".join(repr(name.strip()) for name in names if name.strip())[:200] or "nothing"
        raise BadFile(f"the first line must name a column {KINDS_IN_WORDS}; it names {found}")
    return (
        Given(number, problem=problem)
        if (problem := lost(cells) or ragged(names, cells))
        else _cells(number, columns, cells, region)
        for number, cells in rows
    )


def _column(name: str, takes: Sequence[str] | None) -> tuple[str, str]:
    """To which part of a row a column belongs, and under what name."""
    plain = name.lower().translate({ord(c): None for c in " _-"})
    if plain in COLUMNS:
        return "customer", COLUMNS[plain]
    if plain == "key":
        return "key", ""
    if name.startswith(_ENTRY):
        return "entry", name.removeprefix(_ENTRY)
    param = name.removeprefix(_PARAM)
    if takes is not None and param and param not in takes:
        raise BadFile(f"the column {param[:100]!r} is no parameter; {_advice(param, takes)}")
    return "params", param


def _advice(name: str, takes: Sequence[str]) -> str:
    like = get_close_matches(name, takes, 1, 0.5)
    if like:
        return f"did you mean {like[0]!r}?"
    return f"it takes {', '.join(takes)}" if takes else "the journey takes none"


def _cells(number: int, columns: Sequence[tuple[str, str]], cells: Sequence[str], region: str) -> Given:
    row: dict[str, Any] = {"params": {}, "entry": {}}
    for (part, name), cell in zip(columns, cells, strict=False):
        text = cell.strip()
        if not text:
            continue
        if part in ("params", "entry"):
            row[part][name] = text
        elif part == "customer":
            row.setdefault(name, text)
        else:
            row["key"] = text
    return _object(number, row, region)


def _object(number: int, row: object, region: str) -> Given:
    if not isinstance(row, Mapping):
        return Given(number, problem="a row is an object with a customer, such as user_id, and perhaps params")
    if strange := [name for name in row if name not in _FIELDS]:
        return Given(number, problem=f"no such field {str(strange[0])[:100]!r}; a row has {', '.join(sorted(_FIELDS))}")
    named = [kind for kind in _KINDS if row.get(kind)]
    if len(named) != 1 or not isinstance(row[named[0]], str):
        return Given(number, problem=f"name the customer by exactly one of {KINDS_IN_WORDS}, as a text")
    key, params, entry = row.get("key", ""), row.get("params", {}), row.get("entry", {})
    if not isinstance(key, str) or not isinstance(params, dict) or not isinstance(entry, dict):
        return Given(number, problem="key is a text, params and entry are objects")
    name = checked_name(named[0], row[named[0]].strip(), region)
    return Given(number, problem=name) if isinstance(name, str) else Given(number, name, key, params, entry)
