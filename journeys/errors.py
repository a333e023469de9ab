"""What can be wrong with a catalogue or a call; each message names the place and says what to do.

JourneyError
├── CatalogueError     the definitions cannot be loaded: all that is wrong with them, a problem a line
└── InvalidParams      a run was asked for with parameters the journey does not declare
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from journeys.rules import Rule

_FEW = 30


def seen_from_here(file: str) -> str:
    """A file as its user would name it from where they stand."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


class Fault(NamedTuple):
    """What is wrong, by which rule, and what to do instead; where it stands is a problem's."""

    text: str
    remedy: str
    rule: Rule = Rule.DECLARATION

    def at(self, file: str, line: int, column: int = 1, *, whose: str = "", serious: bool = True) -> "Problem":
        """It, where it stands; `whose` says of what it is, such as `journey welcome: `."""
        return Problem(file, line, column, f"{whose}{self.text}", serious, self.remedy, self.rule)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a catalogue and where it stands; line and column count from 1. Without a file it is of the whole."""

    file: str
    line: int
    column: int
    text: str
    #: False: it loads, but its author should know.
    serious: bool = True
    remedy: str = ""
    rule: Rule = Rule.WORD

    @property
    def told(self) -> str:
        """What is wrong and what to do, in one sentence."""
        return f"{self.text}; {self.remedy}" if self.remedy else self.text

    @property
    def shown_file(self) -> str:
        """The file as seen from where the user stands."""
        return seen_from_here(self.file)

    def __str__(self) -> str:
        text = self.told if self.serious else f"warning: {self.told}"
        return f"{self.shown_file}:{self.line}:{self.column}: {text}" if self.file else text

    def plain(self) -> dict[str, Any]:
        """For editors and CI; the fields are in docs/authoring.md."""
        return {
            "file": self.shown_file if self.file else "",
            "line": self.line,
            "column": self.column,
            "rule": self.rule.value,
            "severity": "error" if self.serious else "warning",
            "message": self.text,
            "remedy": self.remedy,
        }


class JourneyError(Exception):
    """Something is wrong with a journey or its use."""


class CatalogueError(JourneyError):
    """The definitions cannot be loaded; `remedy` says what to do where what is wrong is given as a text."""

    def __init__(self, *problems: Problem | str, remedy: str = "", rule: Rule = Rule.WORD) -> None:
        placed = [Problem("", 0, 0, each, remedy=remedy, rule=rule) if isinstance(each, str) else each for each in problems]
        self.problems = tuple(dict.fromkeys(sorted(placed)))
        super().__init__("\n".join(map(str, self.problems)))


def raised(place: str, check: Callable[[], object]) -> Iterator[Fault]:
    """What a check says of an argument."""
    try:
        check()
    except CatalogueError as error:
        yield from (Fault(f"{place}: {problem.text.removeprefix(f'{place}: ')}", problem.remedy) for problem in error.problems)


class NotKnown(AttributeError):
    """A journey asks its handle for a name that is not declared; `remedy` says what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        self.text, self.remedy = text, remedy
        super().__init__(f"{text}; {remedy}")


class InvalidParams(JourneyError):
    """The parameters of a run are not those the journey declares."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems))


def guess(name: str, known: Iterable[str]) -> str:
    """A close name, else all of them, unless they are many."""
    names = sorted(known)
    if close := get_close_matches(name, names, n=1):
        return f"did you mean {close[0]}?"
    return f"it has: {', '.join(names)}" if len(names) <= _FEW else "see its documentation"
