"""Warnings in the children's logs, for a person at the terminal: only what asks for attention, never a flood."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LEVELS = {"warning", "warn", "error", "critical", "fatal"}
_TIMES_AND_NAMES = {"level", "event", "timestamp", "logger", "exception", "stack"}
_SERVER_TROUBLE = re.compile(r"\b(FATAL|PANIC)\b")
_TRACEBACK = re.compile(r"^\w[\w.]*(Error|Exception|Unreachable|Failed): ")
_AT_ONCE = 10


@dataclass(slots=True)
class Warnings:
    """Follows every log of a folder, from where each ends now."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for log in self.folder.glob("*.log"):
            self._read[log] = log.stat().st_size

    def new(self) -> Iterator[tuple[str, str]]:
        """(part, sentence) for each line since the last call that asks for attention."""
        for log in sorted(self.folder.glob("*.log")):
            found = [sentence for line in self._lines(log) if (sentence := worth_telling(line))]
            yield from ((log.stem, sentence) for sentence in found[:_AT_ONCE])
            if len(found) > _AT_ONCE:
                yield log.stem, f"{len(found) - _AT_ONCE} more lines like these in {log}"

    def _lines(self, log: Path) -> list[str]:
        with log.open("rb") as file:
            file.seek(self._read.get(log, 0))
            whole, _, _rest = file.read().rpartition(b"\n")
        self._read[log] = self._read.get(log, 0) + (len(whole) + 1 if whole else 0)
        return whole.decode(errors="replace").splitlines()


def worth_telling(line: str) -> str | None:
    """What a log line tells a person, or None when it is routine."""
    if line.startswith("{"):
        return _structured(line)
    return line if _SERVER_TROUBLE.search(line) or _TRACEBACK.match(line) else None


def _structured(line: str) -> str | None:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    if str(entry.get("level", "")).lower() not in _LEVELS:
        return None
    details = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _TIMES_AND_NAMES)
    return f"{entry['level']}: {entry.get('event', '')} {details}".strip()
