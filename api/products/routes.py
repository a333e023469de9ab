"""Products and what goes with what, told by the shop, so that messages can offer the right next one.

Promise: idempotent, and honest about every row that could not be used.
"""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from api.auth import PersonReader, Reader, may, schemes
from api.problems import Problem, responses
from api.products.models import (
    ChangePage,
    ChangeView,
    ExpectedPage,
    ExpectedView,
    ProductBody,
    ProductsKept,
    ProductView,
    RoundPage,
    RoundView,
    view,
)
from api.products.rows import UnreadableProducts, json_rows, keep_products
from api.segments.access import no_customer
from api.state import Config, Db
from store.deliveries.feedback import living
from store.keys import Caller, Right
from store.products import again, rounds
from store.products.changes import changes
from store.products.offers import product_by_id
from store.products.relations import learnt_of

router = APIRouter(prefix="/v1", tags=["products"], dependencies=schemes())

#: Bytes and rows of one call; send more in several, or use `journeys products import`, which has no limit.
BODY_LIMIT = 16 * 1024 * 1024
ROW_LIMIT = 5_000
_EXAMPLE = [
    {"id": "p-7", "name": "Snow boots", "price": 89.9, "currency": "EUR", "complementary": ["p-9", "p-8"]},
    {"id": "p-8", "name": "Wool socks", "price": 12.5, "currency": "EUR", "image_url": "https://shop.example/p-8.jpg"},
]


def _body() -> dict[str, Any]:
    schema = {"type": "array", "maxItems": ROW_LIMIT, "items": ProductBody.model_json_schema()}
    line = '{"id": "p-7", "name": "Snow boots", "better": ["p-10"]}\n{"id": "p-8", "name": "Wool socks"}\n'
    content = {
        "application/json": {"schema": schema, "example": _EXAMPLE},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": line},
    }
    return {"requestBody": {"required": True, "description": "a JSON list, or a product a line", "content": content}}


@router.put("/products", max_body_size=BODY_LIMIT, responses=responses(400, 401, 403, 413, 503), openapi_extra=_body())
async def put_products(
    request: Request, caller: Annotated[Caller, may(Right.OPERATE, "tell products")], config: Config, database: Db
) -> ProductsKept:
    """Tell some products: what they are and what goes with them. Bad ones are named in the answer; the others are kept."""
    try:
        rows = list(json_rows(await _read(request)))
    except UnreadableProducts as error:
        raise Problem(400, f"{error}; send a list of products, or one a line", code="malformed-json") from None
    if len(rows) > ROW_LIMIT:
        raise Problem(413, f"these are {len(rows):,} products; send at most {ROW_LIMIT:,} at once", code="too-large")
    report = await keep_products(database, rows, config.clock.now, by=caller.name)
    return ProductsKept.model_validate(asdict(report))


@router.get("/products/{product_id}", responses=responses(401, 403, 404, 422, 503))
async def get_product(
    product_id: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")], _: Reader, database: Db
) -> ProductView:
    """A product, and what goes with it."""
    told = await product_by_id(database, product_id)
    if told is None:
        raise Problem(404, f"no product '{product_id}'; tell it by PUT /v1/products", code="unknown-product")
    return view(told, await learnt_of(database, product_id))


@router.get("/product-rounds", responses=responses(401, 403, 503))
async def list_product_rounds(_: Reader, config: Config, database: Db) -> RoundPage:
    """What is worked out of products again and again: what goes together, who buys again when; and how that stands."""
    now = config.clock.now()
    return RoundPage(rounds=[RoundView.of(each, now) for each in await rounds.found(database)])


@router.post("/product-rounds/{name}", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def ask_for_product_round(
    name: Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$", examples=["bought-together"])],
    _: Annotated[Caller, may(Right.OPERATE, "work out products")],
    config: Config,
    database: Db,
) -> RoundView:
    """Have one of them worked out now, beside its schedule."""
    now = config.clock.now()
    if not await rounds.ask(database, name, now):
        known = ", ".join(each.name for each in await rounds.found(database)) or "none"
        raise Problem(404, f"nothing {name!r} is worked out of products; there are: {known}"[:1_000], code="unknown-round")
    (row,) = await rounds.found(database, name)
    return RoundView.of(row, now)


@router.get("/product-changes", responses=responses(401, 403, 422, 503))
async def list_product_changes(
    _: Reader,
    database: Db,
    product_id: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ChangePage:
    """How prices and stock changed, the newest first, and how many customers were told; or why nobody was."""
    return ChangePage(changes=[ChangeView.model_validate(each) for each in await changes(database, product_id, limit)])


@router.get("/product-rounds/{name}/expected", responses=responses(401, 403, 404, 422, 503))
async def list_expected(
    name: Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$", examples=["coffee-again"])],
    _: PersonReader,
    config: Config,
    database: Db,
    answer: Response,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ExpectedPage:
    """Who is told next that something is to be bought again, and by which numbers they are expected."""
    if not await rounds.found(database, name):
        raise Problem(404, f"nothing {name!r} is worked out of products", code="unknown-round")
    answer.headers["Cache-Control"] = "no-store"
    now = config.clock.now()
    found = await again.soon(database, name, now, limit)
    return ExpectedPage(expected=[ExpectedView.of(each, now, customer) for customer, each in found])


@router.get("/profiles/{customer_id}/expected", responses=responses(401, 403, 404, 422, 503))
async def get_expected(customer_id: UUID, _: PersonReader, config: Config, database: Db, answer: Response) -> ExpectedPage:
    """When a customer is expected to buy what again, and by which numbers."""
    async with database.transaction() as connection:
        alive = await living(connection, [customer_id])
        if not alive:
            raise no_customer()
        found = await again.of_customer(connection, alive[customer_id])
    answer.headers["Cache-Control"] = "no-store"
    return ExpectedPage(expected=[ExpectedView.of(each, config.clock.now()) for each in found])


async def _read(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_LIMIT:
            raise Problem(413, f"the body is larger than {BODY_LIMIT:,} bytes; send fewer products at once", code="too-large")
        pieces.append(piece)
    return b"".join(pieces)
