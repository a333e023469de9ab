"""Products over HTTP: told in batches, kept as told, and every row that cannot be used is named."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from api import ApiConfig
from api.products.models import read_product
from api.products.rows import Row, UnreadableProducts, csv_rows
from store import Database
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving
from tests.api.test_openapi import CHECKS

BOOTS = {
    "id": "p-7", "name": "Snow boots", "price": 89.9, "currency": "EUR", "url": "https://shop.example/p-7",
    "image_url": None, "attributes": {"color": "green"}, "available": True, "complementary": ["p-9", "p-8"],
}  # fmt: skip
SOCKS = {"id": "p-8", "name": "Wool socks"}


@pytest.fixture
async def shop_api(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:
    """A real API, and a client with the operate key."""
    async with (
        serving(ApiConfig(dsn=dsn, key_ttl=0.2), pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=30) as http,
    ):
        yield Api(url, keyed, http)


async def put(api: Api, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.http.put("/v1/products", content=content)


async def kept(api: Api, body: Any) -> dict[str, Any]:
    answer = await put(api, body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def product(api: Api, id_: str) -> dict[str, Any]:
    answer = await api.http.get(f"/v1/products/{id_}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_products_are_kept_as_told_and_replaced(shop_api: Api) -> None:
    told = await kept(shop_api, [BOOTS, SOCKS])
    assert told == {"rows": 2, "added": 2, "changed": 0, "bad": 0, "problems": [], "unknown": ["p-9"]}
    boots = await product(shop_api, "p-7")
    assert (boots["price"], boots["attributes"], boots["by"]) == ("89.9", {"color": "green"}, "operator")
    assert boots["relations"] == {"complementary": ["p-9", "p-8"]}
    lines = b'{"id": 9, "name": "Wax"}\n\n{"id": "p-7", "name": "Boots", "better": ["p-10"], "available": false}\n'
    again = await kept(shop_api, lines)
    assert (again["rows"], again["added"], again["changed"], again["unknown"]) == (2, 1, 1, ["p-10"])
    boots = await product(shop_api, "p-7")
    assert (boots["name"], boots["price"], boots["available"]) == ("Boots", None, False)
    assert boots["relations"] == {"better": ["p-10"], "complementary": ["p-9", "p-8"]}  # one that is absent stays
    await kept(shop_api, [SOCKS | {"id": "p-7", "complementary": []}])
    assert (await product(shop_api, "p-7"))["relations"] == {"better": ["p-10"]}
    assert (await product(shop_api, "9"))["name"] == "Wax"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"name": None}, "name: Input should be a valid string"),
        ({"id": ""}, "id: String should have at least 1 character"),
        ({"price": 5}, "a price needs a currency, such as EUR"),
        ({"price": -1, "currency": "EUR"}, "price: Input should be greater than or equal to 0"),
        ({"currency": "euro"}, "currency: String should match pattern"),
        ({"url": "shop.example/p"}, "url: must be an address that begins with https:// or http://"),
        ({"colour": "red"}, "colour: there is no such field; put what is your own under attributes"),
        ({"similar": ["p-8"]}, "similar names the product itself"),
        ({"better": ["a", "a"]}, "better names a product twice"),
        ({"attributes": {"a": "\x00"}}, "attributes: /a: a text with U+0000"),
    ],
)
def test_what_is_wrong_with_a_product_is_said_in_a_sentence(wrong: dict[str, Any], problem: str) -> None:
    said = read_product(SOCKS | wrong)
    assert isinstance(said, str)
    assert said.startswith(problem)


async def test_a_bad_product_is_named_and_costs_the_others_nothing(shop_api: Api) -> None:
    told = await kept(shop_api, [SOCKS | {"price": 5}, "p-1", BOOTS, BOOTS])
    assert (told["added"], told["bad"]) == (1, 3)
    assert told["problems"] == [
        {"row": 1, "problem": "a price needs a currency, such as EUR"},
        {"row": 2, "problem": "must be an object with at least id and name"},
        {"row": 4, "problem": "p-7 stands in row 3 already"},
    ]


async def test_what_is_no_list_of_products_is_refused_with_advice(shop_api: Api) -> None:
    broken = await put(shop_api, b"[{]")
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed-json")
    many = await put(shop_api, [SOCKS] * 5_001)
    assert (many.status_code, many.json()["code"]) == (413, "too-large")
    assert "at most 5,000" in many.json()["detail"]
    assert (await put(shop_api, b" " * (16 * 1024 * 1024 + 1))).status_code == 413
    line = await kept(shop_api, b'{"id": "p-8", "name": "Wool socks"}\n{oops\n')
    assert (line["added"], line["problems"][0]["row"]) == (1, 2)
    missing = await shop_api.http.get("/v1/products/none")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown-product")
    asked = await shop_api.http.put("/v1/products", json=[SOCKS], auth=(INGEST_KEY, ""))
    assert asked.status_code == 403


async def test_two_shops_parts_may_tell_the_same_products_at_once(shop_api: Api) -> None:
    batch = [SOCKS | {"id": f"p-{n}", "similar": [f"p-{n + 1}"]} for n in range(200)]
    told = await asyncio.gather(*(kept(shop_api, batch[::step]) for step in (1, -1, 1, -1)))
    assert sum(each["added"] for each in told) == 200
    assert sum(each["changed"] for each in told) == 600


async def test_the_description_of_these_calls_is_true_under_fuzzing(shop_api: Api) -> None:
    document = (await shop_api.http.get("/openapi.json")).json()
    await asyncio.to_thread(_fuzz, schemathesis.openapi.from_dict(document), shop_api.url)


def _fuzz(schema: Any, url: str) -> None:
    found = [each.ok() for each in schema.get_all_operations() if each.ok().path.startswith("/v1/products")]
    assert len(found) == 2
    for operation in found:
        _fuzz_operation(operation, url)


def _fuzz_operation(operation: Any, url: str) -> None:
    @settings(max_examples=10, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=url, auth=(OPERATE_KEY, ""))
        case.validate_response(answer, checks=list(CHECKS))

    fuzz()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,nmae\n", "the first line names a column 'nmae'; known are id, name, price"),
        ("id,price\n", "the first line must name a column name"),
        ("", "the first line must name a column id and name"),
        ("id,name,attributes.\n", "a column 'attributes.'"),
    ],
)
def test_a_csv_file_without_the_columns_is_none(text: str, problem: str) -> None:
    with pytest.raises(UnreadableProducts, match=problem):
        list(csv_rows(text.splitlines()))


def test_cells_of_a_csv_file() -> None:
    rows = list(csv_rows(["\ufeffid\tname\tsimilar\tattributes.a", "1\tOne\t2| 3 |\tx", "", "2\tTwo\t\t"]))
    assert rows == [
        Row(2, {"id": "1", "name": "One", "similar": ["2", "3"], "attributes": {"a": "x"}}),
        Row(4, {"id": "2", "name": "Two", "similar": []}),
    ]
