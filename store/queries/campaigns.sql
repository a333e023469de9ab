-- name: make
-- A campaign is made; one that an earlier call with the same key made stays as it is.
insert into campaign (id, name, journey, message, segment, list, params, by, key, created_at, begins_at, wall_at, per_second, cron, zone,
                      needs_approval, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $10)
on conflict do nothing
returning id;

-- name: by_key
-- The campaign that an earlier call with the same key made.
select * from campaign where journey = $1 and key = $2;

-- name: by_id
-- One campaign.
select * from campaign where id = $1;

-- name: between
-- Campaigns whose ids stand between two, some of them.
select * from campaign where id between $1 and $2 order by id limit $3;

-- name: newest
-- Campaigns, newest first, of a journey or of all, or the turns of one ($5), before a place in that order.
select * from campaign
where ($1::text is null or journey = $1) and ($5::uuid is null or occurrence_of = $5) and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
order by created_at desc, id desc
limit $4;

-- name: to_approve
-- Campaigns and bulk starts that somebody else than who made them is to approve, newest first; not those that stand still or are over.
select * from campaign
where needs_approval and approved_at is null and staged_at is not null
  and paused_at is null and cancelled_at is null and finished_at is null
order by created_at desc, id desc
limit $1;

-- name: of_template
-- Campaigns whose message is of this template, newest first.
select * from campaign where message ->> 'channel' = $1 and message ->> 'template' = $2 order by created_at desc, id desc limit $3;

-- name: turns
-- The newest campaigns and bulk starts of a journey, each with the row of one customer, also of one that they were merged with; a campaign
-- that repeats is told by its turns.
select c.*, r.state as row_state, r.outcome, r.reason, r.due_at, r.run_id
from (select * from campaign where journey = $1 and cron is null order by created_at desc, id desc limit $3) as c
left join lateral (select * from campaign_row r
                   where r.campaign = c.id and r.profile_id in (select id from profile where id = $2 or merged_into = $2)
                   order by r.number limit 1) as r on true
order by c.created_at desc, c.id desc;

-- name: that_need
-- Campaigns that still look up who is in a segment: they have not begun, or begin again and again.
select id, name from campaign
where segment = $1 and cancelled_at is null and finished_at is null and prepared_at is null order by created_at limit $2;

-- name: stage
-- More of its customers; who stands there already under the same key does not come twice. Returns how many came.
with came as (
    insert into campaign_row (campaign, number, profile_id, entry_key, params, entry)
    select $1, x.number, x.profile_id, x.entry_key, x.params, x.entry
    from unnest($2::integer[], $3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[]) as x (number, profile_id, entry_key, params, entry)
    on conflict do nothing
    returning 1
)
select count(*) from came;

-- name: named_before
-- Those of these rows whose customer another row had named, which stands: its line, and whether it says anything else of them.
select x.number, r.number as first, (r.params, r.entry) <> (x.params, x.entry) as differs
from unnest($2::integer[], $3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[]) as x (number, profile_id, entry_key, params, entry)
join campaign_row r on r.campaign = $1 and r.profile_id = x.profile_id and r.entry_key = x.entry_key
where r.number <> x.number
order by x.number;

-- name: note_problems
-- More of its rows that cannot be used, or that named somebody once more ($4).
insert into campaign_problem (campaign, row, problem, twice)
select $1, row, problem, twice from unnest($2::integer[], $3::text[], $4::boolean[]) as given (row, problem, twice) on conflict do nothing;

-- name: count_staged
-- How many rows there were, how many of them are bad, and how many named somebody once more.
update campaign set rows = rows + $2, bad = bad + $3, twice = twice + $4 where id = $1;

-- name: staged
-- All of its rows are there: from now on it is looked after.
update campaign set staged_at = $2, changed_at = $2 where id = $1 and staged_at is null;

-- name: problems
-- Its bad rows after a line, by their lines.
select row, problem from campaign_problem where campaign = $1 and row > $2 and not twice order by row limit $3;

