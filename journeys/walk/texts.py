"""The texts of templates: which message is written by one, and what is another in it.

Promise: only lines that differ are shown, shortened where they are long; pictures are only said to be others.
"""

import re
from difflib import ndiff
from pathlib import PurePosixPath

from journeys.contracts import DeliverRequest

_LONGEST = 300  # letters that are shown
_BESIDE = "; "


def is_of(place: str, request: DeliverRequest | None) -> bool:
    """Whether a message is written by the template in a file, by its name, or by a translation of it."""
    if request is None:
        return False
    name, channel = map(re.escape, (request.template, request.channel.value.replace("_", "-")))
    return re.match(rf"{name}(\.[A-Za-z]+([-_][A-Za-z]+)*)?\.{channel}\.", PurePosixPath(place).name) is not None


def apart(place: str, was: str, now: str) -> tuple[str, str]:
    """The lines of each that the other lacks."""
    if place.endswith(".png"):
        return ("a picture" if was else "", "another picture" if was and now else "a picture" if now else "")
    lines = [line for line in ndiff(was.splitlines(), now.splitlines()) if line[:2] in ("- ", "+ ") and line[2:].strip()]
    before, after = ([line[2:].strip() for line in lines if line[:1] == sign] for sign in "-+")
    return _short(before), _short(after)


def _short(lines: list[str]) -> str:
    told = _BESIDE.join(lines)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} …"
