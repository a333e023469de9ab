"""Liquid as templates here may use it: limited, strict, without a clock, and with every variable known beforehand.

Promise: a missing value is never rendered as nothing. It takes the fallback that the template declares (`| default:
…`, wherever among the filters), or the rendering fails with the name of the variable.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, ClassVar

from babel.numbers import UnknownCurrencyError, format_currency
from liquid import BoundTemplate, Environment, FalsyStrictUndefined, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, StringLiteral
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.filters import misc
from liquid.exceptions import LiquidError, UndefinedError
from liquid.filter import with_context
from liquid.undefined import is_undefined

from activities.channels.languages import locale_of
from activities.templating.dates import LANGUAGE, settings_of, shown_date, wrong_form
from activities.templating.errors import BrokenTemplate, Problem
from activities.templating.limits import (
    CHARACTERS,
    ITEMS,
    BadArgument,
    BoundedOutput,
    ShortFor,
    ShortTablerow,
    check_work,
    checked,
    rendering,
)
from activities.templating.links import IN_CSS, css_encoded
from activities.templating.values import NotAText
from activities.templating.vocabulary import unknown

_FORMS = "write short, medium, long, full, a pattern such as 'd MMMM, HH:mm' with words in quotes, or strftime's %d %B"
Roots = Mapping[str, frozenset[str]]


class Missing(FalsyStrictUndefined):
    """A variable without a value: false in `if`, replaced by `default`, an error anywhere else."""

    __slots__ = ()
    force_liquid_default = True

    def __init__(self, name: str, *, hint: str | None = None, **more: Any) -> None:
        super().__init__(name, hint=hint, **more)
        if (noted := _NOTED.get()) is not None:
            noted.setdefault(_variable(hint or name))


_NOTED: ContextVar[dict[str, None] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[dict[str, None]]:
    """The variables without a value that are come across inside of the block, each once, in their order."""
    noted: dict[str, None] = {}
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


class _Limited(Environment):
    loop_iteration_limit: ClassVar[int | None] = ITEMS
    output_stream_limit: ClassVar[int | None] = 400_000  # bytes; mail readers cut off long before
    local_namespace_limit: ClassVar[int | None] = CHARACTERS
    context_depth_limit: ClassVar[int] = 20


def _environment(*, autoescape: bool) -> Environment:
    environment = _Limited(undefined=Missing, strict_filters=True, autoescape=autoescape)
    for tag in ("include", "render"):  # templates stand alone
        environment.tags.pop(tag, None)
    environment.add_tag(BoundedOutput)
    environment.add_tag(ShortFor)
    environment.add_tag(ShortTablerow)
    environment.filters.pop("safe", None)  # what comes from a customer's data is never markup
    environment.filters = {name: _Bounded(use) for name, use in environment.filters.items()}
    environment.filters["default"] = misc.default
    environment.filters["money"] = _Bounded(_money)
    environment.filters[IN_CSS] = _Bounded(css_encoded)
    environment.filters["date"] = _Bounded(_date)
    return environment


class _Bounded:
    """A filter that makes nothing of what is missing, which Liquid's own take for an empty text, and refuses what is too much.

    A missing value or argument comes out as it came in: a later `default` fills it, and shown it is an error.
    """

    def __init__(self, use: Any) -> None:
        self._use = use
        for flag in ("with_context", "with_environment", "filter_async"):
            if hasattr(use, flag):
                setattr(self, flag, getattr(use, flag))

    def __call__(self, value: object, *args: object, **kwargs: object) -> object:
        for each in (value, *args, *kwargs.values()):
            if is_undefined(each):
                return each
        check_work(value, *args)
        return checked(self._use(value, *args, **kwargs))


@with_context
def _date(value: object, form: object = "medium", *, context: RenderContext) -> str:
    return shown_date(value, str(form), settings_of(context))


@with_context
def _money(value: object, currency: object = "", locale: object = None, *, context: RenderContext) -> str:
    return money(value, currency, locale or settings_of(context)[LANGUAGE])


def money(value: object, currency: object = "", locale: object = None) -> str:
    """An amount as people write it: `{{ entry.price | money: entry.currency, 'es' }}` gives 24,90 €."""
    try:
        amount = checked(Decimal(str(value)))
        return format_currency(amount, str(currency).upper(), locale=locale_of(locale) or "en")
    except (InvalidOperation, UnknownCurrencyError, ValueError, LookupError) as error:
        raise BadArgument(f"money needs a number and a currency ({type(error).__name__})", token=None) from None


TEXT = _environment(autoescape=False)
HTML = _environment(autoescape=True)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled piece of Liquid and where it stands."""

    template: BoundTemplate
    file: str
    line: int

    def render(self, values: Mapping[str, object]) -> str:
        """The text for one customer.

        Raises:
            BrokenTemplate: a variable has no value and no fallback, or a limit was passed.
        """
        try:
            with rendering():
                return self.template.render(values)
        except LiquidError as error:
            raise BrokenTemplate(f"{self.file}:{self.line}: {reason(error)}") from None
        except Exception as error:  # noqa: BLE001 - filters stumble over data in every way that Python knows
            raise BrokenTemplate(f"{self.file}:{self.line}: {type(error).__name__} in a filter") from None