-- name: repeated
-- Its rows after a line that named somebody once more, by their lines.
select row, problem from campaign_problem where campaign = $1 and row > $2 and twice order by row limit $3;

-- name: refused
-- Its customers for whom nothing came of it, after a row: the row, the customer, and why; of who was in doubt as the ledger has it by now.
select r.number, r.profile_id, coalesce(now.reason, now.outcome) as reason
from campaign_row r
left join delivery d on r.outcome = 'unconfirmed' and d.run_id = r.run_id and d.state in ('sent', 'failed')
cross join lateral (select coalesce(d.state, r.outcome) as outcome, case when d.state is null then r.reason else d.reason end as reason) now
where r.campaign = $1 and r.number > $2 and r.state = 'done' and now.outcome not in ('entered', 'sent')
order by r.number limit $3;

-- name: counts
-- How many of its rows stand how: by state, outcome and reason; those that were in doubt as the ledger has them by now.
select r.state, coalesce(d.state, r.outcome) as outcome, case when d.state is null then r.reason else d.reason end as reason, count(*) as rows
from campaign_row r
left join delivery d on r.outcome = 'unconfirmed' and d.run_id = r.run_id and d.state in ('sent', 'failed')
where r.campaign = $1
group by 1, 2, 3;

-- name: message_of_run
-- What the campaign sends that a run is of.
select c.message from run r join campaign c on c.id = r.campaign where r.id = $1 and r.by_campaign;

-- name: approve
-- It may begin, says somebody who did not make it.
update campaign set approved_by = $2, approved_at = $3, changed_at = $3
where id = $1 and needs_approval and approved_at is null and by <> $2 and cancelled_at is null
returning id;

-- name: pause
-- It stands still ($2: since when, unless it does already), or goes on (nothing); not one that is over.
update campaign set paused_at = case when $2::timestamptz is not null then coalesce(paused_at, $2) end, changed_at = $3 where id = $1 and cancelled_at is null and finished_at is null and ($2::timestamptz is not null or paused_at is not null) returning id;

-- name: cancel
-- Nobody else is started or written to.
update campaign set cancelled_at = $2, changed_at = $2 where id = $1 and cancelled_at is null and finished_at is null returning id;

-- name: pause_turns
-- The turns of a recurring one that are not over stand still with it, since when it does ($2); which stood still before, they are not of these.
update campaign set paused_at = $2, changed_at = $3
where occurrence_of = $1 and paused_at is null and cancelled_at is null and finished_at is null returning id;

-- name: resume_turns
-- Those turns go on that have stood still with it, since when it did ($2).
update campaign set paused_at = null, changed_at = $3
where occurrence_of = $1 and paused_at = $2 and cancelled_at is null and finished_at is null returning id;

-- name: cancel_turns
-- The turns of a recurring one that are not over are cancelled with it.
update campaign set cancelled_at = $2, changed_at = $2
where occurrence_of = $1 and cancelled_at is null and finished_at is null returning id;

-- name: look_again
-- The campaigns of these runs, which somebody else has ended, are told to look: of each as soon as no other run of it is to be closed.
update campaign c set told_at = null, changed_at = greatest(changed_at, $2)
where id in (select campaign from run where workflow_id = any($1::text[])) and finished_at is null
  and not exists (select from run r where r.campaign = c.id and r.by_campaign and r.exit_reason is not null and r.ended_at is null);

-- name: to_tell
-- Campaigns of which Temporal has not heard as they are now.
select * from campaign where staged_at is not null and (told_at is null or told_at < changed_at) 
  and (id, changed_at) not in (select * from unnest($2::uuid[], $3::timestamptz[]))
order by created_at limit $1;

-- name: asked
-- The hash of what was asked for by the call that made it.
select became ->> 'asked' from audit where kind = 'campaign' and name = $1 and verb = 'make' order by id limit 1;

-- name: note_refusal
-- Temporal does not take it: among its problems as row 0, which no file has.
insert into campaign_problem (campaign, row, problem) values ($1, 0, $2) on conflict (campaign, row) do update set problem = excluded.problem;

