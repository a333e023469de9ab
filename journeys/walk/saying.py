"""What a walk says of each way in which a wait or a call may end."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod

from journeys.actions import Call, Called
from journeys.contracts import Reason
from journeys.heard import Expect, OfPeople
from journeys.questions import Understand, Understood

#: So many whole numbers are tried one by one.
_FEW = 12
#: So many ways to choose several things at once are gone one by one.
_FEW_TOGETHER = 12


def comings(expect: Expect) -> Iterator[tuple[str, str, str | None]]:
    """Each way in which a wait may end well: in words, by name, and with each outcome of a task."""
    for name, expected in expect.expected.items():
        choices = expected.choices if isinstance(expected, OfPeople) else ()
        for choice in choices:
            yield f"{name}: {choice}", name, choice
        if not choices:
            yield name, name, None


def choosings(dimensions: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Each way to choose, where these are few, else each option of everything once; of several things also none of them."""
    if prod(map(len, dimensions)) <= _FEW_TOGETHER:
        yield from product(*dimensions)
    else:
        for n in range(max(map(len, dimensions))):
            yield tuple(options[n % len(options)] for options in dimensions)
    if len(dimensions) > 1:
        yield ()


def shortened(answers: list[str], known: Iterable[str]) -> list[str]:
    """Answers in words, where many are the numbers that were tried: `vials not 0`, for all of them but one."""
    tried = _numbers(known)
    told = [answer for answer in answers if not _NUMBER.fullmatch(answer)]
    for name, values in _numbers(answers).items():
        told += _among(name, values, tried[name])
    return told


_NUMBER = re.compile(r"(\w+)=(-?\d+(?:\.\d+)?)")


def _numbers(answers: Iterable[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        if match := _NUMBER.fullmatch(answer):
            found[match[1]].append(float(match[2]))
    return found


def _among(name: str, values: list[float], tried: list[float]) -> list[str]:
    others = sorted(set(tried) - set(values))
    if len(values) <= 2:  # noqa: PLR2004 - told one by one
        return [f"{name}={value:g}" for value in values]
    if not others:
        return [f"any {name}"]
    if max(others) < min(values):
        return [f"{name} from {min(values):g}"]
    if min(others) > max(values):
        return [f"{name} up to {max(values):g}"]
    if len(others) < len(values):
        return [f"{name} not {' or '.join(f'{each:g}' for each in others)}"]
    return [f"{name}={value:g}" for value in values]


def outcomes(call: Call) -> Iterator[tuple[str, Called]]:
    """Each way in which a call may end, in words."""
    yield "answered" if call.fetch else "done", Called(status=200)
    yield Reason.NO_ANSWER.value, Called(reason=Reason.NO_ANSWER)
    yield Reason.SAID_NO.value, Called(reason=Reason.SAID_NO, status=404)
    if call.fetch:
        yield Reason.UNLIKE_DECLARED.value, Called(reason=Reason.UNLIKE_DECLARED)


def understood(asked: Understand) -> Iterator[tuple[str, Understood]]:
    """Each way in which an answer may be understood, in words: each choice, numbers of its range, other words."""
    for choice in asked.choices:
        yield choice, Understood(choice=choice)
    if asked.least is not None and asked.most is not None:
        for number in _within(asked.least, asked.most):
            yield f"number={number:g}", Understood(number=number)
    yield "other words", Understood()


def _within(least: float, most: float) -> Iterable[float]:
    """All whole numbers where they are few, else the ends and the middle."""
    if isinstance(least, int) and isinstance(most, int) and most - least < _FEW:
        return range(least, most + 1)
    middle = (least + most) / 2
    return (least, int(middle) if isinstance(least, int) else middle, most)
