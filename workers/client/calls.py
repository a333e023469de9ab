"""Each call of a prepared document as a method will have it: its arguments with their types, its body, and what it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workers.client.document import choices, operations, python_name, referred

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_STREAM = "text/event-stream"
#: What the client itself says.
_OURS = {"accept"}
_SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", "string": "str"}
_FORMATS = {"date-time": "datetime", "date": "date", "uuid": "UUID"}
_MODELS = "models."


@dataclass(frozen=True)
class Argument:
    """One argument of a method: under which name it is sent, and where."""

    name: str
    sent: str
    place: str
    shape: str
    required: bool
    about: str


@dataclass(frozen=True)
class Method:
    """One method; a call that takes or gives a file besides JSON has a second one, whose name ends in `_file`."""

    name: str
    verb: str
    path: str
    about: str
    arguments: tuple[Argument, ...]
    #: json, file, form or nothing; and the type of it.
    sends: str
    body: str
    optional: bool
    media: tuple[str, ...]
    #: json, text, bytes, lines or nothing; and the type of it.
    gives: str
    answer: str
    accepts: str

    @property
    def call(self) -> str:
        """As documents name it."""
        return f"{self.verb} {self.path}"


def methods(document: Mapping[str, Any]) -> Iterator[Method]:
    """The methods of a client, in the order of the document."""
    for verb, path, operation in operations(document):
        yield from _of(document, verb, path, operation)


def _of(document: Mapping[str, Any], verb: str, path: str, operation: Mapping[str, Any]) -> Iterator[Method]:
    arguments = tuple(_argument(document, each) for each in operation.get("parameters", []) if each["name"] not in _OURS)
    about = " ".join((operation.get("description") or operation.get("summary") or "").split("\n\n", maxsplit=1)[0].split())
    body = operation.get("requestBody", {})
    sent, given = body.get("content", {}), _given(operation)
    name, optional = python_name(operation["operationId"]), not body.get("required", bool(sent))
    files = [media for media in sent if media != _JSON]
    for form in [_JSON, *files][: 2 if len(sent) > 1 else 1] if _JSON in sent else [files[0] if files else ""]:
        sends, shape = _body(document, form, sent)
        called = f"{name}_file" if form != _JSON and _JSON in sent else name
        media = tuple(files) if sends == "file" else ()
        kept = _without_format(arguments) if _JSON in given and len(given) > 1 else arguments
        gives, answer, accepts = _answer(document, given)
        yield Method(called, verb, path, about, kept, sends, shape, optional, media, gives, answer, accepts)
    if _JSON in given and len(given) > 1:
        yield Method(f"{name}_file", verb, path, about, arguments, "", "", False, (), "bytes", "bytes", "")


def _without_format(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    return tuple(each for each in arguments if each.sent != "format")


def _given(operation: Mapping[str, Any]) -> dict[str, Any]:
    """What a success answers, by media type; the first status that has something."""
    for status, answer in sorted(operation["responses"].items()):
        if status < "300" and answer.get("content"):
            return dict(answer["content"])
    return {}


def _argument(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Argument:
    shape, required = type_of(document, parameter["schema"]), bool(parameter.get("required"))
    sent = parameter["name"]
    name = python_name(sent if parameter["in"] != "header" else sent.lower())
    about = parameter.get("description") or parameter["schema"].get("description", "")
    return Argument(name, sent, parameter["in"], shape, required, " ".join(about.split()))


def _body(document: Mapping[str, Any], media: str, content: Mapping[str, Any]) -> tuple[str, str]:
    if not media:
        return "", ""
    if media == _JSON:
        return "json", type_of(document, content[media].get("schema", {}))
    return ("form", "Mapping[str, str | list[str]]") if media == _FORM else ("file", "bytes")


def _answer(document: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, str, str]:
    if not given:
        return "", "None", ""
    if _JSON in given:
        return "json", type_of(document, given[_JSON].get("schema", {})), _JSON
    if len(given) == 1 and (media := next(iter(given))).startswith("text/"):
        return ("lines", "str", media) if media == _STREAM else ("text", "str", media)
    return "bytes", "bytes", ""


def type_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A schema as an annotation."""
    if "$ref" in schema:
        within = referred(document, schema)
        return type_of(document, within) if choices(within) else _MODELS + schema["$ref"].rpartition("/")[2]
    if (values := choices(schema)) is not None:
        return f"Literal[{', '.join(map(_literal, values))}]"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return _union(type_of(document, each) for each in several)
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(type_of(document, {**schema, "type": each}) for each in kind)
    return _plain(document, schema, kind)


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _plain(document: Mapping[str, Any], schema: Mapping[str, Any], kind: str | None) -> str:
    if kind == "array":
        return f"list[{type_of(document, schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {type_of(document, more) if isinstance(more, dict) else 'Any'}]"
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "str")
    return _SCALARS.get(kind or "", "Any")


def _union(shapes: Iterator[str]) -> str:
    return " | ".join(dict.fromkeys(shapes))
