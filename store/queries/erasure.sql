-- name: known
-- The erasure of a customer, also by the id of a profile that was part of them.
select id, profile_id, requested_at, requested_by, counts, in_flight, started_at, finished_at, certificate,
       array(select distinct m.audience from audience_member m where m.profile_id = any(profiles) order by 1) as waits_for
from erasure where profile_id = $1 or profiles @> array[$1::uuid];

-- name: by_id
-- One erasure.
select id, profile_id, requested_at, requested_by, counts, in_flight, started_at, finished_at, certificate,
       array(select distinct m.audience from audience_member m where m.profile_id = any(profiles) order by 1) as waits_for
from erasure where id = $1;

-- name: newest
-- Erasures, newest first, before an instant.
select id, profile_id, requested_at, requested_by, counts, in_flight, started_at, finished_at, certificate,
       array(select distinct m.audience from audience_member m where m.profile_id = any(profiles) order by 1) as waits_for
from erasure where requested_at < $1 order by requested_at desc, id desc limit $2;

-- name: root
-- The living customer whom an id means; none where there is none any more.
select coalesce(merged_into, id) from profile where id = $1 and merged_into is distinct from id;

-- name: parts
-- A customer's profile, if it lives, and those that it absorbed.
select p.id from profile p
where (p.id = $1 or p.merged_into = $1) and exists (select from profile r where r.id = $1 and r.merged_into is null)
order by p.id;

-- name: subject
-- By what a customer can be found where no id of ours stands: names, and addresses of now and of what they said.
select (select coalesce(jsonb_agg(distinct value), '[]') from identity where profile_id = any($1::uuid[])) as names,
       (select coalesce(jsonb_agg(distinct address), '[]')
        from (select address from endpoint where profile_id = any($1::uuid[])
              union select address from consent where profile_id = any($1::uuid[]) and address is not null
              union select traits ->> trait from profile, unnest(array['email', 'phone']) as trait
                    where id = any($1::uuid[]) and traits ->> trait <> '') as known) as addresses;

-- name: in_flight
-- How many of a customer's messages are at a provider right now.
select count(*) from delivery where profile_id = any($1::uuid[]) and state = 'claimed' and retry_at is null;

-- name: write
-- An erasure begins.
insert into erasure (id, profile_id, profiles, requested_at, requested_by, subject, in_flight) values ($1, $2, $3, $4, $5, $6, $7);

-- name: end_runs
-- Tell every open run of a customer that it is over: from now on the gate lets nothing out.
update run set exit_reason = 'customer erased', exit_at = $2
where profile_id = any($1::uuid[]) and ended_at is null and exit_reason is null
returning id;

-- name: to_start
-- Erasures that Temporal does not know yet.
select id from erasure where started_at is null order by requested_at limit 100;

-- name: mark_started
-- Temporal has it.
update erasure set started_at = $2 where id = $1 and started_at is null;

-- name: to_purge
-- What is needed to purge an erased customer; nothing once that is done.
select profiles, subject from erasure where id = $1 and finished_at is null for update;

-- name: count
-- So many more rows of a table have been dealt with.
update erasure set counts = jsonb_set(counts, array[$2::text], to_jsonb(coalesce((counts ->> $2)::bigint, 0) + $3::bigint)) where id = $1;

-- name: busy
-- The workflows of runs that are not over yet, and those of messages that may be at a provider.
select r.workflow_id from run r
where r.profile_id = any($1::uuid[])
  and (r.ended_at is null or exists (select from delivery d where d.run_id = r.id and d.state = 'claimed' and d.claimed_at > $2));

-- name: finish
-- All is purged: what it was found by goes, the certificate stands.
update erasure set finished_at = $2, certificate = $3, subject = null where id = $1 and finished_at is null;

-- name: kept
-- What stays, as rows without a person.
select (select count(*) from run where profile_id = any($1::uuid[])) as run,
       (select count(*) from delivery where profile_id = any($1::uuid[])) as delivery,
       (select count(*) from segment_transition where profile_id = any($1::uuid[])) as segment_transition,
       (select count(*) from exposure where profile_id = any($1::uuid[])) as exposure,
       (select count(*) from entry_refused where profile_id = any($1::uuid[])) as entry_refused;

-- name: definitions
-- What was defined by API, out of use too, in its text; and whether it lists one of these names: people wrote them there, and they
-- stay.
select definition::text as text, jsonb_path_query_array(definition, 'lax $.**.customers[*]') ?| $1::text[] as lists
from (select definition from segment_definition union all select definition from prediction_declaration) defined
where definition is not null;

-- name: purge_identity
-- The names.
delete from identity where profile_id = any($1::uuid[]) returning 1;

-- name: purge_endpoint
-- The addresses.
delete from endpoint where profile_id = any($1::uuid[]) returning 1;

