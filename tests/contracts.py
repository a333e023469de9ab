"""Published descriptions of providers' APIs, where they are: in `shared/contracts` beside the project, or in a package."""

import json
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.programs import missing


def contract(name: str) -> Path:
    """The file of a description, whether it is there or not."""
    above = (folder / "shared" / "contracts" / name for folder in Path(__file__).parents)
    return next((file for file in above if file.exists()), Path(name))


def needs(name: str) -> pytest.MarkDecorator:
    """Skips tests in one sentence where a description is not there."""
    return pytest.mark.skipif(not contract(name).exists(), reason=f"the published description {name} is not beside the project")


def of_google(api: str) -> dict[str, Any]:
    """The schemas of one of Google's APIs (`fcm.v1`), as JSON Schema by their names.

    They stand in Google's own client, of which nothing is run. A field that Google does not describe is one that it refuses.
    """
    if find_spec("googleapiclient") is None:
        missing("google-api-python-client is not installed: make")
    file = files("googleapiclient") / "discovery_cache" / "documents" / f"{api}.json"
    return {name: _strict(schema) for name, schema in json.loads(file.read_text())["schemas"].items()}


def unlike(schemas: dict[str, Any], name: str, told: Any) -> list[str]:
    """What is not as the schema of that name says."""
    whole = {"$ref": f"#/$defs/{name}", "$defs": schemas}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(told)]


def _snake(name: str) -> str:
    """The name of a field in Google's protocol buffers, which its parsers take, too (ProtoJSON)."""
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of Google's dialect: references are names, and what is required stands in words alone."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    found: dict[str, Any] = {name: schema[name] for name in ("type", "enum") if schema.get(name) != "any" and name in schema}
    if "properties" in schema:
        fields = {name: _strict(each) for name, each in schema["properties"].items()}
        found["properties"] = {_snake(name): each for name, each in fields.items()} | fields
        found["additionalProperties"] = False
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found[name] = _strict(schema[name])
    return found
