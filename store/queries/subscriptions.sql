-- name: all
-- Who is told, by name, each with how much waits for them and since when.
select s.id, s.name, s.url, s.types, s.journeys, s.segments, s.personal, s.secret, s.former_until, s.created_at, s.created_by,
       s.paused_at, s.stopped_at, s.stopped_why, s.took_at, s.failing_since, s.failure,
       (select count(*) from (select from notification n where n.subscription = s.id and n.state = 'waiting' limit 10000) as counted) as waiting,
       (select n.at from notification n where n.subscription = s.id and n.state = 'waiting' order by n.attempts, n.id limit 1) as oldest_at
from subscription s
where $1::text is null or s.name = $1
order by s.name;

-- name: by_id
-- One of them, to whom something is to be told.
select id, name, url, types, journeys, segments, personal, secret, former_until, created_at, created_by, paused_at, stopped_at, stopped_why,
       took_at, failing_since, failure, 0 as waiting, null::timestamptz as oldest_at
from subscription where id = $1;

-- name: put
-- Somebody is told from now on, or told otherwise.
insert into subscription (id, name, url, types, journeys, segments, personal, created_at, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (name) do update
set url = excluded.url, types = excluded.types, journeys = excluded.journeys, segments = excluded.segments, personal = excluded.personal
returning id;

-- name: drop
-- Nobody is told any more; what still waited goes.
with gone as (delete from subscription where name = $1 returning id), untold as (
    delete from notification n using gone where n.subscription = gone.id
)
select id from gone;

-- name: switch
-- Somebody is told later ($2: since when it waits), or goes on, also where it was stopped.
update subscription set paused_at = $2, stopped_at = case when $2::timestamptz is null then null else stopped_at end,
    stopped_why = case when $2::timestamptz is null then null else stopped_why end,
    failing_since = case when $2::timestamptz is null then null else failing_since end,
    failure = case when $2::timestamptz is null then null else failure end
where name = $1
returning id;

-- name: rotate
-- Another secret signs; the one before, too, until an instant.
update subscription set secret = secret + 1, former_until = $2 where name = $1 returning secret;

-- name: notify
-- Something that one of them alone is told.
insert into notification (subscription, type, at, about) select id, $2, $3, $4 from subscription where name = $1 returning id;

-- name: replay
-- What happened within a time is told once more; of a type, or of all; only what was given up, or all that was settled.
with again as (
    update notification n set state = 'waiting', attempts = 0, tried_at = null, retry_at = null, settled_at = null
    from subscription s
    where s.name = $1 and n.subscription = s.id and n.at >= $2 and n.at < $3 and ($4::text is null or n.type = $4)
      and n.state = any($5::text[])
    returning 1
)
select count(*) from again;

-- name: page
-- What one of them is told, newest first, before an id.
select n.id, n.type, n.profile_id, n.at, n.about, n.state, n.attempts, n.tried_at, n.retry_at, n.settled_at, n.status, n.reason
from notification n join subscription s on s.id = n.subscription
where s.name = $1 and ($2::text is null or n.state = $2) and ($3::text is null or n.type = $3) and ($4::bigint is null or n.id < $4)
order by n.id desc
limit $5;

-- name: due
-- What is to be told now, what was tried least first: one that is never taken keeps none waiting.
select n.id, n.type, n.profile_id, n.at, n.about, n.attempts, n.tried_at,
       case when s.personal then (
           select i.value from identity i join profile p on p.id = n.profile_id
           where i.profile_id = coalesce(p.merged_into, p.id) and i.kind = 'user_id' order by
            (select max(e.ts) from event e where e.profile_id = coalesce(p.merged_into, p.id) and e.type collate "C" = '$alias' and e.properties ->> 'previousId' = i.value)
            nulls first, i.since desc, i.created_at desc limit 1) end as user_id
from notification n join subscription s on s.id = n.subscription
where n.subscription = $1 and n.state = 'waiting' and (n.retry_at is null or n.retry_at <= $2)
order by n.attempts, n.id
limit $3;

-- name: wake
-- Those for whom something is due: neither paused nor stopped.
select s.id from subscription s
where s.paused_at is null and s.stopped_at is null
  and exists (select from notification n where n.subscription = s.id and n.state = 'waiting' and (n.retry_at is null or n.retry_at <= $1));

-- name: settle
-- What came of telling them.
update notification n
set state = x.state, attempts = n.attempts + 1, tried_at = coalesce(n.tried_at, $2), status = x.status, reason = x.reason, retry_at = x.retry_at,
    settled_at = case when x.state <> 'waiting' then $2 end
from unnest($3::bigint[], $4::text[], $5::integer[], $6::text[], $7::timestamptz[]) as x (id, state, status, reason, retry_at)
where n.subscription = $1 and n.id = x.id and n.state = 'waiting';

-- name: took
-- It takes what it is told.
update subscription set took_at = $2, failing_since = null, failure = null where id = $1;

-- name: fails
-- It took nothing of what it was told; since when.
update subscription set failing_since = coalesce(failing_since, $2), failure = $3 where id = $1 returning failing_since;

-- name: stop
-- It is told nothing until somebody lets it go on.
update subscription set stopped_at = $2, stopped_why = $3 where id = $1 and stopped_at is null returning name;

-- name: drop_old
-- What is older than it can be replayed, and what was being written for a receiver while that was deleted.
with gone as (
    delete from notification n where n.at < $1 or not exists (select from subscription s where s.id = n.subscription) returning 1
)
select count(*) from gone;
