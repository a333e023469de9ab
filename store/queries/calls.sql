-- name: stand_by
-- The operator's switches stay as they are until the transaction ends. Asked before `facts`, and not with it: a statement sees what
-- was committed before it began, not what its own lock waited for.
select pg_advisory_xact_lock_shared($1, 0);

-- name: facts
-- What a call to a service is decided and made of: the run, its customer, and what is known of the call already.
select r.profile_id, coalesce(p.drawn_as, p.id) as drawn_as, r.entered_at, coalesce(r.let_in_at, r.entered_at) as in_since, r.exit_reason, r.ended_at, r.holdout, r.journey, r.params, r.entry, p.traits, r.traceparent,
       (select i.value from identity i where i.profile_id = r.profile_id and i.kind = 'user_id' order by
            (select max(e.ts) from event e where e.profile_id = r.profile_id and e.type collate "C" = '$alias' and e.properties ->> 'previousId' = i.value)
            nulls first, i.value limit 1) as user_id,
       (select min(value) from identity where profile_id = r.profile_id and kind = 'anonymous_id') as anonymous_id,
       (select case when bool_or(c.state = 'killed' or r.created_at <= c.killed_at) then 'killed'
                    when bool_or(c.state = 'paused') then 'paused' else 'live' end
        from journey_control c where c.journey in (r.journey, '*')) as control,
       fetched_by(r.id) as fetched,
       coalesce(x.attempts, 0) as attempts, x.retry_at, x.settled_at, x.reason, x.status, x.answer
from run r
join profile p on p.id = r.profile_id and p.merged_into is distinct from p.id  -- of nobody who has been erased
left join service_call x on x.run_id = r.id and x.number = $2
where r.id = $1;

-- name: take
-- One more attempt at a call, which is counted before it begins; none at one that is settled.
insert into service_call as x (run_id, number, service, event, asked_at, attempts) values ($1, $2, $3, $4, $5, 1)
on conflict (run_id, number) do update set attempts = x.attempts + 1, retry_at = null where x.settled_at is null
returning attempts;

-- name: lately
-- How many other calls of a service were begun since an instant; those that never left count for nothing.
select count(*) from service_call
where service = $1 and asked_at > $2 and attempts > 0 and (run_id, number) <> ($3, $4);

-- name: put_off
-- The next attempt at a call is not before this instant; one that never left does not count.
update service_call set retry_at = $3, attempts = $4 where run_id = $1 and number = $2 and settled_at is null;

-- name: settle
-- What a call came to; what was settled first stands. The answer about somebody who was erased meanwhile is not kept.
insert into service_call as x (run_id, number, service, event, asked_at, attempts, reason, status, answer, settled_at)
select $1, $2, $3, $4, $5, 0, $6, $7, case when p.merged_into is distinct from p.id then $8::jsonb end, $9
from run r join profile p on p.id = r.profile_id where r.id = $1
on conflict (run_id, number) do update
set reason = excluded.reason, status = excluded.status, answer = excluded.answer, settled_at = excluded.settled_at, retry_at = null
where x.settled_at is null;

-- name: calls_of
-- The calls of a run, in order.
select number, service, event, asked_at, attempts, retry_at, settled_at, reason, status, answer
from service_call where run_id = $1 order by number;
