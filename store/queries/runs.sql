-- name: lock_transitions
-- Take undispatched transitions of a shard, of all segments or of those named ($4), oldest first; another dispatcher skips those that
-- this one holds, and whoever has been erased enters nothing.
select id, segment, profile_id, kind, at, cause, traceparent
from segment_transition
where dispatched_at is null and bucket(profile_id) % $2 = $1 and ($4::text[] is null or segment = any($4))
  and not exists (select from profile p where p.id = profile_id and p.merged_into = p.id)
order by id
limit $3
for update skip locked;

-- name: mark_dispatched
-- The transitions have become runs, refusals or exits in this transaction.
update segment_transition set dispatched_at = $2 where id = any($1::bigint[]);

-- name: to_start
-- Runs that Temporal does not know yet, oldest first: those that have a version, and those of the journeys named ($4), which get one;
-- of all journeys, or of some ($5); those that campaigns start, or the others ($6).
select id, journey, profile_id, segment, params, entry, coalesce(let_in_at, entered_at) as entered_at, workflow_id, traceparent,
       created_at, version, entered_at as since, campaign
from run
where started_at is null and ended_at is null and waits_until is null and exit_reason is null and bucket(profile_id) % $2 = $1
  and (version is not null or journey = any($4::text[])) and ($5::text[] is null or journey = any($5))
  and (campaign is not null) = $6::boolean
order by created_at
limit $3;

-- name: mark_started
-- Temporal has them, and holds each back this long before its first task.
update run set started_at = $3, start_delay = x.delay
from unnest($1::uuid[], $2::interval[]) as x (id, delay)
where run.id = x.id and run.started_at is null;

-- name: end_unstarted
-- Runs that were over before Temporal heard of them.
update run set ended_at = $2, outcome = exit_reason where id = any($1::uuid[]) and started_at is null and ended_at is null;

-- name: request_exit
-- Ask open runs to end; the first reason stands.
update run set exit_reason = x.reason, exit_at = x.at, ended_by = x.which
from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) as x (id, reason, at, which)
where run.id = x.id and coalesce(run.ended_at, run.exit_at) is null  -- by id, and not by the index of all that are open
returning run.id;

-- name: mark_raced
-- Messages that went out after the goal had in fact been reached.
update delivery set raced = true
from unnest($1::uuid[], $2::timestamptz[]) as x (id, at)
where delivery.run_id = x.id and delivery.claimed_at >= x.at and delivery.state in ('claimed', 'sent', 'unconfirmed');

-- name: run_asking
-- Whom a run is about, since when, and which predictions let them in.
select id, journey, profile_id, entered_at, version, coalesce(foretold, '{}') as foretold from run where id = $1;

-- name: hold
-- A run begins to speak to its customer alone; an earlier attempt at it stands.
insert into hold (run_id, number, since) select id, $2, $3 from run where id = $1 on conflict do nothing;

-- name: release
-- It lets go of what it held by that number; another branch of it may hold on. What is still on its way holds nobody any more.
insert into hold (run_id, number, since, released_at) select id, $2, $3, $3 from run where id = $1
on conflict (run_id, number) do update set released_at = excluded.released_at where hold.released_at is null;

-- name: names_of
-- Under which names a run's customer can be spoken of.
select (select min(value) from identity where profile_id = r.profile_id and kind = 'user_id') as user_id,
       (select min(value) from identity where profile_id = r.profile_id and kind = 'anonymous_id') as anonymous_id
from run r where r.id = $1;

-- name: where_is
-- What tells where a run's customer is.
select p.traits, p.device_zone,
       (select address from endpoint e where e.profile_id = p.id and e.channel in ('whatsapp', 'sms') and e.replaced_at is null
        order by e.last_seen_at desc, e.id desc limit 1) as phone
from run r join profile p on p.id = r.profile_id
where r.id = $1;

-- name: open_runs_of
-- Open runs of these profiles, for the goal check; runs asked to end already are of no interest.
select id, journey, profile_id, entered_at, version from run
where profile_id = any($1::uuid[]) and ended_at is null and exit_reason is null;

-- name: moves_since
-- Since when a customer has entered, or left, each of these segments, after an instant.
select segment, kind, min(at) as at from segment_transition
where profile_id = $1 and segment = any($3::text[]) and at >= $2 and kind in ('entered', 'left')
group by segment, kind;

-- name: is_member
-- Whether the watch last saw a customer in a segment.
select exists (select from segment_member where profile_id = $1 and segment = $2);

