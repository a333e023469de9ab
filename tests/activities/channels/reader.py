"""A strict reader of letters, written from the RFCs and independent of Python's `email`: it forgives nothing.

Sources: RFC 5322, RFC 2045, RFC 2046, RFC 2047.
"""

import base64
import re
from dataclasses import dataclass

_HEADER = re.compile(rb"([!-9;-~]+): ?(.*)", re.DOTALL)
_WORD = re.compile(rb"=\?utf-8\?b\?([A-Za-z0-9+/]+={0,2})\?=")
_ESCAPE = re.compile(rb"=([0-9A-F]{2})")


@dataclass(frozen=True)
class Part:
    """A part: its headers, decoded, and its text."""

    headers: list[tuple[str, str]]
    text: str


@dataclass(frozen=True)
class Letter:
    """A letter as a strict reader sees it."""

    headers: list[tuple[str, str]]
    parts: list[Part]

    def __getitem__(self, name: str) -> str:
        (value,) = [value for known, value in self.headers if known == name]
        return value

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.headers]


def read(raw: bytes) -> Letter:
    """The letter in these bytes; anything that a standard forbids fails an assertion."""
    assert b"\r" not in raw.replace(b"\r\n", b""), "a bare CR"
    assert b"\n" not in raw.replace(b"\r\n", b""), "a bare LF"
    assert b"\x00" not in raw
    head, _, body = raw.partition(b"\r\n\r\n")
    headers = _headers(head)
    letter = Letter(headers, [])
    kind = re.fullmatch(r'multipart/alternative; boundary="([^"]{1,70})"', letter["Content-Type"])
    assert kind, "not two alternatives"
    before, *pieces, after = (b"\r\n" + body).split(b"\r\n--" + kind[1].encode())
    assert (before, after) == (b"", b"--\r\n"), "something stands around the parts"
    return Letter(headers, [_part(piece.removeprefix(b"\r\n")) for piece in pieces])


def _headers(head: bytes) -> list[tuple[str, str]]:
    lines = head.split(b"\r\n")
    assert all(lines), "an empty line among the headers"
    for line in lines:
        assert len(line) <= (76 if b"=?" in line else 998), f"a line of {len(line)}"
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line), "a control character"
    return [_header(line) for line in re.sub(rb"\r\n(?=[ \t])", b"", head).split(b"\r\n")]


def _header(line: bytes) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    assert found, "not a header"
    name, value = found[1].decode("ascii"), found[2]
    assert b"?==?" not in value, "two encoded words without a space between them"
    return name, _decoded(value)


def _decoded(value: bytes) -> str:
    """RFC 2047: words are decoded, and the white space between two of them is not text."""
    for word in re.findall(rb"=\?[^ ]*", value):
        assert _WORD.fullmatch(word), "a damaged encoded word"
        assert len(word) <= 75
        base64.b64decode(_WORD.fullmatch(word)[1], validate=True).decode()  # type: ignore[index]  # each word whole characters
    together = re.sub(rb"(\?=)[ \t]+(?==\?)", rb"\1", value)
    return _WORD.sub(lambda word: base64.b64decode(word[1]), together).decode()


def _part(piece: bytes) -> Part:
    head, _, body = piece.partition(b"\r\n\r\n")
    headers = _headers(head)
    assert all(len(line) <= 76 for line in body.split(b"\r\n")), "an encoded line of more than 76"
    assert body.isascii()
    encoding = dict(headers)["Content-Transfer-Encoding"]
    raw = base64.b64decode(body.replace(b"\r\n", b""), validate=True) if encoding == "base64" else _quoted(body)
    return Part(headers, raw.decode())


def _quoted(body: bytes) -> bytes:
    assert not re.search(rb"[ \t]\r\n", body), "white space that a relay may cut off"
    soft = body.replace(b"=\r\n", b"")
    assert re.fullmatch(rb"([\t\r\n -<>-~]|=[0-9A-F]{2})*", soft, re.DOTALL), "not quoted-printable"
    return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), soft)
