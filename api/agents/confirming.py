"""Confirmations: what a dry run hands out, and without which nothing is changed.

Promise: one is good for the very tool, arguments and key of its dry run, for some minutes; nobody else can make one. It has a
number, under which what may be done once only is done once.
"""

import hashlib
import secrets
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from activities.channels.sealed import InvalidToken, seal, unseal

_LABEL = "agent confirmation"
_HEAD = struct.Struct(">Q16s")  # until when, in seconds since 1970; its number
_AGAIN = "call the tool once more without `confirm`, look at its dry run, and pass the confirmation that it gives"


class NotConfirmed(Exception):
    """A confirmation that does not hold for this call; the message says what to do."""


@dataclass(frozen=True)
class Confirmations:
    """Made and read under the installation's secret, or one of this process alone."""

    secret: str | bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    former: Sequence[str] = field(default=(), repr=False)
    seconds: int = 600
    now: Callable[[], float] = time.time

    def made(self, tool: str, arguments: Mapping[str, Any], key: str) -> str:
        """The confirmation of a call with this key."""
        head = _HEAD.pack(int(self.now()) + self.seconds, secrets.token_bytes(16))
        return seal(self.secret, _LABEL, head + _about(tool, arguments, key))

    def checked(self, confirmation: str, tool: str, arguments: Mapping[str, Any], key: str) -> str:
        """The number of a confirmation, if it is one of exactly this call.

        Raises:
            NotConfirmed: it is not.
        """
        try:
            content = unseal(self.secret, _LABEL, confirmation, self.former)
            until, number = _HEAD.unpack_from(content)
        except (InvalidToken, struct.error):
            raise NotConfirmed(f"`confirm` is no confirmation that was made here; {_AGAIN}") from None
        if until < self.now():
            raise NotConfirmed(f"this confirmation was good for {self.seconds // 60} minutes and has ended; {_AGAIN}")
        if content[_HEAD.size :] != _about(tool, arguments, key):
            raise NotConfirmed(f"this confirmation is of another tool, of other arguments or of another key; {_AGAIN}")
        return str(number.hex())


def _about(tool: str, arguments: Mapping[str, Any], key: str) -> bytes:
    told = orjson.dumps([tool, key, dict(arguments)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).digest()