-- name: to_signal
-- Runs that must hear that they are over, of those that Temporal has ($4) or of the others; a campaign looks after its own. A killed one, or one whose customer
-- was erased, that has nothing at a provider, nor at a service, hears nothing: it is over at once.
select id, workflow_id, exit_reason, started_at, start_delay, ended_by,
       exit_reason in ('journey killed', 'customer erased') and started_at is not null
       and not exists (select from delivery d where d.run_id = run.id and d.state = 'claimed')
       and not exists (select from service_call c where c.run_id = run.id and c.settled_at is null and c.retry_at is null) as at_once
from run
where exit_reason is not null and exit_signalled_at is null and ended_at is null and bucket(profile_id) % $2 = $1
  and (started_at is not null) = $4 and not by_campaign
order by exit_at
limit $3;

-- name: mark_signalled
-- Temporal has the signal, or has no such run any more.
update run set exit_signalled_at = $2 where id = any($1::uuid[]);

-- name: still_open
-- Which of these workflows are still open here.
select workflow_id from run where workflow_id = any($1::text[]) and ended_at is null;

-- name: close
-- What Temporal says of runs that are over. One that did not end by itself (terminated, cancelled, timed out) but that we had
-- asked to end has the reason that we had; one that had ended before we asked was not ended by that, nor
-- was one that had ended before it heard of it. A message that was still to be tried again never will be; one that was
-- claimed and never settled stays in doubt.
with closed as (
    update run set outcome = case when x.by_itself then x.outcome else coalesce(run.exit_reason, x.outcome) end,
                   ended_at = x.at, started_at = coalesce(run.started_at, x.at), failing_since = null, step_raises = false,
                   ended_by = case when x.by_itself and (x.at < run.exit_at or x.outcome <> run.exit_reason) then x.ended_by
                                   else coalesce(run.ended_by, x.ended_by) end,
                   exit_reason = case when x.by_itself and x.at < run.exit_at then null else run.exit_reason end,
                   exit_at = case when x.by_itself and x.at < run.exit_at then null else run.exit_at end
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::boolean[], $5::text[])
        as x (workflow_id, outcome, at, by_itself, ended_by)
    where run.workflow_id = x.workflow_id and run.ended_at is null
    returning run.id, run.journey, run.exit_reason, run.outcome, run.ended_at
), settled as (
    update delivery d
    set state = case d.state when 'claimed' then 'unconfirmed' else 'skipped' end,
        reason = case d.state when 'claimed' then 'provider may have accepted it'
                              else coalesce(closed.exit_reason, d.reason, 'run over') end,
        detail = case when d.state = 'claimed' and not d.detail ? 'error'
                      then d.detail || '{"error": "the worker stopped before an answer came"}' else d.detail end,
        settled_at = closed.ended_at,
        retry_at = null
    from closed
    where d.run_id = closed.id and d.state in ('claimed', 'released', 'deferred')
)
select journey, outcome from closed;

-- name: open_after
-- Open runs that Temporal was told to start before an instant, from a place in their order on.
select journey, created_at, id, workflow_id from run
where ended_at is null and waits_until is null and started_at < $1 and (journey, created_at, id) > ($2, $3, $4) and not by_campaign
order by journey, created_at, id
limit $5;

-- name: overdue
-- Runs that heard before an instant that they are over, and are not; any of them, so that none is looked at for ever.
select workflow_id, exit_reason from run
where exit_signalled_at < $1 and exit_signalled_at is not null and ended_at is null
order by random()
limit $2;

-- name: mark_failing
-- These runs cannot go on, and why.
update run set failing_since = coalesce(failing_since, $3), failure = x.failure, step_raises = false
from unnest($1::text[], $2::text[]) as x (workflow_id, failure)
where run.workflow_id = x.workflow_id and run.ended_at is null;

-- name: mark_raising
-- The code of these runs can go on, but a step that a worker does for them raises each time; returns of whom that was not known.
update run set failing_since = coalesce(run.failing_since, $3), failure = x.failure, step_raises = true
from unnest($1::text[], $2::text[]) as x (workflow_id, failure), run as before
where run.workflow_id = x.workflow_id and run.ended_at is null and before.id = run.id
returning case when before.step_raises then null else run.workflow_id end as workflow_id;

-- name: not_known_as_failing
-- Which of these workflows are open here, and not known as failing.
select workflow_id from run where workflow_id = any($1::text[]) and ended_at is null and failing_since is null;

-- name: failing_besides
-- Runs that are known as failing, besides those named; any of them, so that none is looked at for ever.
select workflow_id from run
where failing_since is not null and ended_at is null and workflow_id <> all($1::text[])
order by random()
limit $2;

