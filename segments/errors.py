"""What can go wrong with a segment; each message names the place and says what to do.

SegmentError
├── DefinitionError     a predicate or a segment cannot mean anything
└── CannotBeEvaluated   a definition that stood fails on the customers there are now
"""

#: Of what breaks off because it is too large, not because it is wrong.
TOO_MANY_PARTS = (
    "the definition has too many parts, or is nested too deeply, to be asked at once; write fewer: several values of one"
    " property are one condition with a list of them, and customers by their names are a list"
)


class SegmentError(Exception):
    """Something about a segment is wrong."""


class CannotBeEvaluated(SegmentError):
    """A live segment fails on what is known of customers now; names it, and what it failed with, never what it read."""

    def __init__(self, segment: str, version: str, kind: str) -> None:
        self.segment = segment
        self.version = version
        self.kind = kind
        super().__init__(f"segment {segment!r} cannot be evaluated any more ({kind}); change its definition")


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
