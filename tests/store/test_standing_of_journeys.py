"""How the runs of a journey stand is the same whether one is asked about or all, and others' runs are left alone."""

import random
from datetime import timedelta

from store import Database
from store.ingest.batch import Memory, store
from store.runs.views import JourneyStanding, standing_of_journey, standing_of_journeys
from tests.store.items import NOW, track
from tests.store.test_identity import _run, user

_STANDS = """
update run set waits_until = case when $2 in ('waits', 'leaves the line') then $3::timestamptz end,
       exit_reason = case when $2 = 'leaves the line' then 'left' end,
       exit_at = case when $2 = 'leaves the line' then $3::timestamptz end,
       failing_since = case when $2 = 'fails' then $3::timestamptz end, failure = case when $2 = 'fails' then 'KeyError' end,
       outcome = case when $2 = 'met its ceiling' then 'message ceiling of the run' when $2 = 'is over' then 'finished' end,
       ended_at = case when $2 in ('met its ceiling', 'is over') then $3::timestamptz end
where id = $1
"""
_STANDINGS = ("is open", "waits", "leaves the line", "fails", "met its ceiling", "is over")
_REFUSED = """
insert into entry_refused (journey, profile_id, reason, at)
select $1, id, case when n = 1 then 'cannot be decided' else 'entered before' end, $2
from profile, generate_series(1, 2) as n limit 2
"""


async def test_one_journey_stands_as_it_does_among_all(database: Database) -> None:
    chance, told = random.Random(5), [track(f"u{n}") for n in range(40)]
    await store(database, told, Memory())
    for n in range(40):
        profile = await user(database, f"u{n}")
        run = await _run(database, profile, 0, journey=f"journey-{n % 3}")
        standing = _STANDINGS[n // 3 % 6] if n < 36 else chance.choice(_STANDINGS)
        await database.pool.execute(_STANDS, run, standing, NOW + timedelta(hours=n))
    await database.pool.execute(_REFUSED, "journey-1", NOW + timedelta(hours=9))
    since = NOW + timedelta(hours=8)
    of_all = await standing_of_journeys(database, since)
    assert set(of_all) == {"journey-0", "journey-1", "journey-2"}
    assert {name: await standing_of_journey(database, name, since) for name in of_all} == of_all
    assert await standing_of_journey(database, "nobody-s", since) == JourneyStanding()
    assert of_all["journey-1"].undecided == 2
    added = [sum(getattr(each, name) for each in of_all.values()) for name in ("open_runs", "failing_runs", "waiting_runs")]
    assert all(added)
    assert any(each.at_their_ceiling for each in of_all.values())
