"""The API's OpenAPI as a client is written from: every schema under a Python name, and every body and answer a schema.

Promise: nothing is lost but what the server alone judges by (lengths, patterns, ranges), so that one sentence of the server's
says what is wrong, and an answer never fails for a rule that was loosened since.
"""

import json
import keyword
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

_REF = "#/components/schemas/"
#: What the server judges by, and what only documents.
_DROPPED = frozenset(
    (
        *("title", "examples", "example", "minLength", "maxLength", "pattern", "minimum", "maximum", "multipleOf", "minItems"),
        *("exclusiveMinimum", "exclusiveMaximum", "maxItems", "uniqueItems", "minProperties", "maxProperties", "propertyNames"),
        *("patternProperties", "not", "contentMediaType"),
    )
)
#: Modules that stand for their room alone.
_DOORS = {"routes", "models"}
_PARAMS = "params."


def prepared(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document, to be read by `models` and `calls`."""
    made = deepcopy(dict(document))
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    _hoist(made, schemas)
    names = _names(schemas)
    made["components"]["schemas"] = {names[old]: schema for old, schema in schemas.items()}
    return {key: _plain(value, names) for key, value in made.items()}


def in_bodies(document: Mapping[str, Any]) -> dict[str, Any]:
    """A prepared document without the choices that parameters alone name, which are written where they stand."""
    schemas = document["components"]["schemas"]
    used = json.dumps([schemas, [{**each, "parameters": ()} for _, _, each in operations(document)]])
    kept = {name: schema for name, schema in schemas.items() if not choices(schema) or f'"{_REF}{name}"' in used}
    return {**document, "components": {"schemas": kept}}


def choices(schema: Mapping[str, Any]) -> list[Any] | None:
    """The values of which one may be given, where a schema names them."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def referred(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that a reference means."""
    return dict(document["components"]["schemas"][schema["$ref"].removeprefix(_REF)])


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each call: method, path, and what is said of it."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def python_name(name: str) -> str:
    """A name as Python may write it: `Idempotency-Key` is `idempotency_key`, and `from` is `from_`."""
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _hoist(document: Mapping[str, Any], schemas: dict[str, Any]) -> None:
    """Give objects that stand in a call itself a name of their own; the same object twice is one."""
    for _, _, operation in operations(document):
        called = "".join(part.capitalize() for part in operation["operationId"].split("_"))
        for content in operation.get("requestBody", {}).get("content", {}).values():
            _named(content, f"{called}Body", schemas)
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                _named(content, f"{called}Answer", schemas)


def _named(content: dict[str, Any], name: str, schemas: dict[str, Any]) -> None:
    schema = content.get("schema")
    if schema is not None and schema.get("type") == "array" and "properties" in schema.get("items", {}):
        _named_in(schema, "items", name.removesuffix("Body") + "Item", schemas)
    elif schema is not None and "properties" in schema:
        for each in schema["properties"].values():
            choice = each.get("items", {}).get("anyOf", [])
            for n, one in enumerate(choice):
                if "title" in one and "properties" in one:
                    _named_in(choice, n, one["title"], schemas)
        _named_in(content, "schema", name, schemas)


def _named_in(holder: Any, key: str | int, name: str, schemas: dict[str, Any]) -> None:
    found = next((known for known, schema in schemas.items() if schema == holder[key]), name)
    schemas[found] = holder[key]
    holder[key] = {"$ref": f"{_REF}{found}"}


def _names(schemas: Mapping[str, Any]) -> dict[str, str]:
    """A class name for each schema: `params.nps` is `NpsParams`, `api__web_push__routes__Told` is `WebPushTold`."""
    names: dict[str, str] = {}
    for schema in schemas:
        name = _class_name(schema)
        while name in names.values():
            name += "_"
        names[schema] = name
    return names


def _class_name(schema: str) -> str:
    if schema == "params":
        return "NoParams"
    if schema.startswith(_PARAMS):
        journey, _, inner = schema.removeprefix(_PARAMS).partition(".")
        return f"{_camel(journey)}Params{_camel(inner)}"
    *modules, name = schema.split("__")
    rooms = [each for each in modules[1:] if each not in _DOORS]
    return _camel("_".join([*rooms, name]))


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", text))


def _plain(part: Any, names: Mapping[str, str], *, named: bool = False) -> Any:
    """A part without what is dropped, its references renamed; `named`: its keys are names and not the words of JSON Schema."""
    if isinstance(part, list):
        return [_plain(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    made = {
        key: _plain(value, names, named=key in {"properties", "schemas"} and not named)
        for key, value in part.items()
        if named or key not in _DROPPED
    }
    if made.get("format") == "duration":
        made.pop("default", None)  # it would be written as a text
    if not named and isinstance(reference := made.get("$ref"), str):
        made["$ref"] = _REF + names[reference.removeprefix(_REF)]
    return made
