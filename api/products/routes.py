"""Products and what goes with what, told by the shop, so that messages can offer the right next one.

Promise: idempotent, and honest about every row that could not be used.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from api.auth import Reader, may, schemes
from api.problems import Problem, responses
from api.products.models import ProductBody, ProductsKept, ProductView, view
from api.products.rows import UnreadableProducts, json_rows, keep_products
from api.state import Config, Db
from store.keys import Caller, Right
from store.products import product_by_id

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
    return view(told)


async def _read(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_LIMIT:
            raise Problem(413, f"the body is larger than {BODY_LIMIT:,} bytes; send fewer products at once", code="too-large")
        pieces.append(piece)
    return b"".join(pieces)
