"""A shop of which every number is known: five hundred customers in a journey, of whom each fifth is in its holdout.

Customer n came on day n // 50 of ten, in the version before half of them and in the one after; what they did follows from n.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from activities.measuring.folding import COMPANYS, Folding
from activities.measuring.values import CANCELLED, REFUNDED
from journeys.clock import Clock
from journeys.policies import Conversion
from segments import purchases
from store import Database
from store.measuring import values
from store.measuring.values import Declared

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CUSTOMERS = range(500)
RULE = Conversion(by=purchases, currency="EUR", margin=0.4)
#: The reports are of the days from START on, up to this one.
UNTIL = (START + 20 * DAY).date()


def came(n: int) -> datetime:
    return START + (n // 50) * DAY


def withheld(n: int) -> bool:
    return n % 5 == 0


def skipped(n: int) -> bool:
    return n % 20 == 1


def sent(n: int) -> bool:
    return not withheld(n) and not skipped(n)


def by_ses(n: int) -> bool:
    return n % 2 == 0


def bounced(n: int) -> bool:
    return n % 40 == 2


def buys(n: int) -> bool:
    return n % 10 == 0 if withheld(n) else n % 5 != 4


def bought_before(n: int) -> bool:
    return n % 3 == 0


def run_of(n: int) -> UUID:
    return UUID(int=10_000 + n)


def arm(n: int) -> str:
    return "withheld" if withheld(n) else "written to"


def version(n: int) -> str:
    return "v1" if n < 250 else "v2"


def segment(n: int) -> str:
    return "vips" if n % 2 else "carts"


async def plant(database: Database) -> None:
    """The shop, folded into the sums."""
    ours = frozenset({REFUNDED, CANCELLED})
    rules = [(journey, of) for journey in ("carts", "winback") for of in ("v1", "v2")]
    told = [Declared(*key, RULE.to_json(), RULE.types | ours) for key in rules]
    await values.declare(database, [Declared("", "", COMPANYS.to_json(), COMPANYS.types | ours), *told], START)
    people = [*CUSTOMERS, *range(500, 560)]
    await database.pool.executemany(
        "insert into profile (id, created_at, updated_at) values ($1, $2, $2)", [(UUID(int=n + 1), START) for n in people]
    )
    await database.pool.executemany(
        "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version, ended_at,"
        " outcome) values ($1::uuid, $2, $3, 'segment', $4, $5, $1::text, $5, $6, $7, $8)",
        [_run(n) for n in people],
    )
    await _exposures(database)
    messages = [message for n in people for message in _messages(n)]
    for message in messages:
        names = ", ".join(message)
        places = ", ".join(f"${n}" for n in range(1, len(message) + 1))
        await database.pool.execute(f"insert into delivery ({names}) values ({places})", *message.values())
    await _orders(database)
    await Folding(database, None, Clock()).fold()


def _run(n: int) -> tuple[Any, ...]:
    over = n < 480 or n >= 500
    outcome = "goal reached" if n % 7 == 0 else "finished"
    ended = (came(n) + 3 * DAY, outcome) if over else (None, None)
    return (run_of(n), journey(n), UUID(int=n + 1), segment(n), came(n), version(n), *ended)


def journey(n: int) -> str:
    return "carts" if n < 500 else "winback" if n < 550 else "news"


async def _exposures(database: Database) -> None:
    rows = [("$holdout/carts", n, arm(n), 0.2 if withheld(n) else 0.8) for n in CUSTOMERS]
    rows += [("$holdout/winback", n, arm(n), 0.2 if withheld(n) else 0.8) for n in range(500, 550)]
    asked = [n for n in CUSTOMERS if not withheld(n)]  # of the others the journey's messages tell no arm
    rows += [("layout", n, "wide" if n % 4 else "narrow", 0.5) for n in asked]
    rows += [("moved", n, "a" if n % 2 else "b", 0.5 if n < 250 else 0.9 if n % 2 else 0.1) for n in asked]
    await database.pool.executemany(
        "insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        [(name, UUID(int=n + 1), arm, share, came(n), run_of(n), version(n)) for name, n, arm, share in rows],
    )


def _messages(n: int) -> Iterator[dict[str, Any]]:
    about = {
        "run_id": run_of(n), "occurrence": 1, "profile_id": UUID(int=n + 1), "journey": journey(n), "purpose": "marketing",
        "template": "note", "version": version(n), "segment": segment(n), "due_at": came(n) + HOUR,
        "settled_at": came(n) + HOUR, "arms": _arms(n),
    }  # fmt: skip
    first = about | {"step": "email:first", "channel": "email"}
    if n < 550 and withheld(n):
        yield first | {"state": "withheld", "reason": "holdout"}
        return
    if n < 550 and skipped(n):
        yield first | {"state": "skipped", "reason": "no consent"}
        return
    yield first | {"state": "sent", "claimed_at": came(n) + HOUR, **(_by_ses(n) if by_ses(n) else {"provider": "smtp"})}
    if n < 100:
        push = about | {"step": "push:second", "channel": "push", "state": "sent", "provider": "fcm"}
        opened = {"opened_human_at": came(n) + DAY, "delivered_at": came(n) + DAY} if n < 10 else {}
        yield push | {"due_at": came(n) + DAY, "settled_at": came(n) + DAY} | opened


def _by_ses(n: int) -> dict[str, Any]:
    """What became of a message that SES took: it tells of everything."""
    told: dict[str, Any] = {"provider": "ses", "cost": 50_000, "currency": "EUR"}
    if bounced(n):
        return told | {"returned_at": came(n) + 2 * HOUR, "bounce": "hard"}
    told["delivered_at"] = came(n) + 2 * HOUR
    later = came(n) + 5 * HOUR
    told |= {"opened_human_at": later} if n % 4 == 0 else {}
    told |= {"opened_machine_at": later} if n % 8 == 0 else {}
    told |= {"opened_unknown_at": later} if n % 6 == 0 else {}
    told |= {"clicked_human_at": later} if n % 12 == 0 else {}
    told |= {"clicked_machine_at": later} if n % 32 == 0 else {}
    told |= {"unsubscribed_at": later} if n % 100 == 4 else {}
    return told | ({"complained_at": later} if n == 8 else {})


def _arms(n: int) -> dict[str, str]:
    if n >= 550:
        return {}
    own = {f"$holdout/{journey(n)}": arm(n)}
    if n >= 500 or withheld(n):
        return own
    return own | {"layout": "wide" if n % 4 else "narrow", "moved": "a" if n % 2 else "b"}


async def _orders(database: Database) -> None:
    rows = [row for n in range(550) for row in _did(n)]
    await database.pool.executemany(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " values ($1, $2, $3, 'track', $4, $5, 'shop', $2)",
        [(UUID(int=n + 1), at, type_, f"{n}-{kind}", said) for n, at, type_, kind, said in rows],
    )


def _did(n: int) -> Iterator[tuple[int, datetime, str, str, dict[str, Any]]]:
    ordered, said = came(n) + 8 * HOUR, {"order_id": f"o-{n}", "currency": "EUR"}
    if bought_before(n):
        yield n, came(n) - 5 * DAY, "Order Completed", "before", {"order_id": f"b-{n}", "revenue": 30, "currency": "EUR"}
    if n >= 500 or not buys(n):
        return
    yield n, ordered, "Order Completed", "order", said | {"revenue": amount(n)}
    if n % 50 == 2:
        yield n, ordered + DAY, "Order Refunded", "refund", said | {"total": 10}
    if n % 25 == 1:
        yield n, ordered + 2 * DAY, "Order Completed", "second", said | {"order_id": f"p-{n}", "revenue": 20}


def amount(n: int) -> int:
    return 40 + n % 7
