"""What can be wrong with a catalogue or a call; each message names the place and says what to do.

JourneyError
├── CatalogueError     the definitions cannot be loaded
├── ImpureJourney      a journey touches a clock, chance or the world outside its handle
└── InvalidParams      a run was asked for with parameters the journey does not declare
"""


class JourneyError(Exception):
    """Something is wrong with a journey or its use."""


class CatalogueError(JourneyError):
    """The definitions cannot be loaded."""


class ImpureJourney(CatalogueError):
    """A journey touches a clock, chance or the world outside its handle; a replay would differ."""


class InvalidParams(JourneyError):
    """The parameters of a run are not those the journey declares."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems))
