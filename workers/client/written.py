"""The client itself: a class that waits for each answer and one that does not, with a method for every call."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from workers.client.calls import Argument, Method

_WIDTH = 100
_KEYED = "Idempotency-Key"
_HEAD = '''\
"""Every call of the deployment, to be waited for (`Journeys`) or awaited (`AsyncJourneys`)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import httpx

from . import models
from .runtime import AsyncLine, Call, Line, Retries, form, key, part, read, sent

__all__ = ["AsyncJourneys", "Journeys", "OPERATIONS", "date", "datetime"]

#: The call of each method.
OPERATIONS: dict[str, str] = {
'''
_CLASS = '''

class {name}:
    """{about}

    `key` is an API key; `http` a client of your own, for proxies and certificates; `timeout` is in seconds.
    Every method raises a `Problem` when the server says no, and `Unreachable` when it says nothing.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retries: Retries = Retries(),
        http: httpx.{httpx} | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._line = {line}(url, key, retries=retries, http=http, timeout=timeout)

    {d}def close(self) -> None:
        """Let go of the connections."""
        {w}self._line.close()

    {d}def __{a}enter__(self) -> "{name}":
        return self

    {d}def __{a}exit__(self, *_: object) -> None:
        {w}self.close()
'''


def client(methods: Sequence[Method]) -> str:
    """The module."""
    listed = "".join(f'    "{each.name}": "{each.call}",\n' for each in methods)
    waits = {"name": "Journeys", "httpx": "Client", "line": "Line", "d": "", "w": "", "a": ""}
    goes_on = {"name": "AsyncJourneys", "httpx": "AsyncClient", "line": "AsyncLine", "d": "async ", "w": "await ", "a": "a"}
    return "".join(
        [
            f"{_HEAD}{listed}}}\n",
            _CLASS.format(about="The calls of a deployment, one after another.", **waits),
            *(_method(each, waits=True) for each in methods),
            _CLASS.format(about="The calls of a deployment, while others go on.", **goes_on),
            *(_method(each, waits=False) for each in methods),
        ]
    )


def _method(method: Method, *, waits: bool) -> str:
    return "\n" + textwrap.indent(
        "\n".join([*_signature(method, waits=waits), *_docs(method), *_body(method, waits=waits), ""]), "    "
    )


def _signature(method: Method, *, waits: bool) -> Iterator[str]:
    lines = method.gives == "lines"
    answer = f"{'Iterator' if waits else 'AsyncIterator'}[str]" if lines else method.answer
    yield f"{'def' if waits or lines else 'async def'} {method.name}("
    yield "    self,"
    yield from (f"    {each.name}: {each.shape}," for each in method.arguments if _first(each))
    if method.sends and not method.optional:
        yield f"    body: {method.body},"
    if any(not _first(each) for each in method.arguments) or (method.sends and method.optional) or len(method.media) > 1:
        yield "    *,"
    if method.sends and method.optional:
        yield f"    body: {_or_none(method.body)} = None,"
    if len(method.media) > 1:
        choice = ", ".join(f'"{each}"' for each in method.media)
        yield f'    media: Literal[{choice}] = "{method.media[0]}",'
    for each in method.arguments:
        if not _first(each):
            yield f"    {each.name}: {each.shape}," if each.required else f"    {each.name}: {_or_none(each.shape)} = None,"
    yield f") -> {answer}:"


def _first(argument: Argument) -> bool:
    return argument.place == "path"


def _or_none(shape: str) -> str:
    return shape if "None" in shape.split(" | ") else f"{shape} | None"


def _docs(method: Method) -> Iterator[str]:
    about = f"{method.about.rstrip('.')}. " if method.about else ""
    told = [*_wrapped(f"{about}`{method.call}`".replace("\\", "\\\\").replace('"""', "'''"))]
    described = [each for each in method.arguments if each.about]
    yield f'    """{told[0]}' + ('"""' if len(told) == 1 and not described else "")
    yield from (f"    {each}" for each in told[1:])
    if described:
        yield ""
        yield "    Args:"
        for each in described:
            first, *rest = _wrapped(f"{each.name}: {each.about}".replace("\\", "\\\\"))
            yield f"        {first}"
            yield from (f"            {line}" for line in rest)
    if len(told) > 1 or described:
        yield '    """'


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _body(method: Method, *, waits: bool) -> Iterator[str]:
    yield "    call = Call("
    yield f'        "{method.verb}",'
    yield f"        {_path(method)},"
    yield from _sent("query", method.arguments)
    yield from _sent("header", method.arguments, "headers")
    yield from (f"        {each}," for each in _content(method))
    if method.accepts:
        yield f'        accept="{method.accepts}",'
    yield "    )"
    wait = "" if waits else "await "
    match method.gives:
        case "lines":
            yield "    return self._line.lines(call)"
        case "text":
            yield f"    return ({wait}self._line.send(call)).text"
        case "bytes":
            yield f"    return ({wait}self._line.send(call)).content"
        case "json":
            yield f"    answer: {method.answer} = read({method.answer}, {wait}self._line.send(call))"
            yield "    return answer"
        case _:
            yield f"    {wait}self._line.send(call)"


def _path(method: Method) -> str:
    path = method.path
    for each in method.arguments:
        if each.place == "path":
            path = path.replace(f"{{{each.sent}}}", f"{{part({each.name})}}")
    return f'f"{path}"' if path != method.path else f'"{path}"'


def _sent(place: str, arguments: Iterable[Argument], keyword: str = "query") -> Iterator[str]:
    pairs = [_pair(each) for each in arguments if each.place == place]
    if pairs:
        yield f"        {keyword}={{{', '.join(pairs)}}},"


def _pair(argument: Argument) -> str:
    if argument.sent.lower() == _KEYED.lower():
        return f'"{_KEYED}": key({argument.name})'
    return f'"{argument.sent}": {argument.name}'


def _content(method: Method) -> Iterator[str]:
    given = " if body is not None else None" if method.optional else ""
    match method.sends:
        case "json":
            yield f"content=sent({method.body}, body){given}"
            yield 'media="application/json"'
        case "form":
            yield f"content=form(body){given}"
            yield 'media="application/x-www-form-urlencoded"'
        case "file":
            yield f"content=body{given}" if not given else "content=body"
            yield "media=media" if len(method.media) > 1 else f'media="{method.media[0]}"'
