"""Where the author's code is that asked for something, while a journey is walked."""

import sys

from journeys.deadline import is_authors

#: File, line and instruction, the innermost first.
Place = tuple[tuple[str, int, int], ...]


def place() -> Place:
    """Where the author's code is that led here."""
    found: list[tuple[str, int, int]] = []
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to ask who calls
    while frame is not None:
        if is_authors(frame.f_code.co_filename):
            found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_lasti))
        elif found:  # who drives us
            break
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)