-- name: purge_endpoint_lost
-- When addresses went over to others.
delete from endpoint_lost where profile_id = any($1::uuid[]) returning 1;

-- name: purge_unread_reply
-- Ids of their messages that were still to be shown as read.
delete from unread_reply where profile_id = any($1::uuid[]) returning 1;

-- name: purge_consent
-- What was said about consent. Each no has been kept as a suppressed digest (`store.customers.consent.forget`).
delete from consent where profile_id = any($1::uuid[]) returning received_at as filed_at;

-- name: purge_choice_made
-- What they were given of choices, and why. That a budget was spent on them stays.
delete from choice_made m using run r where r.id = m.run_id and r.profile_id = any($1::uuid[]) returning 1;

-- name: purge_campaign_row
-- Their rows of campaigns.
delete from campaign_row where profile_id = any($1::uuid[]) returning 1;

-- name: purge_source_row
-- What a source said of them; that its row is of somebody who was erased stays, so that they do not come back by it.
update source_row set digest = null, profile_id = null where profile_id = any($1::uuid[]) returning 1;

-- name: purge_audience_due
-- That they were to be looked at.
delete from audience_due where profile_id = any($1::uuid[]) returning 1;

-- name: purge_audience_member
-- What destinations were told of them: these are to forget them. A row goes when its destination has, and the certificate waits for it.
update audience_member set state = 'removing' where profile_id = any($1::uuid[]) and state <> 'removing' returning 1;

-- name: purge_notification
-- What others were told of them. That they were erased is told after this.
delete from notification where profile_id = any($1::uuid[]) and type <> 'customer.erased' returning 1;

-- name: purge_topic_choice
-- What they said of topics, and of the sale of their data.
delete from topic_choice where profile_id = any($1::uuid[]) returning 1;

-- name: purge_merge
-- Merges with the names that moved; they cannot be undone any more.
delete from merge where survivor = any($1::uuid[]) or absorbed = any($1::uuid[]) returning at as filed_at;

-- name: purge_event
-- What they did, in every week. Their message ids stay known (`event_dedupe`), so that a retry of an SDK brings nothing back.
delete from event where profile_id = any($1::uuid[]) returning message_id, received_at as filed_at;

-- name: outdate
-- Files of a table's hours that hold rows which have just gone, or were emptied; the certificate waits until they are written anew.
with outdated as (
    insert into export_stale (name, hour, erasure)
    select h.name, h.hour, $1 from export_hour h
    where h.name = $2 and h.hour in (select date_trunc('hour', filed_at, 'UTC') from unnest($3::timestamptz[]) as filed_at)
    returning 1
)
select count(*) from outdated;

-- name: purge_message_ids
-- Message ids in which a client wrote who it is about.
delete from event_dedupe where message_id = any($1::text[]) returning 1;

-- name: purge_dirty
-- Marks for the watch.
delete from dirty where profile_id = any($1::uuid[]) returning 1;

-- name: purge_segment_member
-- The segments that they were in.
delete from segment_member where profile_id = any($1::uuid[]) returning 1;

-- name: purge_prediction_score
-- What was foretold of them.
delete from prediction_score where profile_id = any($1::uuid[]) returning 1;

-- name: purge_product_due
-- When they were expected to buy again.
delete from product_due where profile_id = any($1::uuid[]) returning 1;

-- name: purge_derived_due
-- To look at them for their derived traits.
delete from derived_due where profile_id = any($1::uuid[]) returning 1;

-- name: purge_segment_alarm
-- When to look at them again.
delete from segment_alarm where profile_id = any($1::uuid[]) returning 1;

-- name: purge_segment_backfill_member
-- Their places in a load.
delete from segment_backfill_member where profile_id = any($1::uuid[]) returning 1;

-- name: purge_segment_backfill_change
-- The same.
delete from segment_backfill_change where profile_id = any($1::uuid[]) returning 1;

-- name: purge_segment_backfill_mark
-- The same.
delete from segment_backfill_mark where profile_id = any($1::uuid[]) returning 1;

-- name: purge_inbox
-- What the app showed them.
delete from inbox i using delivery d
where (d.run_id, d.step, d.occurrence) = (i.run_id, i.step, i.occurrence) and d.profile_id = any($1::uuid[])
returning 1;

-- name: purge_wallet_device
-- On which devices their passes are: no change reaches these any more.
delete from wallet_device w using wallet_pass p, delivery d
where p.serial = w.serial and (d.run_id, d.step, d.occurrence) = (p.run_id, p.step, p.occurrence) and d.profile_id = any($1::uuid[])
returning 1;

