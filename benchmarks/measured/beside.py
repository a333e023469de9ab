"""What measuring costs those who write: ingest and the watch's tick with it and without, in turns; and how late the sums are.

Half of the customers are in an experiment, and orders count. In each pair one watch adds sums up every two seconds, as the
product's does, and the other leaves that; who is first changes from pair to pair. A lap is a stream of 500 events a second, by
which the tick is judged (event commit to transition commit), and then a burst, by which ingest is.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from activities.measuring.folding import COMPANYS, Folding
from activities.measuring.values import CANCELLED, REFUNDED
from benchmarks.feeder import feed, visits
from benchmarks.ground import Ground
from benchmarks.numbers import latencies, quantile
from benchmarks.past import past
from benchmarks.table import Row
from benchmarks.watcher import segments_named
from journeys.clock import Clock
from segments.watch.tick import load
from store import Database, connect
from store.measuring import values
from store.measuring.values import Declared

_PER_SECOND = 500
_EXPOSED = """
insert into exposure (experiment, profile_id, arm, share, exposed_at)
select '$holdout', id, case when substr(id::text, 1, 1) = '0' then 'withheld' else 'written to' end,
       case when substr(id::text, 1, 1) = '0' then 0.0625 else 0.9375 end, now() - interval '2 days'
from profile where substr(id::text, 2, 1) < '8' and merged_into is null
"""
_TRANSITIONS = """
select extract(epoch from pg_xact_commit_timestamp(t.xmin) - pg_xact_commit_timestamp(e.xmin)) * 1000 as ms
from segment_transition t
join event e on e.profile_id = t.profile_id and e.type = t.cause ->> 'event' and e.message_id = t.cause ->> 'message_id'
where t.cause ->> 'message_id' like $1
"""
#: Of customers with one order in the stream: a value is written anew in the transaction that adds it to the sums.
_SUMS = """
select extract(epoch from pg_xact_commit_timestamp(v.xmin) - pg_xact_commit_timestamp(e.xmin)) * 1000 as ms
from (select profile_id, min(message_id) as message_id from event where message_id like $1 and type = 'Order Completed'
      group by profile_id having count(*) = 1) as once
join event e on e.profile_id = once.profile_id and e.message_id = once.message_id and e.type = 'Order Completed'
join customer_value v on v.profile_id = once.profile_id
where pg_xact_commit_timestamp(v.xmin) >= pg_xact_commit_timestamp(e.xmin)
"""


async def measuring(ground: Ground) -> list[Row]:
    """Rows for ingest, the tick and the sums."""
    dsn, sizes = await ground.database("measuring"), ground.sizes
    await past(dsn, sizes.profiles, sizes.events, ground.say)
    database = await connect(dsn, max_size=8)
    try:
        ground.say("exposing half of the customers, and adding up what they have done")
        ours = frozenset({REFUNDED, CANCELLED})
        await values.declare(database, [Declared("", "", COMPANYS.to_json(), COMPANYS.types | ours)], datetime.now(UTC))
        await database.pool.execute(_EXPOSED)
        await Folding(database, None, Clock()).fold()
        await load(database, segments_named("twenty"), datetime.now(UTC))
        return await _in_turns(database, dsn, ground)
    finally:
        await database.close()


async def _in_turns(database: Database, dsn: str, ground: Ground) -> list[Row]:
    ingest, ticks, late = [], [], list[float]()
    for n in range(ground.sizes.pairs):
        laps = {}
        for measured in (True, False) if n % 2 else (False, True):
            ground.say(f"pair {n + 1} of {ground.sizes.pairs}, {'measuring' if measured else 'without'}")
            laps[measured] = await _lap(database, dsn, ground, f"pair-{n}-{measured}", "measured" if measured else "")
        ingest.append(laps[True][0] / laps[False][0])
        ticks.append(laps[True][1] / laps[False][1])
        late += [float(row["ms"]) for row in await database.pool.fetch(_SUMS, f"pair-{n}-True-%", timeout=600)]
    return [
        Row("ingest, measuring / without", f"{quantile(ingest, 0.5):.0%}", ">= 90%", _spread(ingest)),
        Row("event commit -> transition commit, measuring / without", f"{quantile(ticks, 0.5):.0%}", "<= 110%", _spread(ticks)),
        *latencies(f"event commit -> in the sums, {_PER_SECOND} events/s", late, ("<= 5,000 ms", "<= 5,000 ms")),
    ]


async def _lap(database: Database, dsn: str, ground: Ground, name: str, measured: str) -> tuple[float, float]:
    """Events a second of the burst, and the median milliseconds to a transition in the stream."""
    sizes = ground.sizes
    people = list(visits(sizes.profiles, _PER_SECOND, 2 * sizes.beside_seconds + sizes.live_warming))
    warm, stream = _PER_SECOND * sizes.live_warming, _PER_SECOND * (sizes.live_warming + sizes.beside_seconds)
    async with ground.watcher("twenty", dsn, measured):
        await feed(database, f"warm-{name}", people[:warm], _PER_SECOND)
        await feed(database, f"{name}-stream", people[warm:stream], _PER_SECOND)
        began = time.perf_counter()
        await feed(database, f"burst-{name}", people[stream:], 1e9)
        taken = time.perf_counter() - began
    moved = await database.pool.fetch(_TRANSITIONS, f"{name}-stream-%", timeout=600)
    return (len(people) - stream) / taken, quantile([float(row["ms"]) for row in moved], 0.5)


def _spread(ratios: Sequence[float]) -> str:
    return f"{len(ratios)} pairs: {', '.join(f'{each:.0%}' for each in sorted(ratios))}"
