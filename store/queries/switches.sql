-- name: stand_still
-- Wait for every claim under way, and let none begin until the transaction ends: what they read of the switches stays true.
select pg_advisory_xact_lock($1, 0);

-- name: own_state
-- How a switch stood until now, if it was ever thrown.
select state from journey_control where journey = $1;

-- name: throw
-- Throw a switch: of one journey, or of everything at once (`*`).
insert into journey_control (journey, state, at, by, killed_at, why)
values ($1, $2::text, $3::timestamptz, $4, case $2::text when 'killed' then $3::timestamptz end, $5)
on conflict (journey) do update
set state = excluded.state, at = excluded.at, by = excluded.by, why = excluded.why, killed_at = coalesce(excluded.killed_at, journey_control.killed_at);

-- name: kill_each
-- Everything is killed: whoever is in a journey now is over for good, also where everything lives again a moment later.
with recursive each (journey) as (
    (select journey from run where ended_at is null and waits_until is null order by journey limit 1)
    union all
    select (select r.journey from run r where r.ended_at is null and r.waits_until is null and r.journey > each.journey
            order by r.journey limit 1)
    from each where each.journey is not null
)
insert into journey_control (journey, state, at, by, killed_at)
select journey, 'live', $1::timestamptz, $2, $1::timestamptz from each where journey is not null
union
select distinct journey, 'live', $1::timestamptz, $2, $1::timestamptz from run where ended_at is null and exit_reason is null and waits_until is not null
on conflict (journey) do update set killed_at = excluded.killed_at;

-- name: wake_each
-- Everything lives again: the journeys whose messages wait for that have a line here, where those who wake them look.
with recursive each (journey) as (
    (select journey from delivery where state = 'deferred' and reason = 'journey paused' order by journey limit 1)
    union all
    select (select d.journey from delivery d
            where d.state = 'deferred' and d.reason = 'journey paused' and d.journey > each.journey order by d.journey limit 1)
    from each where each.journey is not null
)
insert into journey_control (journey, state, at, by)
select journey, 'live', $1, $2 from each where journey is not null
on conflict (journey) do nothing;

-- name: switches
-- The switches that have been thrown.
select journey, state, at, by, why from journey_control;

-- name: state_of
-- How the switches stand for whoever wants to enter a journey.
select case when bool_or(state = 'killed') then 'killed' when bool_or(state = 'paused') then 'paused' else 'live' end
from journey_control where journey in ($1, '*');

-- name: killed
-- The journeys that nobody may enter; `*` is all of them.
select journey from journey_control where state = 'killed';

-- name: open_and_waiting
-- How many runs of a journey, or of all, are open; how many of their messages wait for a pause to end; how many are at a provider.
select (select count(*) from run where ended_at is null and waits_until is null and ($1 = '*' or journey = $1))
       + (select count(*) from run where ended_at is null and waits_until is not null and exit_reason is null
          and ($1 = '*' or journey = $1)) as open_runs,
       (select count(*) from delivery where state = 'deferred' and reason = 'journey paused' and ($1 = '*' or journey = $1)) as waiting_messages,
       (select count(*) from delivery where state = 'claimed' and retry_at is null and ($1 = '*' or journey = $1)) as in_flight;

-- name: to_kill
-- Open runs whose journey was killed after they had entered: those who are in, and those who wait to be let in, an index each.
select id from (
    select r.id, r.profile_id from journey_control c join run r on r.journey = c.journey and r.created_at <= c.killed_at
    where r.ended_at is null and r.exit_reason is null and r.waits_until is null
    union all
    select r.id, r.profile_id from journey_control c join run r on r.journey = c.journey and r.created_at <= c.killed_at
    where r.ended_at is null and r.exit_reason is null and r.waits_until is not null) killed
where bucket(profile_id) % $2 = $1
limit $3;

-- name: to_release
-- Messages that wait only for their journey to live again, which it does: those first that are soonest useless, because
-- that is until when they wait. A paused journey's are not looked at.
select m.run_id, m.step, m.occurrence, m.workflow_id
from journey_control c
cross join lateral (
    select d.run_id, d.step, d.occurrence, d.retry_at, r.workflow_id from delivery d join run r on r.id = d.run_id
    where d.journey = c.journey and d.state = 'deferred' and d.reason = 'journey paused' and d.retry_at > $1
      and r.ended_at is null and r.exit_reason is null and not r.by_campaign
    order by d.retry_at
    limit $2
) m
where c.state = 'live' and not exists (select from journey_control every where every.journey = '*' and every.state <> 'live')
order by m.retry_at, m.run_id
limit $2;

-- name: released
-- Their runs were told to ask again now.
update delivery d set retry_at = $4
from unnest($1::uuid[], $2::text[], $3::bigint[]) as x (run_id, step, occurrence)
where d.run_id = x.run_id and d.step = x.step and d.occurrence = x.occurrence
  and d.state = 'deferred' and d.reason = 'journey paused';
