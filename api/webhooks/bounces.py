"""What news of a message does to its address: nobody is there, it could not be reached again and again, its owner complained.

Promise: in any order and any number of times the same addresses end suppressed. A hard bounce suppresses for every
purpose whatever else was told, because a server may take a letter and return it later; so do soft ones, as many and as
soon as the settings say, with none that arrived since; a complaint suppresses marketing. The news is about the address
that our ledger says the message went to, whatever it names itself.
Source: docs/semantics.md, section 6.
"""

from collections.abc import Sequence

from activities.channels.kinds import Bounce, Kind
from activities.channels.suppression import suppression_digest
from api.config import ApiConfig
from store import Connection
from store.customers.consent import address_written_to
from store.deliveries.feedback import Delivered, Status, suppress, worn_out


async def suppress_where_due(
    config: ApiConfig, connection: Connection, kind: Kind, matched: Sequence[tuple[Status, Delivered]]
) -> None:
    """Suppress the addresses of these messages for what was told of them."""
    turned_away = {to.endpoint_id for said, to in matched if said.soft and to.endpoint_id is not None}
    since = config.clock.now() - config.soft_bounce_window
    worn = await worn_out(connection, turned_away, since, config.soft_bounces) if turned_away else set()
    for said, to in matched:
        if said.status == "complained":
            await _suppress(config, connection, kind, to, "marketing", "complaint", said)
        if kind.bounce is not Bounce.SUPPRESSED:
            continue
        if said.gone:
            await _suppress(config, connection, kind, to, "all", "hard bounce", said)
        elif said.soft and to.endpoint_id in worn:
            await _suppress(config, connection, kind, to, "all", "soft bounces", said)


async def _suppress(
    config: ApiConfig, connection: Connection, kind: Kind, to: Delivered, scope: str, reason: str, said: Status
) -> None:
    address = await address_written_to(connection, to.key)
    if address is not None and config.secret:
        digest = suppression_digest(config.secret, kind.name, address)
        await suppress(connection, kind.name, digest, scope, reason, said.at)
