"""Headers and bodies as bytes that every relay passes on unchanged: seven bits, short lines, and text that stays text.

Promise: whatever a text holds (line breaks, encoded words, control characters, boundaries), it neither begins nor ends a
header or a part, and a reader that decodes it gets the same text.
Sources: RFC 5322 (2.1.1, line lengths; 2.2.3, folding), RFC 2047 (2, words of 75, lines of 76), RFC 2045 (6.7 and 6.8),
RFC 6152 (what eight bits would need).
"""

import base64
import binascii
import re
import textwrap
import unicodedata
from collections.abc import Iterator

_LINE = 76  # of a header with encoded words, and of an encoded body; other headers may have 78
_WORD = 75
_MARKS = len("=?utf-8?b??=")
_PLAIN = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")  # what folds at its spaces
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_LONGEST = 998


_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # and half surrogate pairs, and Unicode's own line breaks


def one_line(text: str) -> str:
    """A text without line breaks and control characters, and with single spaces."""
    return " ".join("".join(" " if unicodedata.category(c) in _CONTROLS else c for c in text).split())


def text_header(name: str, text: str) -> str:
    """A header that people read, folded."""
    text = one_line(text)
    if "=?" in text or not _PLAIN.fullmatch(text):
        return f"{name}: {_encoded(text, len(name) + 2)}"
    # An indent of one space unfolds to the space at which the line was broken.
    return "\r\n".join(
        textwrap.wrap(f"{name}: {text}", _LINE, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    )


def machine_header(name: str, value: str) -> str:
    """A header that programs read, on one line; folding would break a link or an id.

    Raises:
        ValueError: it cannot stand on one line of ASCII.
    """
    line = f"{name}: {value}"
    if not re.fullmatch(r"[ -~]+", line) or len(line) > _LONGEST:
        raise ValueError(f"{name} must be one line of ASCII")
    return line


def mailbox_header(name: str, shown: str, address: str) -> str:
    """A header with one address, and the name that readers show in its place."""
    used, shown = len(name) + 2, one_line(shown)
    if not shown:
        return f"{name}: <{address}>"
    phrase = _phrase(shown, used)
    last = used + len(phrase) if "\r\n" not in phrase else len(phrase.rpartition("\r\n")[2])
    gap = " " if last + len(address) + 3 <= _LINE else "\r\n "
    return f"{name}: {phrase}{gap}<{address}>"


def _phrase(text: str, used: int) -> str:
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    if not text.isascii() or "=?" in text or used + len(quoted) > _LINE:
        return _encoded(text, used)
    return text if _ATOMS.fullmatch(text) else quoted


def _encoded(text: str, used: int) -> str:
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in _pieces(text, _LINE - used))


def _pieces(text: str, room: int) -> Iterator[bytes]:
    """The text's characters, each whole, in as many bytes as fit an encoded word."""
    piece = b""
    for character in text:
        raw = character.encode()
        if len(piece) + len(raw) > _held(room):
            yield piece
            piece, room = b"", _WORD
        piece += raw
    if piece:
        yield piece


def _held(room: int) -> int:
    return (room - _MARKS) // 4 * 3


def part(subtype: str, text: str) -> bytes:
    """One form of a letter's text with its own headers, in whichever encoding is shorter."""
    raw = "\r\n".join(printable(text).splitlines()).encode() + b"\r\n"
    spelt, packed = binascii.b2a_qp(raw, istext=True), base64.encodebytes(raw).replace(b"\n", b"\r\n")
    # binascii makes a line of more than 76 where white space ends one at just that length.
    short = len(spelt) <= len(packed) and all(len(line) <= _LINE for line in spelt.split(b"\r\n"))
    name, body = ("quoted-printable", spelt) if short else ("base64", packed)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {name}\r\n\r\n"
    return head.encode() + body


def printable(text: str) -> str:
    """A text of any number of lines without control characters."""
    return "".join(c if c in "\n\r\t" or unicodedata.category(c) not in _CONTROLS else " " for c in text)


def alternatives(boundary: str, *parts: bytes) -> bytes:
    """The body of a `multipart/alternative`. `=_` stands in no encoded body: a boundary that begins so ends no part early."""
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + mark + b"--\r\n"
