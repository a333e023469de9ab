"""What can go wrong with a segment; each message names the place and says what to do.

SegmentError
└── DefinitionError   a predicate or a segment cannot mean anything
"""


class SegmentError(Exception):
    """Something about a segment is wrong."""


class DefinitionError(SegmentError):
    """A definition that cannot be evaluated; raised when it is written or loaded, never later."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}" if place else problem)

    def within(self, outer: str) -> "DefinitionError":
        """The same problem, seen from the definition around it."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return DefinitionError(f"{outer}{joint}{self.place}", self.problem)
