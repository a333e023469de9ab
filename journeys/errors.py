"""What can be wrong with a catalogue or a call; each message names the place and says what to do.

JourneyError
├── CatalogueError     the definitions cannot be loaded: all that is wrong with them, a problem a line
└── InvalidParams      a run was asked for with parameters the journey does not declare
"""

from dataclasses import dataclass
from pathlib import Path


def seen_from_here(file: str) -> str:
    """A file as its user would name it from where they stand."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a catalogue and where it stands; line and column count from 1. Without a file it is of the whole."""

    file: str
    line: int
    column: int
    text: str
    #: False: it loads, but its author should know.
    serious: bool = True

    @property
    def shown_file(self) -> str:
        """The file as seen from where the user stands."""
        return seen_from_here(self.file)

    def __str__(self) -> str:
        text = self.text if self.serious else f"warning: {self.text}"
        return f"{self.shown_file}:{self.line}:{self.column}: {text}" if self.file else text


class JourneyError(Exception):
    """Something is wrong with a journey or its use."""


class CatalogueError(JourneyError):
    """The definitions cannot be loaded."""

    def __init__(self, *problems: Problem | str) -> None:
        placed = [Problem("", 0, 0, each) if isinstance(each, str) else each for each in problems]
        self.problems = tuple(dict.fromkeys(sorted(placed)))
        super().__init__("\n".join(map(str, self.problems)))


class InvalidParams(JourneyError):
    """The parameters of a run are not those the journey declares."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems))
