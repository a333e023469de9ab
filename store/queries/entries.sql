-- name: standing
-- What each candidate entry finds: the survivor of its profile, an open run, when the last run ended, when the newest began.
select c.n, coalesce(p.merged_into, p.id) as profile_id,
       (select coalesce(drawn_as, id) from profile where id = coalesce(p.merged_into, p.id)) as drawn_as, r.open_id, r.open_workflow_id, r.runs,
       r.last_ended_at, r.last_entered_at
from unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[]) with ordinality as c (journey, profile_id, entry_key, keyed, n)
join profile p on p.id = c.profile_id
cross join lateral (
    select count(*) as runs,
           max(x.ended_at) as last_ended_at,
           max(x.entered_at) as last_entered_at,
           (array_agg(x.id) filter (where x.ended_at is null))[1] as open_id,
           (array_agg(x.workflow_id) filter (where x.ended_at is null and x.started_at is not null))[1] as open_workflow_id
    from run x
    where x.profile_id = coalesce(p.merged_into, p.id) and x.journey = c.journey
      and (not c.keyed or x.entry_key = c.entry_key)
) r
order by c.n;

-- name: insert_runs
-- Open the admitted runs; one whose customer has just entered elsewhere is left out.
insert into run (id, journey, profile_id, entry_key, entered_by, segment, transition_id, params, entry, holdout,
                 entered_at, workflow_id, idempotency_key, traceparent, created_at, version)
select * from unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[], $9::jsonb[], $10::boolean[],
    $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::text[])
on conflict do nothing
returning id;

-- name: insert_refusals
-- Entries that did not become runs, with the reason and what it was decided on.
insert into entry_refused (journey, profile_id, entry_key, entered_by, transition_id, reason, detail, at)
select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::jsonb[], $8::timestamptz[]);

-- name: entry_events
-- The properties of the event behind each entry: the newest of the named types up to the entry, or the one with that message id.
select c.n, e.properties
from unnest($1::uuid[], $2::timestamptz[], $3::text[]) with ordinality as c (profile_id, at, message_id, n)
cross join lateral (
    select properties from event
    where profile_id = c.profile_id and type collate "C" = any($4::text[]) and ts <= c.at and ts > c.at - interval '35 days'
      and (c.message_id is null or message_id = c.message_id)
    order by ts desc limit 1
) e;
