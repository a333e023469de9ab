"""One normal form for the ids that senders give customers and messages, the same for ingest, lists and look-up.

Promise: what can be sent can be found. An id is text in NFC without white space around it; its case is kept. A number is its
exact digits or nothing, because half a number is another customer's. What only stands for a missing id is no id.
"""

import re
import unicodedata
from hashlib import blake2b
from string import hexdigits
from typing import Any
from uuid import UUID

#: Characters of a user or anonymous id (an index key: 512 characters are at most 2,048 bytes).
ID_LIMIT = 512
#: Characters of the id of a message, that is of one call.
MESSAGE_ID_LIMIT = 100
#: Whole numbers beyond this are rounded by what reads JSON as floats.
_EXACT = 2**53
#: What programs write where an id is missing; without case, quotes and white space around.
_WORDS = """
null undefined none nil nan n/a na anonymous anon guest unknown true false id user_id userid anonymous_id anonymousid email
distinct_id distinctid not_authenticated not-authenticated object {} [] () <nil> (null) (none) infinity -infinity
"""
_PLACEHOLDERS = frozenset(_WORDS.split()) | {"[object object]", "[object undefined]", "[object null]"}
_EMPTY_NUMBER = re.compile(r"-?[0-]+|-1|[fF]{8}-?(?:[fF]{4}-?){3}[fF]{12}")
#: What stands around a word, or is no word by itself: quotes, blanks, and characters of no width.
_UNSEEN = "\"'` \t\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_UUID = 32  # digits
_LONGEST_PLACEHOLDER = 40  # a UUID in quotes


class NotAnId(ValueError):
    """Not usable as an id; the message says why, and what to send instead."""


def as_id(value: Any) -> str | None:
    """The normal form of a user or anonymous id; None where none is given (null or only white space).

    Raises:
        NotAnId: it cannot be an id.
    """
    text = exact_text(value, ID_LIMIT)
    if text and is_placeholder(text):
        raise NotAnId(
            f"is {text[:40]!r}, which programs write where an id is missing and many customers would share;"
            " leave the field out until the id is known"
        )
    return text


def message_id(text: str, room: int = 0) -> str:
    """An id that another system gave a message, in so many characters that it can be kept; a long one by its hash.

    `room` is how many characters are still to be written after it.
    """
    if len(text) + room <= MESSAGE_ID_LIMIT:
        return text
    return f"{text[:20]}#{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def exact_text(value: Any, limit: int) -> str | None:
    """A text, or a whole number as its digits, in the normal form; None where none is given.

    Raises:
        NotAnId: it is neither, is too long, or cannot be stored.
    """
    if value is None:
        return None
    if type(value) is str and len(value) <= limit and value.isascii() and value.isprintable():
        return value.strip() or None
    text = nfc(value if type(value) is str else _digits(value, limit)).strip()
    if len(text) > limit:
        raise NotAnId(_shape(limit))
    if "\x00" in text:
        raise NotAnId("holds the character U+0000, which cannot be stored")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise NotAnId("holds half of a surrogate pair, which cannot be stored")
    return text or None


def nfc(text: str) -> str:
    """The text in NFC: é is one character, however a keyboard or a file system wrote it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_placeholder(text: str) -> bool:
    """Whether this only stands for a missing id: `null`, `undefined`, `[object Object]`, `0`, `-1`, an all-zero UUID."""
    if len(text) > _LONGEST_PLACEHOLDER:
        return False
    bare = text.strip(_UNSEEN).lower()
    return not bare or bare in _PLACEHOLDERS or (bare[0] in "-0f" and _EMPTY_NUMBER.fullmatch(bare) is not None)


def ids_between(beginning: str) -> tuple[UUID, UUID] | None:
    """The first and the last of our own ids that begin so; None where none can."""
    digits = beginning.replace("-", "").lower()
    if not digits or len(digits) > _UUID or set(digits) - set(hexdigits):
        return None
    return UUID(digits.ljust(_UUID, "0")), UUID(digits.ljust(_UUID, "f"))


def _digits(value: Any, limit: int) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is not float:
        raise NotAnId(_shape(limit))
    if not value.is_integer() or abs(value) >= _EXACT:
        raise NotAnId("is a number whose digits are not exact; send it as text, in quotes")
    return str(int(value))


def _shape(limit: int) -> str:
    return f"must be a number or a text of at most {limit} characters"