-- name: no_refusal
-- Temporal has taken it.
delete from campaign_problem where campaign = $1 and row = 0;

-- name: hold
-- It waits though it is time, for whom it goes to: among its problems as row -1.
insert into campaign_problem (campaign, row, problem) values ($1, -1, $2) on conflict (campaign, row) do update set problem = excluded.problem;

-- name: no_hold
-- It waits no more for whom it goes to.
delete from campaign_problem where campaign = $1 and row = -1;

-- name: hindrance
-- Why it does not go on: Temporal does not take it (row 0), or it waits for whom it goes to (row -1).
select row, problem from campaign_problem where campaign = $1 and row <= 0 order by row desc limit 1;

-- name: told
-- Temporal has heard of it as it was then.
update campaign set told_at = $2 where id = $1;

-- name: again
-- A recurring campaign's turn has come: a campaign like it, for that instant, once; not while it is paused, cancelled or not approved.
insert into campaign (id, name, journey, message, segment, list, params, by, created_at, begins_at, wall_at, per_second, occurrence_of,
                      needs_approval, approved_by, approved_at, staged_at, changed_at)
select $2, name, journey, message, segment, list, params, by, $3, $4, null, per_second, id, needs_approval, approved_by, approved_at, $3, $3
from campaign
where id = $1 and cron is not null and paused_at is null and cancelled_at is null and (approved_at is not null or not needs_approval)
for share -- whoever pauses or cancels it finds this turn, or it is not made
on conflict do nothing
returning id;

-- name: members
-- Its customers are those who are in its segment now, or on its list; in the order of their ids.
insert into campaign_row (campaign, number, profile_id, params)
select c.id, row_number() over (order by who.profile_id), who.profile_id, '{}'
from campaign c
cross join lateral (
    select m.profile_id from segment_member m where m.segment = c.segment
    union all
    select last.profile_id from (
        select distinct on (e.profile_id) e.profile_id, e.properties from event e
        where e.type = $2 || c.list order by e.profile_id, e.ts desc) as last
    where (last.properties ->> 'listed')::boolean
) who
where c.id = $1 and (c.segment is not null or c.list is not null)
on conflict do nothing;

-- name: all_due
-- All of its rows are due from an instant on.
update campaign_row set due_at = $2 where campaign = $1 and due_at is null;

-- name: whereabouts
-- What tells where its customers are, after a row, of those of whom it has not been asked.
select r.number, p.traits, p.device_zone,
       (select address from endpoint e where e.profile_id = p.id and e.channel in ('whatsapp', 'sms') and e.replaced_at is null
        order by e.last_seen_at desc, e.id desc limit 1) as phone
from campaign_row r join profile f on f.id = r.profile_id join profile p on p.id = coalesce(f.merged_into, f.id)
where r.campaign = $1 and r.number > $2
order by r.number limit $3;

-- name: due
-- When these rows are due.
update campaign_row r set due_at = x.at
from unnest($2::integer[], $3::timestamptz[]) as x (number, at) where r.campaign = $1 and r.number = x.number;

-- name: prepared
-- Its customers are known, and which predictions leave a share of them alone.
update campaign set prepared_at = $2, foretold = $3, rows = case when segment is null and list is null then rows
                                                  else (select count(*) from campaign_row where campaign = $1) end
where id = $1;

-- name: lock
-- A campaign, alone until the transaction ends.
select * from campaign where id = $1 for update;

-- name: take
-- Rows of a part that are due, the oldest first, until the transaction ends, with the runs of those that have entered; of nobody who has been erased.
select r.number, r.profile_id, r.entry_key, r.params, r.entry, r.state, r.run_id, run.entered_at, run.version, run.workflow_id
from campaign_row r left join run on run.id = r.run_id
where r.campaign = $1 and r.state <> 'done' and r.due_at <= $2 and r.number % $4 = $3
  and not exists (select from profile p where p.id = r.profile_id and p.merged_into = p.id)
order by r.due_at, r.number limit $5
for update of r skip locked;

