-- name: progress
-- One look at a journey while it runs: what came in, who is where, what went out, who converted.
select (select count(*) from event) as events,
       (select count(*) from profile where merged_into is null) as customers,
       (select coalesce(sum(members), 0)::bigint from segment_size where segment = $2) as members,
       (select count(*) from run where journey = $1 and ended_at is null) as open_runs,
       (select count(*) from run where journey = $1 and ended_at is not null) as ended_runs,
       (select count(*) from run where journey = $1 and outcome = 'goal reached') as conversions,
       (select coalesce(jsonb_object_agg(channel, sent), '{}')
        from (select channel, count(*) as sent from delivery
              where journey = $1 and state = 'sent' group by channel) as by_channel) as sent,
       (select count(*) from dirty)
           + (select count(*) from segment_transition where dispatched_at is null) as backlog;

-- name: steps
-- What became of the messages that fell due, by step in the order of the journey, with how long after entry that was.
select step, min(channel) as channel, min(template) as template, state, reason, count(*) as messages,
       count(*) filter (where raced) as raced,
       min(min(delivery.due_at - run.entered_at)) over (partition by step) as after_entry
from delivery join run on run.id = delivery.run_id
where delivery.journey = $1
group by step, state, reason
order by after_entry, step, state, reason;

-- name: endings
-- How runs ended, of all or of so many that entered last; those that have not are called 'open'.
select coalesce(outcome, 'open') as outcome, count(*) as runs
from (select outcome from run where journey = $1 order by entered_at desc limit $2) as lately
group by 1 order by 2 desc, 1;

-- name: refusals
-- Entries that did not become runs, by reason, of all or of so many of the last.
select reason, count(*) as entries
from (select reason from entry_refused where journey = $1 order by at desc limit $2) as lately
group by reason order by 2 desc, 1;

-- name: dead_letters
-- What could not be taken, by reason.
select reason, sum(times)::integer as items from dead_letter group by reason order by 2 desc, 1;

-- name: conversions
-- Orders after an entry, by how many messages had fallen due before; those of the `window` after a run had ended without one
-- stand apart (`after_end`). An order counts once, for the run that it ended, else for the last run before it.
with ordered as (
    select profile_id, ts, coalesce(properties ->> 'order_id', message_id) as order_id, properties ->> 'currency' as currency,
           case when pg_input_is_valid(properties ->> 'revenue', 'numeric') then (properties ->> 'revenue')::numeric
                when pg_input_is_valid(properties ->> 'total', 'numeric') then (properties ->> 'total')::numeric end as revenue
    from event where type = 'Order Completed'
), credited as (
    select distinct on (ordered.order_id) ordered.*, run.id as run_id, run.outcome <> 'goal reached' as after_end
    from run join ordered on ordered.profile_id = run.profile_id
         and case run.outcome when 'goal reached'  -- which the run was told of, or the gate saw before it was
                  then ordered.ts between coalesce(run.exit_at, run.entered_at) and coalesce(run.exit_at, run.ended_at)
                              when 'finished' then ordered.ts > run.ended_at and ordered.ts <= run.ended_at + $2::interval end
    where run.journey = $1
    order by ordered.order_id, run.outcome = 'goal reached' desc, run.ended_at desc
), placed as (
    select credited.*,
           (select count(*) from delivery where run_id = credited.run_id and due_at <= credited.ts) as messages_before
    from credited
)
select after_end, case when after_end then null else messages_before end as messages_before, coalesce(currency, '') as currency,
       count(*) as orders, coalesce(sum(revenue), 0) as revenue
from placed
group by 1, 2, 3 order by 1, 2, 3;

-- name: stored
-- How many of these calls are kept as events.
select count(*) from event where message_id = any($1::text[]);

-- name: missing
-- Messages that fell due while their run was on, by more than the given patience, and left no row: there must be none.
with step as (
    select step, min(delivery.due_at - run.entered_at) as after_entry
    from delivery join run on run.id = delivery.run_id
    where delivery.journey = $1 group by step
)
select run.workflow_id, step.step
from run cross join step
where run.journey = $1
  and coalesce(run.exit_at, run.ended_at, $2::timestamptz) > run.entered_at + step.after_entry + $3::interval
  and not exists (select from delivery where run_id = run.id and delivery.step = step.step)
order by run.entered_at, step.after_entry;

-- name: unended
-- Runs that are still open.
select workflow_id from run where journey = $1 and ended_at is null order by entered_at;

-- name: unsettled
-- Messages that are neither done nor given up.
select run.workflow_id, delivery.step, delivery.state
from delivery join run on run.id = delivery.run_id
where delivery.journey = $1 and delivery.state in ('claimed', 'deferred', 'released')
order by delivery.due_at;

-- name: telling_run
-- A run worth telling: reminded once, ordered before the next message was due; sooner one that began on the web, unknown,
-- and was reminded in the app.
select run.id
from run join profile on profile.id = run.profile_id
where run.journey = $1 and run.outcome = 'goal reached'
order by (select count(*) = 1 and bool_and(state = 'sent') from delivery where run_id = run.id) desc,
         exists (select from profile absorbed where absorbed.merged_into = run.profile_id) desc,
         (select count(*) from event where profile_id = run.profile_id and type = 'Order Completed') = 1 desc,
         profile.traits ? 'firstName' desc,
         run.entered_at
limit 1;

-- name: story
-- All that happened around one run, in order: what the customer did, what we did, and how it ended. `open_detail` holds names
-- and prices, for a person to read; it belongs on no log.
with subject as (
    select run.*, coalesce(ended_at, 'infinity') + interval '1 hour' as until from run where id = $1
)
select at, kind, what, open_detail from (
    select event.ts as at, event.kind, event.type as what,
           event.properties || jsonb_build_object(
               'surface', case when event.context ? 'app' then 'app' when event.context ? 'page' then 'web' else 'server' end
           ) as open_detail, 1 as place
    from event, subject
    where event.profile_id = subject.profile_id
      and event.ts between subject.entered_at - interval '3 hours' and subject.until
    union all
    select transition.at, 'segment', transition.kind, jsonb_build_object('segment', transition.segment), 2
    from segment_transition transition, subject
    where transition.profile_id = subject.profile_id
      and transition.at between subject.entered_at - interval '3 hours' and subject.until
    union all
    select subject.entered_at, 'run', 'entered', jsonb_build_object('journey', subject.journey), 3 from subject
    union all
    select coalesce(delivery.settled_at, delivery.claimed_at, delivery.due_at), 'message', delivery.state,
           jsonb_build_object('channel', delivery.channel, 'template', delivery.template, 'reason', delivery.reason,
                              'due_at', delivery.due_at, 'platform', endpoint.platform), 4
    from subject join delivery on delivery.run_id = subject.id left join endpoint on endpoint.id = delivery.endpoint_id
    union all
    select subject.ended_at, 'run', 'ended', jsonb_build_object('outcome', subject.outcome), 5
    from subject where subject.ended_at is not null
) as happened
order by at, place;

-- name: customer
-- Whom a run is about, by first name, and where the run is found in Temporal.
select run.profile_id, run.workflow_id, run.entered_at, run.ended_at, profile.traits ->> 'firstName' as first_name
from run join profile on profile.id = run.profile_id where run.id = $1;