-- name: purge_wallet_pass
-- What their passes show; whose wallet asks for one is told that there is none.
delete from wallet_pass p using delivery d
where (d.run_id, d.step, d.occurrence) = (p.run_id, p.step, p.occurrence) and d.profile_id = any($1::uuid[])
returning p.serial, p.template, p.content ->> 'style' as style;

-- name: note_passes
-- Passes that are gone here, and may stand at Google.
update erasure set subject = jsonb_set(subject, '{passes}', coalesce(subject -> 'passes', '[]') || $2::jsonb) where id = $1;

-- name: passes_left
-- Passes that may stand at Google.
select (each ->> 'serial')::uuid as serial, each ->> 'template' as template, each ->> 'style' as style
from erasure, jsonb_array_elements(coalesce(subject -> 'passes', '[]')) as each
where id = $1 and finished_at is null;

-- name: pass_settled
-- One of them shows nothing of the customer any more, or never will be reached.
update erasure
set subject = jsonb_set(subject, '{passes}', (select coalesce(jsonb_agg(each), '[]')
                                              from jsonb_array_elements(subject -> 'passes') as each where each ->> 'serial' <> $2))
where id = $1 and finished_at is null;

-- name: purge_customer_touched
-- Marks for the sums.
delete from customer_touched where profile_id = any($1::uuid[]) returning 1;

-- name: purge_expectation
-- What their runs waited for: tasks with their notes, and answers.
delete from expectation e using run r where r.id = e.run_id and r.profile_id = any($1::uuid[]) returning 1;

-- name: purge_service_call
-- What the company's services answered about them; that they were called stays.
update service_call c set answer = null from run r
where r.id = c.run_id and r.profile_id = any($1::uuid[]) and c.answer is not null
returning 1;

-- name: purge_segment_transition
-- What brought them into segments and out of them; that somebody entered stays, and starts nothing any more.
update segment_transition set cause = '{}', traceparent = null, dispatched_at = coalesce(dispatched_at, logged_at)
where profile_id = any($1::uuid[]) and (cause <> '{}' or traceparent is not null or dispatched_at is null)
returning 1;

-- name: purge_entry_refused
-- What their refused entries were decided on.
update entry_refused set entry_key = '', detail = '{}' where profile_id = any($1::uuid[]) and (entry_key <> '' or detail <> '{}')
returning 1;

-- name: purge_exposure
-- What was foretold of them when they were exposed, and what came of it.
update exposure set score = null, model = null, came = null
where profile_id = any($1::uuid[]) and (score is not null or model is not null or came is not null) returning 1;

-- name: purge_run
-- What their runs were begun with.
update run set params = '{}', entry = '{}', entry_key = '', idempotency_key = null, traceparent = null
where profile_id = any($1::uuid[])
  and (params <> '{}' or entry <> '{}' or entry_key <> '' or idempotency_key is not null or traceparent is not null)
returning created_at as filed_at;

-- name: purge_delivery
-- To which address their messages went, what the gate and the provider said of each; the outcome, its reason and its instants stay.
update delivery set detail = '{}', gates = '[]', endpoint_id = null, provider_message_id = null
where profile_id = any($1::uuid[])
  and (detail <> '{}' or gates <> '[]' or endpoint_id is not null or provider_message_id is not null)
returning due_at as filed_at;

-- name: purge_audit
-- Which fields of theirs were changed; that somebody did something, and when, stays.
update audit set was = null, became = null, fields = '{}'
where customer = any($1::uuid[]) and verb <> 'erase' and (was is not null or became is not null or fields <> '{}')
returning 1;

-- name: purge_definitions
-- What the audit keeps of definitions that spell one of these out, in whatever place: that somebody wrote one, and when, stays.
with defining as (select '{predicate,of,label,features,orders,by}'::text[] as parts)
update audit set was = was - parts, became = became - parts from defining
where kind in ('segment', 'prediction') and exists (
    select from unnest(array[was, became]) as told, unnest(parts) as part
    where jsonb_path_query_array(told -> part, 'lax $.** ? (@.type() == "string")') ?| $1::text[]
)
returning 1;

-- name: purge_profile
-- The profile is empty, and leads to itself.
update profile set traits = '{}', traits_at = '{}', traits_from = '{}', device_zone = null, device_zone_at = null,
                   device_locale = null, device_locale_at = null, created_at = $2, updated_at = $2, merged_into = id, apart = false
where id = any($1::uuid[]) and (merged_into is distinct from id or traits <> '{}' or traits_at <> '{}' or traits_from <> '{}'
                                or device_zone is not null or device_locale is not null)
returning 1;

-- name: dead_letters
-- A page of dead letters, after an id, with every text that is kept of them.
select id, message_id, array[item, arrival, reason] as kept from dead_letter where id > $1 order by id limit $2;

-- name: purge_dead_letters
-- These, gone.
delete from dead_letter where id = any($1::bigint[]) returning 1;