-- name: opened
-- These have entered, and their message is to be asked for.
update campaign_row r set state = 'open', run_id = x.run
from unnest($2::integer[], $3::uuid[]) as x (number, run) where r.campaign = $1 and r.number = x.number;

-- name: done
-- What came of these rows.
update campaign_row r set state = 'done', outcome = x.outcome, reason = x.reason, run_id = coalesce(x.run, r.run_id)
from unnest($2::integer[], $3::text[], $4::text[], $5::uuid[]) as x (number, outcome, reason, run)
where r.campaign = $1 and r.number = x.number;

-- name: later
-- These are asked again, each at its instant.
update campaign_row r set due_at = x.at, reason = x.reason
from unnest($2::integer[], $3::timestamptz[], $4::text[]) as x (number, at, reason)
where r.campaign = $1 and r.number = x.number and r.state = 'open';

-- name: next_due
-- When the next of its rows is due; nothing when all are done.
select min(due_at) from campaign_row where campaign = $1 and state <> 'done';

-- name: drop_rest
-- It was cancelled: what waits is done with.
update campaign_row set state = 'done', outcome = 'skipped', reason = 'cancelled' where campaign = $1 and state = 'waiting';

-- name: end_open
-- It was cancelled: who waits for its message hears no more of it.
update run set exit_reason = 'ended by an operator', exit_at = $2
where campaign = $1 and by_campaign and ended_at is null and exit_reason is null;

-- name: to_close
-- Runs of campaigns that were told to end and have nothing at a provider.
select workflow_id, exit_reason from run
where by_campaign and exit_reason is not null and exit_signalled_at is null and ended_at is null
  and not exists (select from delivery d where d.run_id = run.id and d.state = 'claimed' and d.claimed_at > $1)
order by exit_at limit $2;

-- name: rows_of_closed
-- The rows of runs that are over, told to end by somebody else: of whoever has been written to, or may have been, as the ledger has it.
update campaign_row r
set state = 'done',
    outcome = case d.state when 'claimed' then 'unconfirmed' else coalesce(d.state, 'skipped') end,
    reason = case when d.state is null then run.outcome else d.reason end
from run left join delivery d on d.run_id = run.id and d.state in ('claimed', 'sent', 'skipped', 'withheld', 'failed', 'unconfirmed')
where run.campaign = $1 and run.by_campaign and run.ended_at is not null and r.campaign = $1 and r.run_id = run.id and r.state = 'open';

-- name: unstarted
-- How many of its runs Temporal has not heard of, counted up to a number.
select count(*) from (
    select from run where campaign = $1 and ended_at is null and started_at is null and waits_until is null and exit_reason is null limit $2
) as counted;

-- name: finish
-- All of its rows are done.
update campaign set finished_at = $2
where id = $1 and finished_at is null and not exists (select from campaign_row r where r.campaign = $1 and r.state <> 'done');

-- name: trial_of_message
-- Of its customers, whom a message on a channel could reach for a purpose: by what stands in the way, where something does.
select (select coalesce(p.drawn_as, p.id) from profile p where p.id = coalesce(f.merged_into, f.id)) as drawn_as,
       case when not bool_or(e.id is not null) then 'no reachable endpoint' when not bool_or(coalesce(e.allowed, false)) then 'no consent'
            when not bool_or(e.allowed and e.invalid_at is null) then 'no reachable endpoint' end as reason
from campaign_row r join profile f on f.id = r.profile_id
left join lateral (
    select e.id, e.invalid_at,
           case when $3 = 'marketing' then coalesce(said.state = 'granted', false)
                else coalesce(said.state not in ('refused', 'withdrawn'), true) end as allowed
    from endpoint e left join lateral consent_of(e.profile_id, e.channel, e.address, $3) as said on true
    where e.profile_id = coalesce(f.merged_into, f.id) and e.channel = $2 and e.replaced_at is null
) e on true
where r.campaign = $1
group by r.number, f.id;

-- name: rows_after
-- Its customers after a row, for a trial.
select number, profile_id, entry_key from campaign_row where campaign = $1 and number > $2 order by number limit $3;
