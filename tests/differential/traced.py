"""What runs really did, on either runtime: their authors' words, and what every question, wait and message came to."""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import wraps
from inspect import signature
from typing import Any
from unittest.mock import patch
from uuid import UUID

from temporalio import workflow

from journeys.authoring import journey
from journeys.check.reference import words_of
from journeys.contracts import Receipt
from journeys.handle import Journey
from journeys.handle.branch import HERE
from journeys.heard import Happened
from journeys.simulate import Run as Simulated
from journeys.temporal.workflow import JourneyRun

#: A run's clock on a real server goes on while it works.
CLOSE = timedelta(minutes=2)
#: What journeys declare that moves nobody, or what only several customers at once, or later entries, would show.
_SILENT = {"bare", "kpi", "conversion", "plan", "purpose", "ends_on_leave", "max_lateness", "topic"}
_HANDLE = {name for kind in Journey.__mro__ if "journeys.handle" in kind.__module__ for name in words_of(kind)}
#: The words of the handle and of what journeys declare: each has to come up.
WORDS = frozenset(_HANDLE | (set(signature(journey).parameters) - _SILENT) | {"money", "ramp"})


def declared(source: str) -> dict[str, set[str]]:
    """The words with which each journey of a catalogue is declared."""
    journeys = [each for each in ast.parse(source).body if isinstance(each, ast.AsyncFunctionDef)]
    return {each.name: {word for part in ast.walk(each.decorator_list[0]) if (word := _word(part))} for each in journeys}


def _word(part: ast.AST) -> str | None:
    return part.arg if isinstance(part, ast.keyword) else part.id if isinstance(part, ast.Name) else None


class Trace:
    """By run: its words, and what came of its effects, in each branch in order."""

    def __init__(self) -> None:
        self.words: dict[UUID, set[str]] = defaultdict(set)
        self.effects: dict[UUID, list[tuple[int, str, str]]] = defaultdict(list)
        self._places: dict[tuple[str, int], int] = {}

    def keep(self, run: UUID, effect: tuple[int, str, str], place: tuple[str, int] | None) -> None:
        """One more; or the same as before, where a worker was too slow with a task and it is done again."""
        kept = self.effects[run]
        if place is None or place not in self._places:
            if place is not None:
                self._places[place] = len(kept)
            kept.append(effect)
        else:
            kept[self._places[place]] = effect

    def told(self, run: UUID) -> list[tuple[int, str, str]]:
        """What came of a run's effects, branch by branch."""
        return sorted(self.effects[run], key=lambda each: each[0])


@contextmanager
def traced() -> Iterator[Trace]:
    """While it lasts, runs of this process are traced, on Temporal where they are not in the sandbox."""
    trace, changed = Trace(), []
    for kind in Journey.__mro__:
        if kind.__module__.startswith("journeys.handle"):
            changed += [patch.object(kind, name, _noted(trace, name, word)) for name, word in words_of(kind).items()]
    for runtime, start in ((Simulated, "start"), (JourneyRun, "_start")):
        for name in ("ask", "listen", "deliver"):
            changed.append(patch.object(runtime, name, _kept(trace, start, name, getattr(runtime, name))))
    for each in changed:
        each.start()
    try:
        yield trace
    finally:
        for each in changed:
            each.stop()


def _noted(trace: Trace, name: str, word: Any) -> Any:
    def note(handle: Any) -> None:
        trace.words[handle._start.run_id].add(name)

    if isinstance(word, property):
        return property(lambda handle: (note(handle), word.fget(handle))[1])  # type: ignore[misc]

    @wraps(word)
    def said(handle: Any, *given: Any, **more: Any) -> Any:
        note(handle)
        return word(handle, *given, **more)

    return said


def _kept(trace: Trace, start: str, name: str, effect: Callable[..., Any]) -> Any:
    @wraps(effect)
    async def kept(run: Any, asked: Any, *more: Any) -> Any:
        place = _place(run) if workflow.in_workflow() else None
        came = await effect(run, asked, *more)
        if (workflow.in_workflow() and workflow.unsafe.is_replaying()) or _is_put_off_briefly(came, run.now()):
            return came  # its worker had forgotten it; or seconds decided, which real clocks spend
        branch = HERE.get()
        what = getattr(asked, "what", None) or getattr(asked, "step", None) or "first"
        trace.keep(getattr(run, start).run_id, (branch.code if branch else 0, f"{name} {what}", _plain(came)), place)
        return came

    return kept


def _place(run: Any) -> tuple[str, int]:
    """Which of a workflow's effects begins: the same number whenever its code runs again."""
    run.begun = getattr(run, "begun", 0) + 1
    return workflow.info().run_id, run.begun


def _is_put_off_briefly(came: Any, now: datetime) -> bool:
    return isinstance(came, Receipt) and came.retry_at is not None and came.retry_at - now <= CLOSE


def _plain(came: Any) -> str:
    """What it came to; instants apart, which are compared by themselves."""
    match came:
        case Receipt():
            return f"{came.outcome} {came.reason} {came.segment}"
        case Happened():
            return f"{came.which} {came.outcome}"
    return type(came).__name__ if hasattr(came, "tzinfo") else repr(came)
