"""A spreadsheet's export as lines and cells, whatever its encoding, its line ends and its delimiter.

Promise: what Excel, LibreOffice and databases write is read as it was meant; what is no CSV is refused with the line.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import IO

from segments.errors import SegmentError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PIECE = 1 << 20
#: Columns that a file may have, and characters of a line: what works on them works for everybody else, too.
MOST_COLUMNS = 500
_LONGEST = 1 << 20
#: What stands where the bytes of a file are no text in its encoding (also in an export of such a file).
_LOST = "\ufffd"
#: The encodings that spreadsheets and databases write, as Python calls them without signs: no codecs of names or bytes.
_OF_FILES = re.compile(
    r"ascii|utf(8|16|32)(sig|le|be)?|cp\d+|iso(8859|2022)\w+|mac\w+|koi8\w|gb\w*\d+|gbk|hz|big5\w*|shiftj\w+|euc\w+|johab"
    r"|ptcp154|kz1048|tis620|hproman8"
)
_QUOTED = re.compile(r'"[^"]*"')
_NAMED = re.compile(r"sep=(.)\s*", re.IGNORECASE)


_WORD = re.compile(r"[^\s,;\"]+")
_SAMPLED = 5
#: What nobody writes in Windows-1252: bytes that it has not, signs between letters, three letters with accents in a row.
_SIGNS = bytes.fromhex("82838485868788898b939495969798999ba4a6a7a8a9acafb1b6b8").decode("cp1252")
_UNLIKELY = re.compile(rf"\ufffd|[\x80-\x9f]|[^\W\d_][{_SIGNS}][^\W\d_]|[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]{{3}}")
_DOUBT = "it is no UTF-8 and hardly Windows-1252: look at the sample; if it is wrong, name the encoding (mac_roman, koi8-r, …)"


class NotCsv(SegmentError):
    """A file that is not CSV."""


def encoding_of(file: IO[bytes]) -> str:
    """What a file is written in: by its byte order mark, else UTF-8 where all of it is that, else Windows-1252."""
    file.seek(0)
    start = file.read(4)
    marked = next((name for mark, name in _BOMS if start.startswith(mark)), None)
    if marked is None and b"\x00" in start[:2]:  # an ASCII letter in two bytes, without a mark
        marked = "utf-16-be" if start[:1] == b"\x00" else "utf-16-le"
    file.seek(0)
    found = marked or ("utf-8" if _is_utf8(file) else "cp1252")
    file.seek(0)
    return found


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def lines_of(file: IO[bytes], encoding: str | None = None) -> TextIOWrapper:
    """The lines of a file, whatever they end with; a byte that its encoding does not have becomes U+FFFD.

    Raises:
        NotCsv: there is no such encoding.
    """
    return TextIOWrapper(file, named_encoding(encoding) or encoding_of(file), errors="replace")


def named_encoding(name: str | None) -> str | None:
    """An encoding as it is called here.

    Raises:
        NotCsv: there is no such encoding.
    """
    if name is None:
        return None
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if not _OF_FILES.fullmatch(re.sub(r"[\W_]", "", found)):
        told = "it is one such as utf-8, cp1252, mac_roman, koi8-r, shift_jis"
        raise NotCsv(f"there is no encoding {name[:40]!r}; {told}")
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """What a file was read in, some of its words that show whether that is right, and why it may not be."""

    encoding: str
    sample: tuple[str, ...] = field(default=(), repr=False)
    doubt: str | None = None


def written_in(file: IO[bytes], encoding: str | None = None) -> Written:
    """How the beginning of a file reads; the file is at its beginning afterwards.

    Raises:
        NotCsv: there is no such encoding.
    """
    found = named_encoding(encoding) or encoding_of(file)
    text = codecs.getincrementaldecoder(found)("replace").decode(file.read(_PIECE))
    file.seek(0)
    words = dict.fromkeys(word for word in _WORD.findall(text.lstrip("\ufeff")) if not word.isascii())
    doubtful = found == "cp1252" and encoding is None and _UNLIKELY.search(text)
    return Written(found, tuple(words)[:_SAMPLED], _DOUBT if doubtful else None)


def sheet(lines: Iterable[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The names of the columns, and each row that is not empty: its line as an editor counts, and its cells.

    The delimiter (comma, semicolon or tab) is the one that the first line names (`sep=;`) or holds most of, quotes aside.

    Raises:
        NotCsv: it is none, here or while the rows are read, or has more columns than `MOST_COLUMNS`.
    """
    source, before = _of_bearable_length(lines), 1
    header = next(source, "").lstrip("\ufeff")
    if named := _NAMED.fullmatch(header):
        header, before = next(source, ""), 2
    bare = _QUOTED.sub("", header)
    delimiter = named[1] if named else max(",;\t", key=bare.count)
    if (found := bare.count(delimiter) + 1) > MOST_COLUMNS:
        raise NotCsv(f"line {before} names {found:,} columns, more than {MOST_COLUMNS}; leave out those that are not needed")
    try:
        columns = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except (csv.Error, ValueError) as error:  # in newer versions of Python ValueError, where `sep=` names no delimiter
        raise NotCsv(f"line {before} is not CSV ({error}); it names the columns") from None
    return columns, _rows(source, delimiter, before)


def ragged(names: Sequence[str], cells: Sequence[str]) -> str | None:
    """What is wrong with a row that has not the cells that the first line names; nothing, where they are as many.

    Empty cells at the end do not count, nor columns there without a name.
    """
    named, filled = _filled(names), _filled(cells)
    if filled <= len(names) and len(cells) >= named:
        return None
    told = "put text that has the delimiter in it in quotes" if filled > len(names) else "write its empty cells, too"
    return f"has {len(cells)} cells, and the first line names {named}, so that what stands where is not known; {told}"


def _filled(cells: Sequence[str]) -> int:
    return next((n for n in range(len(cells), 0, -1) if cells[n - 1].strip()), 0)


def lost(cells: Sequence[str]) -> str | None:
    """What is wrong with a row of which some bytes were no text; nothing, where all of them were."""
    if any(_LOST in cell for cell in cells):
        return "holds bytes that are no text in the encoding of the file (or U+FFFD in their place); save it as UTF-8"
    return None


def _of_bearable_length(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST:
            raise NotCsv(f"line {number} is longer than {_LONGEST:,} characters")
        yield line


def _rows(source: Iterator[str], delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    reader, number = csv.reader(source, delimiter=delimiter, strict=True), 0  # an open quote would swallow the rest of the file
    try:
        for cells in reader:
            number = reader.line_num
            if any(cell.strip() for cell in cells):
                yield number + before, cells
    except csv.Error as error:
        raise NotCsv(f"what follows line {number + before} is not CSV ({error}); look for a quote that is not closed") from None