-- name: mark_healed
-- These runs go on.
update run set failing_since = null, failure = null, step_raises = false where workflow_id = any($1::text[]) and ended_at is null;

-- name: failing_by_journey
-- How many runs cannot go on.
select journey, count(*) as runs from run where failing_since is not null and ended_at is null group by journey;

-- name: by_id
-- One run.
select * from run where id = $1;

-- name: between
-- The runs whose ids are from one on up to another, so many at most.
select * from run where id between $1 and $2 order by id limit $3;

-- name: user_ids
-- The user ids of a customer, the newest first.
select value from identity where profile_id = $1 and kind = 'user_id' order by since desc, value;

-- name: by_idempotency_key
-- The run that an earlier call with the same key started.
select * from run where journey = $1 and idempotency_key = $2;

-- name: earlier_start
-- The run that an earlier call with the same key started, and whether that call asked for the same.
select id, (profile_id, entry_key, params, entry) = ($3::uuid, $4::text, $5::jsonb, $6::jsonb) as same
from run where journey = $1 and idempotency_key = $2;

-- name: timeline
-- The messages of a run in the order in which they were due.
select step, occurrence, channel, purpose, template, state, reason, detail, provider, provider_message_id, attempts, raced,
       due_at, retry_at, claimed_at, settled_at, delivered_at, read_at, gates, cost, currency
from delivery where run_id = $1
order by due_at, step, occurrence;

-- name: by_workflow
-- The run of a workflow.
select * from run where workflow_id = $1;

-- name: customer
-- The profile that a user id, anonymous id or customer id means.
select coalesce(p.merged_into, p.id) from profile p
where p.id = coalesce($1::uuid, (select profile_id from identity where kind = $2 and value = $3 order by since desc limit 1))
  and p.merged_into is distinct from p.id;  -- nobody is there any more

-- name: standing_of_journeys
-- How many runs of each journey are open, how many of these fail, how many met their ceiling since an instant, how many wait to
-- be let in, how many entries since that instant could not be decided: an index each.
select journey, sum(opened)::bigint as open_runs, sum(failing)::bigint as failing_runs, max(failure) as failure,
       sum(ceiling)::bigint as at_their_ceiling, sum(waiting)::bigint as waiting_runs, sum(undecided)::bigint as undecided
from (select journey, count(*) as opened, 0 as failing, null as failure, 0 as ceiling, 0 as waiting, 0 as undecided
      from run where ended_at is null and waits_until is null group by journey
      union all
      select journey, 0, count(*), max(failure), 0, 0, 0
      from run where failing_since is not null and ended_at is null group by journey
      union all
      select journey, 0, 0, null, 0, count(*), 0
      from run where waits_until is not null and ended_at is null and exit_reason is null group by journey
      union all
      select journey, 0, 0, null, count(*), 0, 0
      from run where outcome = 'message ceiling of the run' and ended_at > $1 group by journey
      union all
      select journey, 0, 0, null, 0, 0, count(*)
      from entry_refused where reason = 'cannot be decided' and asked_again_at is null and at > $1 group by journey) standing
group by journey;

-- name: standing_of_journey
-- The same of one journey ($2), without reading the others' runs.
select (select count(*) from run where journey = $2 and ended_at is null and waits_until is null) as open_runs,
       failing_runs, failure,
       (select count(*) from run where journey = $2 and outcome = 'message ceiling of the run' and ended_at > $1) as at_their_ceiling,
       (select count(*) from run where journey = $2 and waits_until is not null and ended_at is null and exit_reason is null) as waiting_runs,
       (select count(*) from entry_refused
        where journey = $2 and reason = 'cannot be decided' and asked_again_at is null and at > $1) as undecided
from (select count(*) as failing_runs, max(failure) as failure from run
      where journey = $2 and failing_since is not null and ended_at is null) as failing;

-- name: has_runs
-- Whether anybody ever was in a journey of this name.
select exists (select from run where journey = $1);

-- name: messages_to
-- The messages to a customer, of one journey or of all, those due last first, from a place in that order on; with those to the profiles that
-- were merged into theirs.
select run_id, journey, step, occurrence, channel, purpose, template, state, reason, detail, provider, provider_message_id, attempts, raced,
       due_at, retry_at, claimed_at, settled_at, delivered_at, read_at, gates, cost, currency
from delivery
where profile_id in (select $1::uuid union all select id from profile where merged_into = $1) and ($2::text is null or journey = $2)
      and ($3::timestamptz is null or (due_at, run_id, step, occurrence) < ($3, $4::uuid, $5::text, $6::bigint))
order by due_at desc, run_id desc, step desc, occurrence desc
limit $7;
