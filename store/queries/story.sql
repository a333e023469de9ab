-- name: cause
-- Why the watch says that a run's customer entered.
select cause from segment_transition where id = $1;

-- name: waits
-- What a run waited for, and what came of it, in order.
select wait, which, expected, begun_at, until, happened_at, answer
from expectation where run_id = $1 order by wait, which;

-- name: arms
-- The arms that a run's customer is in, with the profiles that were merged into theirs.
select x.experiment, x.arm, x.exposed_at, x.run_id = $1 as here
from run r join exposure x on x.profile_id in (select r.profile_id union all select id from profile where merged_into = r.profile_id)
where r.id = $1
order by x.exposed_at;

-- name: holds
-- When a run kept others of its customer's journeys from speaking.
select since, released_at from hold where run_id = $1 order by number;

-- name: holders
-- The customer's other open runs that keep this one's marketing back.
select distinct o.id
from run r join run o on o.profile_id = r.profile_id and o.id <> r.id and o.ended_at is null and o.exit_reason is null
join hold h on h.run_id = o.id and h.released_at is null
where r.id = $1;

-- name: feedback
-- What became of a run's messages, by events of these types.
select e.type, e.ts as at, e.properties ->> 'step' as step
from run r join event e on e.profile_id = r.profile_id and e.type collate "C" = any($2::text[]) and e.ts >= r.entered_at
where r.id = $1 and e.properties ->> 'run_id' = r.id::text
order by e.ts;

-- name: refusals_of
-- When a customer was refused by a journey, and why, the newest first; with the profiles that were merged into theirs.
select reason, entry_key, detail, at from entry_refused
where journey = $1 and profile_id in (select $2::uuid union all select id from profile where merged_into = $2)
order by at desc, id desc
limit 20;

-- name: last_transition
-- When a customer last entered or left a segment, and whether that has been dealt with.
select kind, at, dispatched_at is not null as dispatched
from segment_transition where profile_id = $1 and segment = $2 order by id desc limit 1;
