"""The reference of the handle: every word that a journey can say, with its example, as a page of Markdown.

Promise: it is made of the code's own signatures and docstrings, so it says what the code says.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from textwrap import dedent
from typing import Any

from pydantic import BaseModel

from journeys.actions import Called
from journeys.contracts import Receipt
from journeys.handle import Answer, Fetched, Journey
from journeys.handle.conversing import Answered
from journeys.heard import Happened

_HEAD = """\
# The handle

Every word of `j`, the handle of a journey, as the code says it; `journeys reference` prints this page. `days(3)`, `hours(4)`
and `minutes(30)` are spans (`timedelta`); `Awaited` is a predicate, a segment, or what `j.replied()` and its like give; `Plain`
is a number, a flag or a text. What is refused, and what to write instead, is in [writing journeys](authoring.md).
"""


def reference() -> str:
    """The page."""
    kinds = [_of_kind(kind) for kind in reversed(Journey.__mro__) if words_of(kind)]
    answers = [_of_answer(kind) for kind in (Receipt, Answer, Answered, Happened, Called, Fetched)]
    return "\n".join([_HEAD, *kinds, "## What comes back\n", *answers])


def words_of(kind: type) -> dict[str, Any]:
    """The words that a class of the handle brings."""
    ours = kind.__module__.startswith("journeys.handle")
    words = {name: word for name, word in vars(kind).items() if callable(word) or isinstance(word, property)}
    return {name: word for name, word in words.items() if ours and not name.startswith("_")}


def _of_kind(kind: type) -> str:
    title, _, about = (inspect.getdoc(inspect.getmodule(kind)) or "").partition("\n")[0].partition(": ")
    words = [f"### `j.{name}`\n\n{_said(name, word)}{_told(word)}" for name, word in words_of(kind).items()]
    return "\n".join([f"## {title}\n", f"{about[:1].upper()}{about[1:]}\n", *words])


def _said(name: str, word: Any) -> str:
    """`await j.at(*, hours: float = 0)`, as it stands in the source."""
    if not callable(word):
        return ""
    bare: Any = inspect.unwrap(word)
    (function,) = ast.parse(dedent(inspect.getsource(bare))).body
    assert isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef)
    arguments = function.args
    (arguments.posonlyargs or arguments.args).pop(0)
    arguments.kw_defaults = [_value(each, bare.__globals__) for each in arguments.kw_defaults]
    before = "async with " if bare is not word else "async for … in " if inspect.isasyncgenfunction(bare) else ""
    before = "await " if inspect.iscoroutinefunction(bare) else before
    return f"`{before}j.{name}({_spaced(ast.unparse(arguments))})`\n\n"


def _spaced(arguments: str) -> str:
    return re.sub(r"(?<=\w|\])=", " = ", arguments)


def _value(default: ast.expr | None, known: dict[str, Any]) -> ast.expr | None:
    """A default; its value, where it has a name."""
    return ast.parse(repr(known[default.id]), mode="eval").body if isinstance(default, ast.Name) else default


def _told(word: object) -> str:
    """A docstring; its example is code."""
    text, _, example = (inspect.getdoc(word) or "").partition("\nExample:\n")
    return f"{text.strip()}\n" + (f"\n```python\n{dedent(example).strip()}\n```\n" if example else "")


def _of_answer(kind: type) -> str:
    lines = "".join(f"* `{name}`: {about[:1].lower()}{about[1:].removesuffix('.')}\n" for name, about in _parts(kind))
    return f"### `{kind.__name__}`\n\n{_told(kind)}\n{lines}"


def _parts(kind: type) -> Iterator[tuple[str, str]]:
    """Fields and properties, with what each is; of a choice, which ones there are."""
    for name, field in kind.model_fields.items() if issubclass(kind, BaseModel) else ():
        choices = field.annotation
        if isinstance(choices, type) and issubclass(choices, Enum):
            yield name, ", ".join(f"`{each.value}`" for each in choices)
        elif field.description:
            yield name, field.description
    for name, part in vars(kind).items():
        if isinstance(part, property):
            yield name, (inspect.getdoc(part) or "").partition("\n")[0]
