"""What a journey does to people, in short: each thing that it does, when, how often, on what conditions, and how long it lasts.

Promise: two versions whose outlines are the same do the same, as far as all ways through them tell.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.spans import describe
from journeys.walk.deciding import in_words, short
from journeys.walk.details import UNSAID
from journeys.walk.explore import Effect, Explored, Path, explore

#: The kind of an effect, and what it is.
Key = tuple[str, str]
#: Of which date, nothing: of the entry; and how long after it.
Time = tuple[str, timedelta]
NONE = "none"
_FEW = 3  # times that are told one by one
_WINDOW = "until it is "


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a journey does, wherever its code says so: when since entry, on which conditions, how often."""

    kind: str
    what: str
    times: tuple[Time, ...]
    most: int
    conditions: frozenset[str]
    #: What its author says of it, by name: all that is said anywhere on the ways.
    said: Mapping[str, str]
    place: tuple[str, int]

    @property
    def when(self) -> str:
        """When since entry, as a person says it."""
        by_date: dict[str, list[str]] = defaultdict(list)
        for date, since in self.times:
            by_date[date].append(_when(date, since))
        return ", ".join(", ".join(told) if len(told) <= _FEW else f"{told[0]} to {told[-1]}" for told in by_date.values())

    def renamed(self, names: Mapping[str, str]) -> "Step":
        """It, where steps before it have another name now."""
        conditions = self.conditions
        for old, new in names.items():
            conditions = frozenset(each.replace(f"{old}: ", f"{new}: ", 1) for each in conditions)
        return replace(self, conditions=conditions)

    @property
    def word(self) -> str:
        """What it is, in a word that a person knows; a wait on a clock by the author's own."""
        if self.kind == "wait":
            return "window" if self.what.startswith(_WINDOW) else self.what.partition(" ")[0]
        return {"first": "wait"}.get(self.kind, self.kind)

    @property
    def stands(self) -> str:
        """Which of its kind it is, where it has another name than before."""
        if self.kind == "first":
            return "what is waited for"
        if self.kind == "wait":
            return {"every": "how often it comes round"}.get(self.word, "when it goes on")
        return f"{self.word} {self.when}" if self.when.startswith("at ") else f"{self.word} after {self.when}"


@dataclass(frozen=True, slots=True)
class Outline:
    """A journey's steps by what they are, and when it is over on its ways, but for those that wait for a date in a trait.

    `complete`: all of them were walked; where not, nothing is known of conditions.
    """

    steps: Mapping[Key, Step]
    lasts: tuple[timedelta, timedelta]
    complete: bool


def outline(definition: JourneyDefinition, explored: Explored | None = None) -> Outline:
    """The outline of a journey; plain spans are in it by the times of what follows them."""
    explored = explored or explore(definition)
    met: dict[Key, list[tuple[Path, int, Effect]]] = defaultdict(list)
    for path in explored.paths:
        for n, effect in enumerate(path.effects):
            if effect.kind not in ("branch", "join") and not effect.is_span:
                met[effect.kind, effect.what].append((path, n, effect))
    tried = _tried(path.looked for path in explored.paths) if explored.complete else None
    steps = {key: _step(key, found, tried) for key, found in met.items()}
    ends = [_end(path) for path in explored.paths if not any(effect.dated for effect in path.effects)] or [timedelta(0)]
    return Outline(steps, (min(ends), max(ends)), explored.complete)


def _step(key: Key, met: list[tuple[Path, int, Effect]], tried: Mapping[str, set[Any]] | None) -> Step:
    times, (_, _, effect) = tuple(sorted({_time(effect) for _, _, effect in met})), met[0]
    often = Counter(id(path) for path, _, _ in met)
    needed = _needed(met, tried) if tried is not None else frozenset()
    place = effect.place[0][:2] if effect.place else ("", 0)
    return Step(*key, times, max(often.values()), needed, _said([effect.said for _, _, effect in met]), place)


def _said(all_said: list[Mapping[str, str]]) -> dict[str, str]:
    """What is said of one step at several places, or with other values each time, is told one after the other."""
    names = {name: None for said in all_said for name in said}
    return {name: " or ".join(dict.fromkeys(said.get(name, UNSAID.get(name, NONE)) for said in all_said)) for name in names}


def _time(effect: Effect) -> Time:
    """When it is: since entry, or since a date that only the customer's trait knows."""
    return ("", effect.at) if effect.dated is None else (effect.dated[0], effect.at - effect.dated[1])


def _when(date: str, since: timedelta) -> str:
    if not date:
        return describe(since) if since else "at once"
    return f"{describe(since)} after {date}" if since else f"at {date}"


def _needed(met: list[tuple[Path, int, Effect]], tried: Mapping[str, set[Any]]) -> frozenset[str]:
    """What all ways that lead here have in common; only where all were walked is it a condition."""
    decided = [{f"{e.what}: {e.answer}" for e in path.effects[:n] if e.answer} for path, n, _ in met]
    return frozenset(set.intersection(*decided)) | set(_given([path.looked for path, _, _ in met], tried))


def _tried(looked: Iterable[Mapping[str, Any]]) -> dict[str, set[Any]]:
    """What the journey was walked with, by parameter, by property of the entering event, and by what was answered."""
    found: dict[str, set[Any]] = defaultdict(set)
    for each in looked:
        for name, value in each.items():
            found[name].add(value)
    return found


def _given(looked: Sequence[Mapping[str, Any]], tried: Mapping[str, set[Any]]) -> Iterable[str]:
    """Of these the values that lead here, where others do not; what was not looked at may have been anything."""
    names = short(tried)
    for name, values in _tried(looked).items():
        if values < tried[name] and all(name in each for each in looked):
            yield in_words(names[name], values, tried[name])


def _end(path: Path) -> timedelta:
    last = path.effects[-1] if path.effects else None
    if last is None:
        return timedelta(0)
    return last.at + (last.lasts if last.kind == "wait" or last.answer == "in vain" else timedelta(0))
