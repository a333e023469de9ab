"""What a call takes, by the API's own description of itself: one flat JSON Schema of arguments, and the request they make."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_REF = "#/components/schemas/"
_BODY = "body"
_JSON = "application/json"
#: Put there by whoever makes the request, and not by who asks for it.
_OURS = {"idempotency-key"}


class UnlikeCall(ValueError):
    """Arguments that the call does not take; the message says which it does."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """A call: where each of its arguments goes (`path`, `query`, `body`), the schema of each, and which have to be there."""

    method: str
    path: str
    places: Mapping[str, str]
    properties: Mapping[str, Any]
    required: frozenset[str]
    defs: Mapping[str, Any]
    about: str
    #: Its body is no object whose fields could be arguments: it is one argument itself, `body`.
    whole: bool = False
    idempotent: bool = False

    def schema(self, without: frozenset[str], more: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        shown = {name: each for name, each in self.properties.items() if name not in without} | dict(more)
        plain: dict[str, Any] = {"type": "object", "properties": shown, "additionalProperties": False}
        if required := sorted(self.required - without):
            plain["required"] = required
        used = _named(shown, self.defs)
        return plain | ({"$defs": used} if used else {})

    def request(self, arguments: Mapping[str, Any], number: str | None = None) -> Request:
        """The request that these make; a number, where it may be made once only.

        Raises:
            UnlikeCall: one of them is not of this call, or one is missing.
        """
        if wrong := sorted(arguments.keys() - self.places.keys()):
            raise UnlikeCall(f"there is no argument {wrong[0][:50]!r}; there are {', '.join(sorted(self.places)) or 'none'}")
        if missing := sorted(self.required - arguments.keys()):
            raise UnlikeCall(f"the argument {missing[0]!r} is missing")
        by_place: dict[str, dict[str, Any]] = {"path": {}, "query": {}, _BODY: {}}
        for name, value in arguments.items():
            if value is not None or self.places[name] == _BODY:
                by_place[self.places[name]][name] = value
        path = self.path.format_map({name: quote(str(value), safe="") for name, value in by_place["path"].items()})
        has_body = _BODY in self.places.values()
        body = (by_place[_BODY].get(_BODY) if self.whole else by_place[_BODY]) if has_body else None
        headers = {"Idempotency-Key": number} if number and self.idempotent else {}
        return Request(self.method, path, _plain(by_place["query"]), body, headers)


def shape_of(document: Mapping[str, Any], call: str) -> Shape:
    """A call such as `GET /v1/journeys`, as this OpenAPI document has it."""
    method, _, path = call.partition(" ")
    operation = document["paths"][path][method.lower()]
    schemas = document.get("components", {}).get("schemas", {})
    places, properties, required = {}, {}, set()
    for each in operation.get("parameters", ()):
        if each["in"] in ("path", "query"):
            name = each["name"]
            places[name], properties[name] = each["in"], _told(each)
            required |= {name} if each.get("required") else set()
    sent = operation.get("requestBody", {})
    body = sent.get("content", {}).get(_JSON, {}).get("schema")
    whole = False
    if body is not None:
        plain = _resolved(body, schemas)
        whole = "properties" not in plain
        fields = {_BODY: plain} if whole else plain["properties"]
        fields = {name: each for name, each in fields.items() if name not in places}  # what the path names, the body need not
        places |= dict.fromkeys(fields, _BODY)
        properties |= fields
        if sent.get("required"):
            required |= {_BODY} if whole else set(plain.get("required", ()))
    once = any(each["in"] == "header" and each["name"].lower() in _OURS for each in operation.get("parameters", ()))
    defs = {name: _local(schema) for name, schema in schemas.items()}
    named = {name: _local(each) for name, each in properties.items()}
    about = str(operation.get("description") or operation.get("summary") or "")
    return Shape(method, path, places, named, frozenset(required), defs, about, whole, once)


def _told(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(parameter.get("schema", {}))
    if "description" in parameter:
        schema.setdefault("description", parameter["description"])
    return schema


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """What it names; of what may be left out, that which may be there."""
    if len(choices := [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]) == 1:
        schema = choices[0]
    named = schema.get("$ref", "").removeprefix(_REF)
    return dict(schemas[named] if named else schema)


def _local(plain: Any) -> Any:
    """The same, with its names where a schema that stands alone has them."""
    if isinstance(plain, dict):
        return {
            name: f"#/$defs/{each.removeprefix(_REF)}" if name == "$ref" and isinstance(each, str) else _local(each)
            for name, each in plain.items()
        }
    return [*map(_local, plain)] if isinstance(plain, list) else plain


def _named(plain: Any, defs: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema names, and what that names."""
    found: dict[str, Any] = {}
    left = [*_refs(plain)]
    while left:
        name = left.pop()
        if name not in found and name in defs:
            found[name] = defs[name]
            left += _refs(defs[name])
    return dict(sorted(found.items()))


def _refs(plain: Any) -> Iterator[str]:
    if isinstance(plain, dict):
        if isinstance(reference := plain.get("$ref"), str):
            yield reference.removeprefix("#/$defs/")
        for each in plain.values():
            yield from _refs(each)
    elif isinstance(plain, list):
        for each in plain:
            yield from _refs(each)


def _plain(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
