-- name: standing
-- What each candidate entry finds: the survivor of its profile, an open run, when the last run ended, when the newest began.
select c.n, coalesce(p.merged_into, p.id) as profile_id,
       (select coalesce(drawn_as, id) from profile where id = coalesce(p.merged_into, p.id)) as drawn_as, r.open_id, r.open_workflow_id, r.runs,
       r.last_ended_at, r.last_entered_at, coalesce(r.waiting, false) as waiting
from unnest($1::text[], $2::uuid[], $3::text[], $4::boolean[]) with ordinality as c (journey, profile_id, entry_key, keyed, n)
join profile p on p.id = c.profile_id
cross join lateral (
    select count(*) as runs,
           max(x.ended_at) as last_ended_at,
           max(x.entered_at) as last_entered_at,
           bool_or(x.waits_until is not null) filter (where x.ended_at is null) as waiting,
           (array_agg(x.id) filter (where x.ended_at is null))[1] as open_id,
           (array_agg(x.workflow_id) filter (where x.ended_at is null and x.started_at is not null))[1] as open_workflow_id
    from run x
    where x.profile_id = coalesce(p.merged_into, p.id) and x.journey = c.journey
      and (not c.keyed or x.entry_key = c.entry_key)
      and x.outcome is distinct from 'waited too long to enter'  -- who was never let in may try again
) r
order by c.n;

-- name: insert_runs
-- Open the admitted runs; one whose customer has just entered elsewhere is left out. A version that does not stand here is none.
insert into run (id, journey, profile_id, entry_key, entered_by, segment, transition_id, params, entry, holdout, foretold,
                 entered_at, workflow_id, idempotency_key, traceparent, created_at, version, waits_from, waits_until, campaign,
                 by_campaign, started_at)
select id, journey, profile_id, entry_key, entered_by, segment, transition_id, params, entry, holdout, foretold, entered_at, workflow_id,
       idempotency_key, traceparent, created_at, (select v.id from catalogue_version v where v.id = x.version and v.dropped_at is null),
       waits_from, waits_until, campaign, started_at is not null, started_at
from unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[], $9::jsonb[], $10::boolean[],
    $11::jsonb[], $12::timestamptz[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::text[],
    $18::timestamptz[], $19::timestamptz[], $20::uuid[], $21::timestamptz[]) as x (
    id, journey, profile_id, entry_key, entered_by, segment, transition_id, params, entry, holdout, foretold, entered_at, workflow_id,
    idempotency_key, traceparent, created_at, version, waits_from, waits_until, campaign, started_at)
on conflict do nothing
returning id;

-- name: started_by_journeys
-- How often other journeys have let a customer in since an instant.
select count(*) from run where profile_id = $1 and entered_by = 'journey' and entered_at > $2;

-- name: insert_refusals
-- Entries that did not become runs, with the reason and what it was decided on.
insert into entry_refused (journey, profile_id, entry_key, entered_by, transition_id, reason, detail, at, version)
select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::jsonb[], $8::timestamptz[],
                     $9::text[]);

-- name: lock_undecided
-- Entries that a version of the catalogue could not decide which was deployed before this one, oldest first; whoever has been erased
-- enters nothing.
select r.id as refusal, r.journey, t.id, t.segment, t.profile_id, t.kind, t.at, t.cause, t.traceparent
from entry_refused r join segment_transition t on t.id = r.transition_id
where r.reason = 'cannot be decided' and r.asked_again_at is null and r.journey = any($2::text[])
  and (select deployed_at from catalogue_version where id = $1)
      > coalesce((select deployed_at from catalogue_version where id = r.version), '-infinity')
  and not exists (select from profile p where p.id = t.profile_id and p.merged_into = p.id)
order by r.id
limit $3
for update of r skip locked;

-- name: mark_asked_again
-- They have been asked again: now they are runs, or refusals of their own.
update entry_refused set asked_again_at = $2 where id = any($1::bigint[]);

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

-- name: in_line
-- Of these journeys those where somebody may enter by now, or has waited too long.
select j.journey from unnest($1::text[]) as j (journey)
where exists (select from run r where r.journey = j.journey and r.waits_until is not null and r.ended_at is null
              and r.exit_reason is null and r.waits_from <= $2);

-- name: lines
-- All journeys in which somebody waits to be let in, from one to the next by the index.
with recursive line as (
    (select journey from run where waits_until is not null and ended_at is null and exit_reason is null order by journey limit 1)
    union all
    select (select r.journey from run r where r.waits_until is not null and r.ended_at is null and r.exit_reason is null
            and r.journey > line.journey order by r.journey limit 1)
    from line where line.journey is not null
)
select journey from line where journey is not null;

-- name: hold_line
-- One who lets people into a journey at a time, until the transaction ends.
select pg_advisory_xact_lock($1, hashtext($2));

-- name: waited_too_long
-- Those whose entry is of no use any more are over, without having been in; and are written down as refused.
with late as (
    update run set exit_reason = 'waited too long to enter', exit_at = $2, outcome = 'waited too long to enter', ended_at = $2
    where journey = $1 and waits_until < $2 and waits_until is not null and ended_at is null and exit_reason is null
    returning id, journey, profile_id, entry_key, entered_by, transition_id, entered_at, waits_from
)
insert into entry_refused (journey, profile_id, entry_key, entered_by, transition_id, reason, detail, at)
select journey, profile_id, entry_key, entered_by, transition_id, 'waited too long to enter',
       jsonb_build_object('run_id', id, 'entered_at', entered_at, 'waited_from', waits_from), $2
from late
returning id;

-- name: counts
-- How many are in a journey, up to a number ($3), and how many of them or of others have been let in since an instant.
select (select count(*) from (
            select from run where journey = $1 and ended_at is null and waits_until is null and exit_reason is null limit $3) as i) as inside,
       e.entered, e.first
from (select count(*) as entered, min(let_in_at) as first from run where journey = $1 and let_in_at > $2) as e;

-- name: first_in_line
-- Who has waited longest of those who may enter by now.
select id, journey, profile_id, entered_at, version from run
where journey = $1 and waits_until is not null and ended_at is null and exit_reason is null and waits_from <= $2
order by waits_from, id
limit $3;

-- name: let_in
-- These are in from now on.
update run set let_in_at = $2, waits_until = null
where id = any($1::uuid[]) and waits_until is not null and ended_at is null and exit_reason is null
returning id;
