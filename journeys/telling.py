"""Errors that come out of an author's code, told with their place and what to do, in words for people.

Promise: Python's own sentences about arguments, attributes and names never reach the author.
"""

import inspect
import re
import sys
import traceback
from functools import cache
from typing import Any

from journeys.deadline import TookTooLong, is_authors
from journeys.errors import CatalogueError, Fault, JourneyError, NotKnown, Problem, guess
from journeys.rules import Rule
from journeys.spans import describe
from segments import SegmentError

_UNEXPECTED = re.compile(r"(?P<callable>[\w.<>]+)\(\) got an unexpected keyword argument '(?P<name>\w+)'")
_MISSING = re.compile(r"(?P<callable>[\w.<>]+)\(\) missing \d+ required [\w-]+ arguments?: (?P<names>.+)")
_POSITIONAL = re.compile(r"(?P<callable>[\w.<>]+)\(\) takes .+ positional arguments? but .+ given")
_TWICE = re.compile(r"(?P<callable>[\w.<>]+)\(\) got multiple values for (?:keyword )?argument '(?P<name>\w+)'")


def problem_of(error: BaseException, doing: str = "") -> tuple[Problem, ...]:
    """What an error says to the author, at the last line of theirs that led to it; `doing` opens an unforeseen one."""
    if isinstance(error, CatalogueError) and any(problem.file for problem in error.problems):
        return error.problems
    if isinstance(error, SyntaxError):
        told = f"this is not Python: {error.msg}"
        place = error.filename or "", error.lineno or 1, error.offset or 1
        return (Problem(*place, told, remedy="mend the line", rule=Rule.SYNTAX),)
    return (fault_of(error, doing).at(*_place(error)),)


def fault_of(error: BaseException, doing: str = "") -> Fault:  # noqa: C901, PLR0911 - a table of errors
    """An error in words."""
    match error:
        case CatalogueError(problems=[Problem() as problem]):
            return Fault(problem.text, problem.remedy, problem.rule)
        case JourneyError() | SegmentError():
            return Fault(str(error), "", Rule.WORD)
        case TookTooLong():
            limit = f"after {describe(error.limit)} of processor time the code is still here"
            told = f"{doing or 'it'} does not come to an end: {limit}"
            return Fault(told, "let the loop end, put a wait into it, or do less at once", Rule.ENDLESS)
        case ModuleNotFoundError():
            return Fault(f"there is no module '{error.name}'", "is it spelt so, and installed?", Rule.MODULE)
        case ImportError(name=str(module)):
            return _not_in_module(module, str(error))
        case NameError(name=str(name)):
            return Fault(f"'{name}' means nothing here", "import it, or give it a value first", Rule.WORD)
        case NotKnown():
            return Fault(error.text, error.remedy, Rule.WORD)
        case AttributeError(name=str(name)) if str(error).startswith("'NoneType' object"):
            return Fault(f"what should have '{name}' may be None", "ask first: if … is not None", Rule.WORD)
        case AttributeError(name=str(name), obj=owner) if owner is not None:
            return _no_attribute(owner, name)
        case TypeError() if called := _call(str(error)):
            return called
    text = f" ({error})" if str(error) else ""
    return Fault(f"{doing or 'it'} raises {type(error).__name__}{text}", "mend it, or ask before the line", Rule.RAISES)


def _place(error: BaseException) -> tuple[str, int, int]:
    if isinstance(error, TookTooLong):
        return error.file, error.line, error.column
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_authors(frame.filename)]
    if not frames:
        return "", 0, 0
    return frames[-1].filename, frames[-1].lineno or 1, (frames[-1].colno or 0) + 1


#: What is asked of something that has no such word, and how it is asked.
_ASKED_OTHERWISE = {
    ("Happened", "timed_out"): "what j.wait_for gives is None when it was in vain: write if answer is None",
    ("Happened", "choice"): "what somebody chose of a task's choices is answer.outcome",
}


def _no_attribute(owner: object, name: str) -> Fault:
    kind = owner.__name__ if inspect.ismodule(owner) or inspect.isclass(owner) else type(owner).__name__
    known = [each for each in dir(owner) if not each.startswith("_")]
    return Fault(f"{kind} has no '{name}'", _ASKED_OTHERWISE.get((kind, name)) or guess(name, known), Rule.WORD)


def _not_in_module(module: str, told: str) -> Fault:
    match = re.search(r"cannot import name '(\w+)'", told)
    if match is None:
        return Fault(f"module {module} cannot be imported", "import it by itself, and see why", Rule.MODULE)
    if "partially initialized" in told:
        told = f"'{match[1]}' is not there yet: {module} is being imported, and imports this module in turn"
        return Fault(told, "break the circle", Rule.MODULE)
    known = getattr(sys.modules.get(module), "__all__", None) or dir(sys.modules.get(module))
    close = guess(match[1], [each for each in known if not each.startswith("_")])
    return Fault(f"module {module} has no '{match[1]}'", close, Rule.MODULE)


def _call(told: str) -> Fault | None:
    """A call with the wrong arguments; none for another TypeError."""
    for pattern, words in (
        (_UNEXPECTED, ("{name} has no {argument}=", "{guess}")),
        (_TWICE, ("{name} is given {argument} twice", "take one away")),
        (_MISSING, ("{name} is not given {argument}", "it takes {takes}")),
        (_POSITIONAL, ("{name} is given too many values without a name", "it takes {takes}")),
    ):
        if match := pattern.fullmatch(told.partition(". Did you mean")[0]):
            found = match.groupdict()
            argument = (found.get("name") or found.get("names") or "").replace("'", "")
            takes = _takes(found["callable"])
            called = found["callable"].removesuffix(".__init__").removesuffix(".__new__").removeprefix("Journey.")
            known = {"guess": guess(argument, takes), "takes": ", ".join(takes) or "nothing"}
            text, remedy = (each.format(name=called, argument=argument, **known) for each in words)
            return Fault(text, remedy, Rule.WORD)
    return None


def _takes(name: str) -> list[str]:
    """The names of the arguments of what authors call, by the name in Python's sentences."""
    found = _callables().get(name.removesuffix(".__init__"))
    if found is None:
        return []
    parameters = inspect.signature(found).parameters.values()
    return [each.name for each in parameters if each.name != "self" and each.kind is not each.VAR_KEYWORD]


@cache
def _callables() -> dict[str, Any]:
    import journeys  # noqa: PLC0415 - the door imports this room's modules
    import segments  # noqa: PLC0415

    things = [getattr(door, name) for door in (journeys, segments) for name in door.__all__]
    classes = [thing for thing in things if inspect.isclass(thing)]
    methods = {f"{kind.__name__}.{name}": value for kind in classes for name, value in inspect.getmembers(kind, callable)}
    return {getattr(thing, "__qualname__", ""): thing for thing in things if callable(thing)} | methods
