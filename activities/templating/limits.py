"""How much one template may ask for: limits that hold inside a filter, where Liquid's own do not look.

Promise: no text, list or number that a filter takes or gives outgrows these, whatever a customer's data says, nor does all that
one text shows and filters together; rendering a message costs megabytes and milliseconds at worst. What is counted
is characters, so that a text which can be rendered can be rendered on any machine.
"""

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from liquid import RenderContext
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.builtin.tags.tablerow_tag import TablerowNode, TablerowTag
from liquid.exceptions import FilterArgumentError, LoopIterationLimitError
from liquid.stringify import to_liquid_string

#: Rounds of loops, and items of a list.
ITEMS = 1_000
#: Characters of a text.
CHARACTERS = 100_000
#: Characters that a filter may have to write at worst, before the result is looked at.
_WORK = 100 * CHARACTERS
#: Characters that one text may show, and its filters take and give, together: what some loops over some long texts come to.
RENDERED = 30 * CHARACTERS
#: Characters that a call of a filter costs besides.
_CALL = 50
#: Digits before the point.
DIGITS = 18


class BadArgument(FilterArgumentError):
    """An argument that a filter cannot take; its message holds no value."""


@contextmanager
def rendering() -> Iterator[None]:
    """One text, whose filters share what they may do together."""
    token = _LEFT.set([RENDERED])
    try:
        yield
    finally:
        _LEFT.reset(token)


_LEFT: ContextVar[list[int] | None] = ContextVar("left", default=None)


def _spend(characters: int) -> None:
    if (left := _LEFT.get()) is None:
        return
    left[0] -= characters + _CALL
    if left[0] < 0:
        raise BadArgument(
            f"what it shows and filters is more than {RENDERED:,} characters; loop less, or over less", token=None
        )


class _Shown(OutputNode):
    """What is shown counts, too: into a variable (`capture`) as well, again and again."""

    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        value = self.expression.evaluate(context)
        _spend(len(value) * (1 if isinstance(value, str) else _CALL) if isinstance(value, str | list | tuple) else 0)
        return int(buffer.write(to_liquid_string(value, context.autoescape)))


class BoundedOutput(Output):
    """`{{ … }}`, within what one text may do."""

    node_class = _Shown


def checked(value: Any) -> Any:
    """A value that a filter takes or gives.

    Raises:
        BadArgument: it is too long or too large.
    """
    _spend(weigh(value))
    return value


def check_work(value: Any, *arguments: Any) -> None:
    """Look at what a filter is asked before it does it.

    Raises:
        BadArgument: it would be too much.
    """
    weight, weights = weigh(value), [weigh(argument) for argument in arguments]
    _spend(weight + sum(weights))
    if (weight + 1) * (max(weights, default=0) + 1) > _WORK:
        raise BadArgument("too much work for a template", token=None)


def weigh(value: Any) -> int:
    """How many characters a value is, about.

    Raises:
        BadArgument: too many; or a list has too many items, or a number too many digits.
    """
    match value:
        case str():
            return _within(len(value), CHARACTERS, "characters of a text")
        case range():
            _within(value.stop - value.start, ITEMS, "items of a list")
            return weigh(list(value))
        case list() | tuple():
            _within(len(value), ITEMS, "items of a list")
            return _within(sum(map(weigh, value)), CHARACTERS, "characters of a list")
        case int() | float() | Decimal() if not isinstance(value, bool):
            return _digits(value)
    return len(value) if isinstance(value, Sized) else 1


def _digits(number: float | Decimal) -> int:
    if not abs(number) < 10**DIGITS:  # also where it is no number
        raise BadArgument(f"a number needs fewer than {DIGITS} digits", token=None)
    return DIGITS


def _within(count: int, most: int, what: str) -> int:
    if count > most:
        raise BadArgument(f"more than {most:,} {what}", token=None)
    return count


def _short(listed: object) -> None:
    """Before a loop makes a list of it."""
    if isinstance(listed, range) and listed.stop - listed.start > ITEMS:
        raise LoopIterationLimitError("loop iteration limit reached", token=None)


class _For(ForNode):
    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        _short(self.expression.iterable.evaluate(context))
        return super().render_to_output(context, buffer)


class ShortFor(ForTag):
    """`for`, with its range looked at first."""

    node_class = _For


class _Tablerow(TablerowNode):
    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        _short(self.expression.iterable.evaluate(context))
        return super().render_to_output(context, buffer)


class ShortTablerow(TablerowTag):
    """`tablerow`, with its range looked at first."""

    node_class = _Tablerow
