"""The past for the second opinion: at which instants a definition can turn, and since when its traits are what they are.

Promise: naive. Every span that a definition says, after every event that it names, is an instant to look at.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.segments.oracle_values import seconds

_SPANS = ("within", "then_within", "without_within")


def instants(plain: Any, happened: Iterable[tuple[str, int]], start: int, end: int) -> list[int]:
    """Both ends, and in between whatever can differ: each instant at which something turns, and the one just before it."""
    names = {text for _, text in walk(plain) if isinstance(text, str)}
    spans = {0, *(seconds(value) for key, value in walk(plain) if key in _SPANS and value is not None)}
    times = {at for named, at in happened if named.removeprefix("$list:") in names}
    turns = {at + span for at in times for span in spans}
    return [start, end, *sorted({at for turn in turns for at in (turn - 1, turn) if start < at < end})]


def traits_of(plain: Any) -> set[str]:
    """The traits that a definition looks at; by the customer's clock it looks at the zone."""
    named = {value.split(".")[0] for key, value in walk(plain) if key == "trait"}
    clocks = [value for key, value in walk(plain) if key in ("at_hours", "on_days")]
    return named | ({"timezone"} if any("zone" not in clock for clock in clocks) else set())


def walk(plain: Any, under: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a definition, with the key that it stands under."""
    yield under, plain
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from walk(value, key)
    elif isinstance(plain, list):
        for value in plain:
            yield from walk(value, under)
