"""What inboxes show now: one question for many customers, and one more for each goal that their messages hang on.

Promise: no message is shown whose goal or exit has been reached by an event that Postgres holds, whether a watch has seen it or
not.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import orjson

from journeys.contracts import Reason
from segments import Predicate
from segments.language.events import AHEAD
from segments.language.wire import predicate_from_json
from segments.sql.statements import GoalRow, compile_goal
from store import Connection, Database
from store.deliveries import inbox
from store.deliveries.inbox import Shown

#: How runs end without taking away what they put into an inbox: they were through, or nobody meant to end them.
_HARMLESS = [
    each.value for each in (Reason.FINISHED, Reason.TOO_LONG, Reason.TIMED_OUT, Reason.STOPPED, Reason.FAILED, Reason.UNKNOWN)
]


async def inboxes(database: Database, user_ids: Sequence[str], at: datetime) -> dict[str, list[Shown]]:
    """What each of these users' inboxes shows, newest first; whoever is not known has an empty one."""
    async with database.pool.acquire() as connection:
        rows = await inbox.shown(connection, user_ids, at, _HARMLESS)
        over = await _over(connection, [row for row in rows if row.ends], at)
        if over:
            await inbox.withdraw(connection, list(over), at)
    found: dict[str, list[Shown]] = {user: [] for user in user_ids}
    for row in rows:
        if row.id not in over:
            found[row.user_id].append(row)
    return found


async def _over(connection: Connection, rows: Sequence[Shown], at: datetime) -> set[UUID]:
    """Those of these messages whose journey has come to a goal or an exit since the run's entry."""
    by_end: dict[Predicate, list[Shown]] = defaultdict(list)
    for row in rows:
        for end in row.ends:
            by_end[_predicate(orjson.dumps(end, option=orjson.OPT_SORT_KEYS))].append(row)
    over: set[UUID] = set()
    for predicate, group in by_end.items():
        goal = compile_goal(predicate)
        asked = [GoalRow(row.id, row.profile_id, row.entered_at) for row in group]
        over |= {found["run_id"] for found in await connection.fetch(goal.sql, *goal.args(asked, at + AHEAD))}
    return over


@lru_cache(1_024)
def _predicate(plain: bytes) -> Predicate:
    return predicate_from_json(orjson.loads(plain))
