"""What people of the company say of a customer by hand: read and stored as an identify call is, and noted in the audit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from api.config import ApiConfig
from api.ingest.arrival import Arrival, Rejected
from api.ingest.spec import read_item
from api.problems import Problem
from store import Database
from store.ingest.batch import OF_THE_DATA, store_said


async def tell(config: ApiConfig, database: Database, names: Mapping[str, str], traits: Mapping[str, Any], by: str) -> UUID:
    """Say traits of whoever has these names (`userId`, `anonymousId`), or of a new customer; returns the customer.

    Raises:
        Problem: 422, that cannot be taken in; says why.
    """
    arrival = Arrival(by, config.clock.now(), config.default_region, readings=config.readings)
    try:
        item = read_item({"type": "identify", **names, "traits": dict(traits)}, arrival)
        return await store_said(database, item)
    except Rejected as verdict:
        raise Problem(422, f"that cannot be taken: {verdict.pointer} {verdict.detail}", code=verdict.code) from verdict
    except OF_THE_DATA as error:
        raise Problem(422, "that cannot be stored: a character or a length of it", code="not-storable") from error
