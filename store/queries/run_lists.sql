-- name: list_runs
-- Runs of a journey, of a customer, entered from an instant on and before another, or these; newest first, from a place in that
-- order on. Where a status is asked for, its statement below stands before this one, as what `run` means there.
select * from run
where ($1::text is null or journey = $1) and ($2::uuid is null or profile_id = $2)
  and ($3::timestamptz is null or entered_at >= $3) and ($4::timestamptz is null or entered_at < $4)
  and ($5::uuid[] is null or id = any($5)) and ($6::timestamptz is null or (entered_at, id) < ($6, $7::uuid))
order by entered_at desc, id desc
limit $8;

-- name: count_runs
-- How many open runs such a list has, and of how many people.
select count(*) as runs, count(distinct profile_id) as people from run
where ($1::text is null or journey = $1) and ($2::uuid is null or profile_id = $2)
  and ($3::timestamptz is null or entered_at >= $3) and ($4::timestamptz is null or entered_at < $4)
  and ($5::uuid[] is null or id = any($5)) and ended_at is null and exit_reason is null;

-- name: end_runs
-- Ask some of the open runs of such a list to end, as many as it may be at once; the first reason stands.
update run set exit_reason = $6, exit_at = $7
where id in (
    select id from run
    where ($1::text is null or journey = $1) and ($2::uuid is null or profile_id = $2)
      and ($3::timestamptz is null or entered_at >= $3) and ($4::timestamptz is null or entered_at < $4)
      and ($5::uuid[] is null or id = any($5)) and ended_at is null and exit_reason is null
    limit $8)
  and ended_at is null and exit_reason is null
returning id;

-- name: open
-- Not over.
select * from run where ended_at is null;

-- name: ended
-- Over.
select * from run where ended_at is not null;

-- name: failing
-- They cannot go on with the code that they began with.
select * from run where failing_since is not null and ended_at is null;

-- name: in_line
-- They wait to be let in.
select * from run where waits_until is not null and ended_at is null and exit_reason is null;

-- name: deferred
-- A message of theirs is to be tried again: not now, said the gate, or the provider.
select * from run where ended_at is null and exit_reason is null
  and exists (select from delivery d where d.run_id = run.id and d.state in ('deferred', 'released'));

-- name: in_doubt
-- A provider may have a message of theirs, and nobody knows; also of those who are over.
select * from run where exists (select from delivery d where d.run_id = run.id and d.state in ('claimed', 'unconfirmed'));

-- name: waiting
-- They wait for time to pass, or for something to happen: nothing of theirs is under way.
select * from run where ended_at is null and exit_reason is null and failing_since is null and started_at is not null
  and not exists (select from delivery d where d.run_id = run.id and d.state in ('claimed', 'deferred', 'released'));

-- name: next_of
-- What open runs do next: of their messages the one that is tried again soonest, and of what they wait for the soonest end. A wait is
-- over when one thing of it has happened, or when its branch has come to a later one (a wait's number ends in four digits of its own).
select r.id, d.state, d.channel, d.template, d.reason, d.retry_at, e.which, e.until,
       case when r.started_at + r.start_delay > $2 then r.started_at + r.start_delay end as begins_at,
       d.journeys
from run r
left join lateral (
    select state, channel, template, coalesce(reason, detail ->> 'error') as reason, retry_at, detail -> 'journeys' as journeys
    from delivery
    where run_id = r.id and state in ('claimed', 'deferred', 'released')
    order by retry_at nulls first limit 1
) d on true
left join lateral (
    select string_agg(
               case when expected ->> 'kind' = 'people' then format('task "%s" at %s', expected ->> 'title', coalesce(
                        assigned_to, case when (expected ->> 'by')::timestamptz <= $2 then expected ->> 'escalate' end, expected ->> 'to'))
                    when which = 'it' then 'what it waits for' else which end, ', ' order by which) as which,
           min(until) as until from expectation x
    where x.run_id = r.id and x.until > $2 and x.happened_at is null
      and not exists (select from expectation o where o.run_id = r.id and o.wait = x.wait and o.happened_at is not null)
      and not exists (select from expectation o where o.run_id = r.id and o.wait > x.wait and o.wait / 10000 = x.wait / 10000)
) e on true
where r.id = any($1::uuid[]) and r.ended_at is null;
