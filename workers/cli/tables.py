"""What every command's answer goes through: a table for people, or JSON for programs; values in words; files with progress."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO, TypeVar

import orjson
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import open as open_with_progress

from segments.define.sheets import encoding_of

T = TypeVar("T")
_ENCODINGS = {"cp1252": "Windows-1252 (as Excel writes in western Europe)"}


def show(found: T, draw: Callable[[T], Iterable[RenderableType]], *, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        print(orjson.dumps(plain(found), default=str, option=orjson.OPT_INDENT_2).decode())  # noqa: T201 - a command's output
        return
    console = Console()
    for part in draw(found):
        console.print(part)


@contextmanager
def reading(
    file: Path, *, quiet: bool, utf8: bool = False, otherwise: str = "strict", doing: str = "importing"
) -> Iterator[TextIO]:
    """A text file in whatever encoding, or in UTF-8 only, with a progress bar on a terminal.

    `otherwise` is what becomes of bytes that are no UTF-8, as Python names it.
    """
    console = Console(stderr=True)
    with file.open("rb") as raw:
        encoding, errors = ("utf-8-sig", otherwise) if utf8 else (encoding_of(raw), "replace")
    if not encoding.startswith("utf-8"):
        console.print(f"{file} is not UTF-8; read as {_ENCODINGS.get(encoding, 'UTF-16')}")
    if quiet or not console.is_terminal:
        with file.open(encoding=encoding, errors=errors) as lines:
            yield lines
    else:
        with open_with_progress(file, "r", encoding=encoding, errors=errors, description=doing, console=console) as lines:
            yield lines


def plain(found: Any) -> Any:
    """An answer as JSON has it."""
    match found:
        case BaseModel():
            return found.model_dump(mode="json", by_alias=True)
        case list() | tuple():
            return [plain(each) for each in found]
        case dict():
            return {name: plain(each) for name, each in found.items()}
    return plain(asdict(found)) if is_dataclass(found) and not isinstance(found, type) else found


def value(found: Any) -> str:
    """A trait's value in a cell."""
    return "-" if found is None else found if isinstance(found, str) else orjson.dumps(found).decode()


def words(found: Any) -> str:
    """What a part of a definition saw, as a person reads it: `count 2, last at 2026-11-16 12:00:00 UTC`."""
    match found:
        case Mapping():
            return ", ".join(f"{str(name).replace('_', ' ')} {_inner(name, each)}" for name, each in found.items()) or "nothing"
        case list() | tuple():
            return ", ".join(_inner("", each) for each in found) or "nothing"
        case datetime():
            return instant(found)
        case str():
            return f'"{found}"'
        case bool() | None:
            return {None: "nothing", True: "yes", False: "no"}[found]
    return str(found)


def _inner(name: object, found: Any) -> str:
    if isinstance(found, str):
        return found
    if found is None:
        return "never" if str(name).endswith("_at") else "none"
    return f"({words(found)})" if isinstance(found, Mapping) and found else words(found) if found != [] else "none"


def short(at: datetime | None, now: datetime) -> str:
    """An instant as narrow as it can be told: `Sat 23:10` within six days, else `28 Nov 23:10`, else `28 Nov 2025`; in UTC."""
    if at is None:
        return "-"
    if abs(at - now) < timedelta(days=6):
        return f"{at:%a %H:%M}"
    return f"{at:%d %b %H:%M}" if at.year == now.year else f"{at:%d %b %Y}"


def instant(at: datetime | None) -> str:
    """An instant to the second; `-` when there is none."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"
