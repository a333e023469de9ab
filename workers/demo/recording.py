"""A recorded shop: the calls that its web site, app and back office send, each with its place in the week.

One JSON object a line, gzipped. Promise: writing is deterministic, so that the generator can be held to the file in the repo.
"""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

#: How the recorded shop was made.
SEED, CUSTOMERS = 20, 240
#: The recorded shop, inside this package.
RECORDED = "shop.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Line:
    """One call: `sent` and `happened` are seconds since Monday 00:00; they differ where a device was offline."""

    sent: int
    happened: int
    call: dict[str, Any]

    @property
    def sent_after(self) -> timedelta:
        """When it is sent, counted from Monday 00:00."""
        return timedelta(seconds=self.sent)

    @property
    def happened_after(self) -> timedelta:
        """When it happened, counted from Monday 00:00."""
        return timedelta(seconds=self.happened)


def to_text(lines: Iterable[Line]) -> str:
    """The lines as JSON, one a line."""
    return "".join(
        json.dumps({"sent": line.sent, "happened": line.happened, "call": line.call}, separators=(",", ":")) + "\n"
        for line in lines
    )


def write(path: Path, lines: Iterable[Line]) -> None:
    """Write a recording; no time and no file name get into it."""
    path.write_bytes(gzip.compress(to_text(lines).encode(), mtime=0))


def recorded() -> Sequence[Line]:
    """The recorded shop."""
    text = gzip.decompress(files("workers.demo").joinpath(RECORDED).read_bytes()).decode()
    return [Line(**json.loads(line)) for line in text.splitlines()]