def reason(error: LiquidError) -> str:
    """What went wrong, without the values that Liquid's own messages quote."""
    if isinstance(error, UndefinedError):
        return f"no value for {_name(error)} and no default"
    ours = isinstance(error, BadArgument | NotAText)
    return f"{type(error).__name__}: {error.message}" if ours else type(error).__name__


def _name(error: UndefinedError) -> str:
    return _variable(str(error.message))


def _variable(told: str) -> str:
    return told.removesuffix(" is undefined").strip("'")


def compiled(environment: Environment, text: str, file: str, line: int, roots: Roots) -> tuple[Phrase | None, list[Problem]]:
    """A piece of Liquid ready to render, and what is wrong with it; `line` is that of its first character."""
    try:
        template = environment.from_string(text)
    except LiquidError as error:
        context = error.context() if error.token else None
        return None, [Problem(file, line + (context[0] - 1 if context else 0), *_not_liquid(error, text))]
    return Phrase(template, file, line), list(_problems(template, text, file, line, roots))


def _not_liquid(error: LiquidError, text: str) -> tuple[str, str]:
    """What is wrong, and what to do where Liquid has a word that somebody took for the name of a field."""
    found = re.match(r"expected an identifier, found (\w+)", str(error.message))
    if found is None:
        return str(error.message), ""
    word = found[1]
    path = next(iter(re.findall(rf"([\w.\[\]'-]+)\.{word}\b", text)), "…")
    return f"'{word}' is a word of Liquid's own, and here the name of a field", f"write {path}['{word}']"


def _problems(template: BoundTemplate, text: str, file: str, line: int, roots: Roots) -> Iterator[Problem]:
    analysis = template.analyze()
    for variables in analysis.globals.values():
        for variable in variables:
            wrong = unknown(_path(variable.segments), roots)
            if wrong:
                yield Problem(file, _line(text, variable.span.index, line), *wrong, "unknown-variable")
    for name, spans in analysis.filters.items():
        if name not in template.env.filters:
            close = get_close_matches(name, template.env.filters, n=1)
            remedy = f"did you mean {close[0]}?" if close else "known are default, date, money and those of Liquid"
            yield from (Problem(file, _line(text, span.index, line), f"unknown filter {name}", remedy) for span in spans)
    for chain in _chains(template, template.nodes):
        yield from _fallbacks_in_vain(chain, text, file, line)
        yield from _strange_dates(chain, text, file, line)


def _chains(template: BoundTemplate, nodes: Iterable[Node]) -> Iterator[Sequence[Filter]]:
    """All rows of filters below some nodes, each from left to right."""
    for node in nodes:
        found = [*node.expressions()]
        while found:
            expression = found.pop()
            found += expression.children()
            if isinstance(expression, FilteredExpression):
                yield expression.filters or []
        yield from _chains(template, node.children(RenderContext(template)))


def _fallbacks_in_vain(chain: Sequence[Filter], text: str, file: str, line: int) -> Iterator[Problem]:
    """Words that stand in for an amount before it is made one."""
    for first, then in pairwise(chain):
        said = first.args[0].value if first.args else None
        if (first.name, then.name) != ("default", "money") or not isinstance(said, StringLiteral) or _is_amount(said.value):
            continue
        told, remedy = f"the fallback '{said.value}' is no amount for money", "write default behind money, or a number"
        yield Problem(file, _line(text, first.token.start_index, line), told, remedy)


def _strange_dates(chain: Sequence[Filter], text: str, file: str, line: int) -> Iterator[Problem]:
    for each in chain:
        form = each.args[0].value if each.name == "date" and each.args else None
        if isinstance(form, StringLiteral) and (wrong := wrong_form(form.value)):
            told = f"'{form.value}' is no form of a date: {wrong}"
            yield Problem(file, _line(text, each.token.start_index, line), told, _FORMS)


def _is_amount(said: str) -> bool:
    try:
        return Decimal(said).is_finite()
    except InvalidOperation:
        return False


def _path(segments: list[Any]) -> tuple[str | int, ...]:
    return tuple(segment if isinstance(segment, str | int) else "[…]" for segment in segments)


def _line(text: str, index: int, first: int) -> int:
    return first + text.count("\n", 0, max(index, 0))
