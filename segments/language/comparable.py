"""The six operators of what is compared: a trait, a property, an amount, an age, a score, where a trait comes from.

Promise: pure; Python's own words never reach the author, also where brackets are missing.
"""

from typing import Any, Generic, NoReturn, TypeVar

from segments.errors import DefinitionError
from segments.language.predicate import Predicate

P = TypeVar("P", bound=Predicate)


class Comparable(Generic[P]):
    """What becomes a predicate by a comparison, and is none before."""

    #: What to do with it, as a sentence tells it.
    _meant = "compare it with a number"

    def __eq__(self, value: object) -> P:  # type: ignore[override]  # a comparison is the point
        return self._is("==", value)

    def __ne__(self, value: object) -> P:  # type: ignore[override]  # a comparison is the point
        return self._is("!=", value)

    def __lt__(self, value: Any) -> P:
        return self._is("<", value)

    def __le__(self, value: Any) -> P:
        return self._is("<=", value)

    def __gt__(self, value: Any) -> P:
        return self._is(">", value)

    def __ge__(self, value: Any) -> P:
        return self._is(">=", value)

    def between(self, low: Any, high: Any) -> P:
        """From the low value to the high one, both included."""
        return self._is("between", (low, high))

    def _is(self, op: str, value: Any) -> P:
        raise NotImplementedError

    def __hash__(self) -> int:
        return hash(str(self))

    def __bool__(self) -> NoReturn:
        raise DefinitionError(str(self), f"has no truth by itself; {self._meant}")

    def _combined(self, other: object = None) -> NoReturn:  # noqa: ARG002 - whatever stands on the other side
        brackets = "write each comparison in brackets: (a > 1) & (b == 2)"
        raise DefinitionError(str(self), f"has no truth by itself; {self._meant}, and {brackets}")

    __and__ = __rand__ = __or__ = __ror__ = __invert__ = _combined
