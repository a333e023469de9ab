"""What providers of contexts tell in a simulation: what the test says, else nothing, so that it is as declared otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from journeys.contexts.context import Asked, Context
from journeys.contracts import Reason
from journeys.entering import UnlikeDeclared, read


class Around(NamedTuple):
    """What it is like where a customer is; why it is only what is declared otherwise."""

    answer: Mapping[str, Any]
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    context: str
    answer: Mapping[str, Any] | None
    at: Asked


class Contexts:
    """What each tells: what was said last of a place, or of all."""

    def __init__(self, contexts: Mapping[str, Context[Any]]) -> None:
        self.known = contexts
        self._told: list[_Told] = []

    def will(self, context: str, answer: Mapping[str, Any] | None, at: Asked) -> None:
        """From now on a provider tells this of a place (by the names under which it is asked), or nothing."""
        self._told.append(_Told(context, answer, at))

    def around(self, name: str, traits: Mapping[str, Any]) -> Around:
        """What it is like where a customer of these traits is."""
        context = self.known[name]
        place = context.place(traits)
        if place is None:
            return Around(context.default, Reason.NO_PLACE)
        fitting = [each.answer for each in self._told if each.context == name and each.at.items() <= place.items()]
        if not fitting or (answer := fitting[-1]) is None:
            return Around(context.default, Reason.NO_ANSWER)
        try:
            return Around(read(context.model, answer))
        except UnlikeDeclared:
            return Around(context.default, Reason.UNLIKE_DECLARED)
