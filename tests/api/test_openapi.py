"""The API's own description: complete, correct, and true under fuzzing."""

import asyncio
import re
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Match, Route

from api import handbook
from api.app import ROUTERS
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
INGEST = ["identify", "track", "page", "screen", "group", "alias", "batch"]


async def described(api: Api) -> dict[str, Any]:
    return (await api.http.get("/openapi.json")).json()  # type: ignore[no-any-return]


async def test_the_description_is_valid_openapi(ingest_api: Api) -> None:
    validate(await described(ingest_api))


async def test_a_parameter_that_a_call_does_not_have_is_refused_on_every_call(ingest_api: Api) -> None:
    """A newcomer's: `dry-run=true` was no dry run, and a file was really imported."""
    document, asked = await described(ingest_api), 0
    for path, item in document["paths"].items():
        if not path.startswith("/v1/") or path.startswith(("/v1/webhooks/", "/v1/hooks/")):
            continue  # a link, a page, or an address that a provider calls
        at = re.sub(r"\{[^}]*\}", "x", path)
        for method, operation in item.items():
            names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            for name, wrong in [(each, each.replace("_", "-").upper() + "S") for each in names] or [("", "dry-run")]:
                answer = await ingest_api.http.request(method, at, params={wrong: "true"}, auth=(OPERATE_KEY, ""))
                assert answer.status_code == 422, (method, path, wrong, answer.text)
                advice = f"did you mean '{name}'?" if name else "it takes none"
                told = f"there is no parameter {wrong!r} here; "
                assert told in answer.json()["detail"], answer.text
                assert advice in answer.json()["detail"] or len(names) > 1, answer.text
                asked += 1
    assert asked > 200
    for path in ("/v1/models", "/v1/history", "/v1/segments"):
        method = "POST" if path == "/v1/history" else "GET"
        answer = await ingest_api.http.request(method, path, params={"dry-run": "true"}, auth=("jk_nobodys", ""))
        assert answer.status_code == 401, f"who has no key hears of that first: {answer.text}"
    for path in ("/v1/customers/file?dry-run=true", "/v1/journeys/welcome/starts/file?dryrun=true"):
        answer = await ingest_api.http.post(path, content=b"user_id\nu-1\n", auth=(OPERATE_KEY, ""))
        assert answer.status_code == 422
        assert "did you mean 'dry_run'?" in answer.json()["detail"]


async def test_every_ingest_call_is_described_with_a_body_an_example_and_its_errors(ingest_api: Api) -> None:
    document = await described(ingest_api)
    for name in INGEST:
        operation = document["paths"][f"/v1/{name}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]
        assert body["schema"]["properties"]
        assert {"200", "400", "401", "403", "413", "429", "503"} <= set(operation["responses"])
        assert operation["security"] == [{"writeKey": []}, {"bearer": []}]
        answer = await ingest_api.post(name, body["example"])
        assert answer.status_code == 200, f"the example of {name} is refused: {answer.text}"


async def test_every_error_is_described_as_a_problem(ingest_api: Api) -> None:
    document = await described(ingest_api)
    errors = [
        (path, status, answer)
        for path, item in document["paths"].items()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if status >= "400" and not path.startswith(("/u/", "/c/", "/p/", "/o/"))
    ]
    assert len(errors) > 40
    for path, status, answer in errors:
        assert list(answer["content"]) == ["application/problem+json"], (path, status)


async def test_the_description_is_true_under_fuzzing(ingest_api: Api) -> None:
    schema = schemathesis.openapi.from_dict(await described(ingest_api))
    await asyncio.to_thread(_fuzz, schema, ingest_api.url)


def _fuzz(schema: Any, url: str) -> None:
    with httpx.Client() as probe:
        assert probe.get(f"{url}/healthz").status_code == 200
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith("/v1/") or operation.path.removeprefix("/v1/") not in INGEST:
            continue
        tried += 1
        _fuzz_operation(operation, url)
    assert tried == len(INGEST)


def _fuzz_operation(operation: Any, url: str) -> None:
    from hypothesis import given

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=url, auth=(INGEST_KEY, ""))
        case.validate_response(answer, checks=list(CHECKS))

    fuzz()


def test_no_route_hides_another() -> None:
    """The first that fits is taken: whatever stands before `/o/{token}.gif` must not be `/o/{token}`."""
    routes = [each for router in (*ROUTERS, handbook.router) for each in router.routes if isinstance(each, Route)]
    assert len(routes) > 150
    for route in routes:
        path = route.path_format.replace("{", "").replace("}", "")
        for method in route.methods or ():
            scope = {"type": "http", "path": path, "root_path": "", "method": method, "headers": []}
            first = next(each for each in routes if each.matches(scope)[0] is Match.FULL)
            assert first is route, f"{method} {route.path_format} is answered by {first.path_format}"
