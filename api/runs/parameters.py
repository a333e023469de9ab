"""The parameters of each journey in OpenAPI: a JSON Schema under its name, so that a wrong one is seen before it is sent.

Promise: what the schema says is what a start is checked by; a name that the journey does not declare fits none.
"""

from collections.abc import Mapping
from typing import Any

from journeys import JourneyDefinition

_REF = "#/components/schemas/"
#: The bodies whose `params` are a journey's.
_BODIES = ("StartRun", "Starts")
_NONE = "params"


def describe(schemas: dict[str, Any], catalogue: Mapping[str, JourneyDefinition]) -> None:
    """Add a schema for each journey with parameters, and let the bodies of starts name them all."""
    names = [name for name, definition in sorted(catalogue.items()) if definition.params is not None]
    for name in names:
        schemas |= _schemas(name, catalogue[name])
    if not names:
        return
    schemas[_NONE] = {"type": "object", "additionalProperties": False, "description": "of a journey that takes none"}
    choices = [{"$ref": f"{_REF}{each}"} for each in (*map(_called, names), _NONE)]
    for body in _BODIES:
        if body in schemas:
            params = schemas[body]["properties"]["params"]
            params |= {"anyOf": choices}
            params["description"] = "as the journey declares them: params.<journey>"
            for former in ("type", "additionalProperties"):
                params.pop(former, None)


def _schemas(journey: str, definition: JourneyDefinition) -> dict[str, Any]:
    """The journey's schema, and those that it names; unknown fields are refused, unless its model lets them in."""
    assert definition.params is not None, "only those with parameters are asked for"
    called = _called(journey)
    made = definition.params.model_json_schema(ref_template=f"{_REF}{called}.{{model}}")
    named = made.pop("$defs", {})
    made.setdefault("additionalProperties", False)
    return {called: made | {"title": called}, **{f"{called}.{name}": schema for name, schema in named.items()}}


def _called(journey: str) -> str:
    return f"params.{journey}"
