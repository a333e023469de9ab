"""What every command's answer goes through: a table for people, or JSON for programs; values in words; files with progress.

Promise: nothing of `Rows` is cut, so that an id, an instant or a command can be copied from it, whatever the width.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import wrap
from typing import Any, TextIO, TypeVar

import orjson
from pydantic import BaseModel
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import open as open_with_progress
from rich.table import Table
from rich.text import Text

from segments.define.sheets import encoding_of

T = TypeVar("T")
_ENCODINGS = {"cp1252": "Windows-1252 (as Excel writes in western Europe)"}

_NARROW = 24  # letters that a sentence needs in a cell
_TOGETHER, _SHORT = 60, 24  # letters of a line of several cells, and of each that joins it


@dataclass(frozen=True, slots=True)
class Rows:
    """Cells under their headings; `sentences` are those columns that may be broken between words.

    Where they do not fit beside each other, the first `ahead` cells stand in one line, and each of the others below.
    """

    heads: Sequence[str]
    cells: Sequence[Sequence[str]]
    ahead: int = 1
    sentences: frozenset[str] = frozenset()
    boxed: bool = True
    title: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As a table, with its headings broken between words and without its lines where only that fits, or as lines."""
        for heads, boxed in ((self.heads, self.boxed), (self._broken(), self.boxed), (self._broken(), False)):
            frame = 3 * len(heads) + 1 if boxed else len(heads)
            if sum(self._width(n, head) for n, head in enumerate(heads)) + frame <= options.max_width:
                yield self._table(heads, boxed=boxed)
                return
        if self.title:
            yield Text(self.title, style="italic")
        if ahead := "  ".join(head.strip() for head in self.heads[: self.ahead] if head.strip() and self.ahead > 1):
            yield Text(ahead, style="dim", overflow="fold")
        for row in self.cells:
            yield from self._lines(console, row, options.max_width)

    def _width(self, n: int, head: str) -> int:
        cells = [head, *(row[n] for row in self.cells)]
        natural = max((cell_len(line) for cell in cells for line in cell.splitlines()), default=0)
        return min(natural, _NARROW) if self.heads[n] in self.sentences else natural

    def _broken(self) -> list[str]:
        """The headings in several lines, no wider than their cells where that can be."""
        wide = (max(self._width(n, ""), *map(cell_len, head.split()), 1) for n, head in enumerate(self.heads))
        return ["\n".join(wrap(head, width, break_long_words=False)) for head, width in zip(self.heads, wide, strict=True)]

    def _table(self, heads: Sequence[str], *, boxed: bool) -> Table:
        table = Table(title=self.title) if boxed else Table(title=self.title, box=None, padding=(0, 1, 0, 0))
        for name, head in zip(self.heads, heads, strict=True):
            wraps = name in self.sentences
            table.add_column(head, no_wrap=not wraps, min_width=_NARROW if wraps else None, overflow="fold")
        for row in self.cells:
            table.add_row(*map(Text, row))
        return table

    def _lines(self, console: Console, row: Sequence[str], width: int) -> RenderResult:
        first = "  ".join(cell for cell in row[: self.ahead] if cell and cell != "-")
        yield Text(first, style="bold", overflow="fold")
        for line in self._below(row):
            for part in Text(line, overflow="fold").wrap(console, max(width - 2, 1)):
                yield Text("  ") + part

    def _below(self, row: Sequence[str]) -> Iterator[str]:
        """Each cell in a line of its own; short ones that follow each other share one."""
        line = ""
        for head, cell in zip(self.heads[self.ahead :], row[self.ahead :], strict=True):
            told = f"{head}: {cell}".removeprefix(": ").replace("\n", ", ")
            if not cell or cell == "-":
                continue
            if line and len(line) + len(told) < _TOGETHER and len(told) <= _SHORT:
                line += f"; {told}"
                continue
            if line:
                yield line
            line = told
        if line:
            yield line


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
    file: Path,
    *,
    quiet: bool,
    encoding: str | None = None,
    utf8: bool = False,
    otherwise: str = "strict",
    doing: str = "importing",
) -> Iterator[TextIO]:
    """A text file in whatever encoding, or in UTF-8 only, with a progress bar on a terminal.

    `otherwise` is what becomes of bytes that are no UTF-8, as Python names it.
    """
    console = Console(stderr=True)
    with file.open("rb") as raw:
        encoding, errors = ("utf-8-sig", otherwise) if utf8 else (encoding or encoding_of(raw), "replace")
    if not encoding.startswith("utf-8"):
        console.print(f"{file} is not UTF-8; read as {_ENCODINGS.get(encoding, encoding)}")
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
            told = [_inner("", each) for each in found]
            return (" " if all(each.endswith(".") for each in told) else ", ").join(told) or "nothing"
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


def counted(number: int, one: str, many: str | None = None) -> str:
    """How many, in words: `1 run`, `1,200 runs`, `1 person`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


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
