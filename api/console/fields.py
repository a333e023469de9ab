"""The parameters of a journey or of a message as fields of a form: by their JSON Schema where that is simple, else as JSON."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from api.problems import Problem

#: Before the name of a parameter in a form.
PARAM = "param."
_CHOICES = {"boolean": ("true", "false")}
_NUMBERS = {"integer", "number"}
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter as somebody fills it in: its name, what it takes, whether it must be said, and what its author says of it."""

    name: str
    kind: Literal["text", "number", "choice", "json", "plain"] = "text"
    choices: tuple[str, ...] = ()
    needed: bool = False
    about: str = ""

    def read(self, text: str) -> Any:
        """What somebody has filled in, as the call takes it; a number that is none stays a text, which the call refuses.

        Raises:
            Problem: 422, it is to be JSON, and is not.
        """
        try:
            match self.kind:
                case "json":
                    return json.loads(text)
                case "number":
                    return int(text) if text.lstrip("+-").isdecimal() else float(text)
                case "choice" if self.choices == _CHOICES["boolean"]:
                    return text == "true"
                case "plain":
                    return _plain(text)
        except (ValueError, RecursionError):
            if self.kind == "json":
                raise Problem(422, f"{self.name}: write it as JSON, such as [1, 2]", code="not-json") from None
        return text


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """A field for each property of a JSON Schema, in its order."""
    needed, named = set(schema.get("required", ())), schema.get("$defs", {})
    return [
        Field(name, *_taken(each, named), needed=name in needed, about=str(each.get("description", "")))
        for name, each in schema.get("properties", {}).items()
    ]


def plain_fields(names: Iterable[str]) -> list[Field]:
    """A field for each parameter of a message, which is a number, a flag or a text."""
    return [Field(name, "plain", needed=True) for name in names]


def params_in(fields: Iterable[Field], said: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that a form says; what is left empty is not said."""
    return {each.name: each.read(text) for each in fields if (text := said.get(PARAM + each.name, ""))}


def _taken(schema: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The kind of a field, and its choices."""
    found = list(_choices_of(schema, named))
    if len(found) != 1:
        return "json", ()
    [one] = found
    if "const" in one or "enum" in one:
        choices = one.get("enum", [one.get("const")])
        return ("choice", tuple(choices)) if all(isinstance(each, str) for each in choices) else ("json", ())
    kind = one.get("type")
    if kind in _CHOICES:
        return "choice", _CHOICES[kind]
    return ("number" if kind in _NUMBERS else "text" if kind == "string" else "json"), ()


def _choices_of(schema: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a value may be, besides null."""
    if "$ref" in schema:
        schema = named.get(str(schema["$ref"]).rpartition("/")[2], {})
    for each in schema.get("anyOf", ()):
        yield from _choices_of(each, named)
    if "anyOf" not in schema and schema.get("type") != "null":
        yield schema


def _plain(text: str) -> Any:
    """A number or a flag where it is written as one, and no other way (01, 1e3); else the text."""
    value = json.loads(text)
    return value if isinstance(value, bool) or _NUMBER.fullmatch(text) else text
