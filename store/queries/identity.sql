-- name: lock_names
-- Queue on the stripes of the values of names, in ascending order so that no two batches wait for each other in a circle.
select pg_advisory_xact_lock($1, stripe) from unnest($2::integer[]) as stripe;

-- name: find_names
-- Who the names of these values belong to, of any kind, from when on, and whether that profile is known by a user id or stands apart.
select i.kind, i.value, i.since, i.profile_id, i.created_at, p.apart,
       exists (select from identity u where u.profile_id = i.profile_id and u.kind = 'user_id') as known
from unnest($1::text[]) as given (value)
join identity i using (value)
join profile p on p.id = i.profile_id
order by i.kind, i.value, i.since;

-- name: claims_around
-- What these profiles said of a device $2 together with a user id, in [$3, $6): the last that is not after ($4, $5), and the
-- first after it.
with said as (
    select ts, user_id from event
    where profile_id = any($1::uuid[]) and ts >= $3::timestamptz and ts < $6::timestamptz and user_id is not null
      and (anonymous_id = $2 or (type = '$alias' and properties ->> 'previousId' = $2))
)
(select ts, user_id from said where (ts, user_id collate "C") <= ($4::timestamptz, $5::text)
 order by ts desc, user_id collate "C" desc limit 1)
union all
(select ts, user_id from said where (ts, user_id collate "C") > ($4::timestamptz, $5::text)
 order by ts, user_id collate "C" limit 1);

-- name: lock_profiles
-- Keep these profiles from being merged by others until this transaction ends; readers and plain ingest go on.
select id from profile where id = any($1::uuid[]) order by id for no key update;

-- name: lock_profiles_to_merge
-- Have these profiles alone: whoever is storing events for them finishes first, whoever comes later sees the merge.
select id from profile where id = any($1::uuid[]) order by id for update;

-- name: create_profiles
-- New customers, created at the time of the first thing they did.
insert into profile (id, created_at, updated_at)
select id, at, at from unnest($1::uuid[], $2::timestamptz[]) as given (id, at);

-- name: forget_names
-- Names that get other owners.
delete from identity i using unnest($1::text[], $2::text[]) as name (kind, value)
where i.kind = name.kind and i.value = name.value;

-- name: point_names
-- The owners of names, each from an instant on.
insert into identity (kind, value, profile_id, created_at, since)
select * from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[]);

-- name: hand_over_events
-- What a device $3 said without a user id in [$4, $5) was said by another customer: $2, not $1. Consents and addresses that
-- came with it go along. Both are marked. Returns whether any of it told traits.
with moved as (
    update event set profile_id = $2
    where profile_id = $1 and user_id is null and anonymous_id = $3 and ts >= $4::timestamptz and ts < $5::timestamptz
    returning source, message_id, type, ts
), said as (
    update consent set profile_id = $2 from moved
    where consent.profile_id = $1 and consent.source = moved.source and consent.message_id = moved.message_id
), seen as (
    update endpoint set profile_id = $2 where profile_id = $1 and last_seen_at in (select ts from moved)
), marked as (
    insert into dirty (profile_id, types, at)
    select id, (select array_agg(distinct type) from moved) || array['$identify'], $6
    from unnest(array[$1::uuid, $2::uuid]) as party (id)
    where exists (select from moved)
)
select count(*) > 0 as any, coalesce(bool_or(type = '$identify'), false) as traits from moved;

-- name: date_profiles
-- These customers have been known since the first thing that they did.
update profile set created_at = first.ts
from (select profile_id, min(ts) as ts from event where profile_id = any($1::uuid[]) group by profile_id) as first
where profile.id = first.profile_id;

-- name: record_merge
-- A merge is about to happen: what belongs to the absorbed profile now (with names $4 to $7 that were its own), and what the
-- survivor was before.
insert into merge (survivor, absorbed, at, moved)
select $1, $2, $3, jsonb_build_object(
    'names', (select coalesce(jsonb_agg(jsonb_build_array(kind, value, since, created_at)), '[]') from (
        select kind, value, since, created_at from identity where profile_id = $2
        union select * from unnest($4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])) as name),
    'endpoints', (select coalesce(jsonb_agg(id), '[]') from endpoint where profile_id = $2),
    'consents', (select coalesce(jsonb_agg(id), '[]') from consent where profile_id = $2),
    'topics', (select coalesce(jsonb_agg(id), '[]') from topic_choice where profile_id = $2),
    'runs', (select coalesce(jsonb_agg(id), '[]') from run where profile_id = $2),
    'deliveries', (select coalesce(jsonb_agg(jsonb_build_array(run_id, step, occurrence)), '[]')
                   from delivery where profile_id = $2),
    'transitions', (select coalesce(jsonb_agg(id), '[]') from segment_transition where profile_id = $2),
    'refusals', (select coalesce(jsonb_agg(id), '[]') from entry_refused where profile_id = $2),
    'members', (select coalesce(jsonb_object_agg(segment, entered_at), '{}') from segment_member where profile_id = $2),
    'nameless', (select coalesce(jsonb_agg(jsonb_build_array(source, message_id)), '[]') from event
                 where profile_id = $2 and user_id is null and anonymous_id is null),
    'created_at', (select created_at from profile where id = $2),
    'survivor', (select jsonb_build_object('created_at', created_at, 'drawn_as', drawn_as, 'members',
                     (select coalesce(jsonb_object_agg(segment, entered_at), '{}') from segment_member where profile_id = $1))
                 from profile where id = $1));

-- name: draw_as_the_earlier
-- Chance goes on as for whoever was exposed earlier: the first run or entry into a segment of either; where neither had one,
-- of whoever has been a customer longer.
update profile set drawn_as = earlier.drawn
from (
    select coalesce(p.drawn_as, p.id) as drawn
    from profile p
    where p.id in ($1, $2)
    order by least((select min(entered_at) from run where profile_id = p.id),
                   (select min(at) from segment_transition where profile_id = p.id and kind = 'entered')) nulls last,
             p.created_at, p.id <> $1
    limit 1
) as earlier
where profile.id = $1 and earlier.drawn <> coalesce(profile.drawn_as, profile.id);

-- name: mark_merged
-- Everything that asks for the absorbed profile, or for one that it absorbed before, is led to the survivor.
update profile set merged_into = $1, updated_at = $3, apart = false where id = $2 or merged_into = $2;

-- name: merge_times
-- The survivor has been a customer since the earlier of the two; zone and language are those of the device heard from last.
update profile
set created_at = least(profile.created_at, absorbed.created_at),
    updated_at = greatest(profile.updated_at, absorbed.updated_at),
    device_zone = case when absorbed.device_zone_at > profile.device_zone_at or profile.device_zone_at is null
                       then absorbed.device_zone else profile.device_zone end,
    device_zone_at = greatest(profile.device_zone_at, absorbed.device_zone_at),
    device_locale = case when absorbed.device_locale_at > profile.device_locale_at or profile.device_locale_at is null
                         then absorbed.device_locale else profile.device_locale end,
    device_locale_at = greatest(profile.device_locale_at, absorbed.device_locale_at)
from profile absorbed
where profile.id = $1 and absorbed.id = $2;

-- name: end_second_runs
-- Two open runs of one journey and key: the one further on stays (more settled messages, then the earlier entry), the other
-- is told to end.
with theirs as materialized (  -- by the customer, before it is asked which are open
    select * from run where profile_id in ($1, $2)
), standing as (
    select theirs.id,
           row_number() over (
               partition by theirs.journey, theirs.entry_key
               order by (theirs.exit_reason is not null), (theirs.waits_until is not null), settled.count desc, theirs.entered_at, theirs.id) as place
    from theirs, lateral (
        select count(*) from delivery
        where run_id = theirs.id and state in ('sent', 'skipped', 'withheld', 'failed', 'unconfirmed')) as settled
    where theirs.ended_at is null
)
update run
set exit_reason = coalesce(exit_reason, 'merged into another run'),
    exit_at = coalesce(exit_at, $3)
from standing where run.id = standing.id and standing.place > 1;

-- name: move_names
-- The absorbed profile's names.
update identity set profile_id = $1 where profile_id = $2;

-- name: move_endpoints
-- The absorbed profile's addresses.
update endpoint set profile_id = $1 where profile_id = $2;

-- name: move_consent
-- What the absorbed profile said about consent: a no about the customer as a whole holds for the survivor from now on.
update consent set profile_id = $1 where profile_id = $2;

-- name: move_topics
-- What the absorbed profile said of topics.
update topic_choice set profile_id = $1 where profile_id = $2;

-- name: move_dirty
-- Marks of the absorbed profile, and one that names everything that comes over with it.
with moved as (
    update dirty set profile_id = $1 where profile_id = $2
)
insert into dirty (profile_id, types, at)
select $1, array(select distinct type from event where profile_id = $2) || array['$identify'], $3;

-- name: move_events
-- The absorbed profile's events, in every week.
update event set profile_id = $1 where profile_id = $2;

-- name: move_members
-- Memberships: the survivor is in what either was in, since the earlier of the two.
with gone as (
    delete from segment_member where profile_id = $2 returning segment, entered_at
)
insert into segment_member (segment, profile_id, entered_at)
select segment, $1, entered_at from gone
on conflict (segment, profile_id) do update set entered_at = least(segment_member.entered_at, excluded.entered_at);

-- name: move_transitions
-- What the absorbed profile entered and left, also what still waits to be dispatched.
update segment_transition set profile_id = $1 where profile_id = $2;

-- name: move_runs
-- The absorbed profile's runs; the workflows look the customer up by run.
update run set profile_id = $1 where profile_id = $2;

-- name: move_refusals
-- Entries of the absorbed profile that did not become runs.
update entry_refused set profile_id = $1 where profile_id = $2;

-- name: forget_scores
-- What was foretold of either is of somebody else now; the next scoring says it anew.
delete from prediction_score where profile_id in ($1, $2);

-- name: forget_due
-- When either was expected to buy again is of somebody else now; the next round says it anew.
delete from product_due where profile_id in ($1, $2);

-- name: move_deliveries
-- The ledgers unite, so caps never start again.
update delivery set profile_id = $1 where profile_id = $2;

-- name: touch
-- What these two add to experiments is looked at again, if either is in one.
insert into customer_touched (profile_id)
select id from unnest(array[$1::uuid, $2::uuid]) as party (id)
where exists (select from exposure x where x.profile_id in ($1, $2)
                or x.profile_id in (select id from profile where merged_into in ($1, $2)));

-- name: tell_apart
-- Where these two were counted as one, neither stands as it was.
update customer_value set apart = true where profile_id in ($1, $2) or exposed_as in ($1, $2);

-- name: survivors
-- Those of these profiles that were merged, with the profile that took them in.
select id, merged_into from profile where id = any($1::uuid[]) and merged_into <> id order by id;

-- name: merges_of
-- The merges that made a customer what it is, newest first, with the names that each brought.
select m.id, m.survivor, m.absorbed, m.at, m.undone_at, m.undone_by,
       array(select value ->> 0 || ' ' || (value ->> 1) from jsonb_array_elements(m.moved -> 'names') order by 1) as names
from merge m
where $1 in (m.survivor, m.absorbed) or exists (select from profile p where p.id = m.survivor and p.merged_into = $1)
order by m.id desc;

-- name: merge_to_undo
-- A merge, and whose the absorbed profile is now.
select m.survivor, m.absorbed, m.undone_at, p.merged_into as root
from merge m join profile p on p.id = m.absorbed where m.id = $1 for update of m;

-- name: names_of
-- All names of a customer.
select distinct kind, value from identity where profile_id = $1;

-- name: stand_alone
-- The absorbed profile $2 of the merge $1 is a customer of its own again, with those that it had absorbed before; it stays apart.
with recursive part (id) as (
    select $2::uuid
    union
    select m.absorbed from merge m join part on m.survivor = part.id where m.undone_at is null and m.id <> $1
), alone as (
    update profile set merged_into = nullif($2::uuid, id), apart = apart or id = $2, updated_at = greatest(updated_at, $3)
    where id in (select id from part)
)
update merge set undone_at = $3, undone_by = $4 where id = $1;

-- name: dates_before
-- Both are customers since when they were before the merge $1, and the survivor is drawn as it was (if it still is the root $2).
update profile p
set created_at = ((case p.id when m.absorbed then m.moved else m.moved -> 'survivor' end) ->> 'created_at')::timestamptz,
    drawn_as = case p.id when m.absorbed then p.drawn_as else (m.moved #>> '{survivor,drawn_as}')::uuid end
from merge m
where m.id = $1 and (p.id = m.absorbed or (p.id = m.survivor and p.id = $2));

-- name: give_back_names
-- User ids that the merge $1 brought to $2 are $3's again.
update identity i set profile_id = $3
from merge m, jsonb_array_elements(m.moved -> 'names') as name
where m.id = $1 and i.profile_id = $2 and i.kind = name ->> 0 and i.value = name ->> 1 and i.kind <> 'anonymous_id';

-- name: devices_of
-- Every span of the devices of $2, and whether the merge $1 brought the device.
select i.value, i.since, i.profile_id, i.created_at,
       exists (select from merge m, jsonb_array_elements(m.moved -> 'names') as name
               where m.id = $1 and name ->> 0 = 'anonymous_id' and name ->> 1 = i.value) as brought
from identity i
where i.kind = 'anonymous_id' and i.value in (select value from identity where profile_id = $2 and kind = 'anonymous_id')
order by i.value, i.since;

-- name: claims_of
-- What was said of the devices of $1 together with a user id, in order, and whether by one of $2's.
select device, ts, exists (select from identity i where i.kind = 'user_id' and i.value = said.user_id and i.profile_id = $2) as theirs
from (
    select anonymous_id as device, ts, user_id from event
    where profile_id = $1 and user_id is not null and anonymous_id is not null
    union all
    select properties ->> 'previousId', ts, user_id from event
    where profile_id = $1 and user_id is not null and type = '$alias'
) as said
where device is not null
order by device, ts, user_id collate "C";

-- name: give_back_events
-- From $2 to $3: what came under a user id of $3, on a device of $3's time, and what has no name and came with the merge $1 or
-- with a run that did. Consents that these told go along. Returns the types, to mark both.
with brought as materialized (
    select value ->> 0 as source, value ->> 1 as message_id
    from merge, jsonb_array_elements(moved -> 'nameless') where merge.id = $1
), moved as (
    update event e set profile_id = $3
    where profile_id = $2 and (
        (user_id is not null and exists (
            select from identity i where i.kind = 'user_id' and i.value = e.user_id and i.profile_id = $3))
        or (user_id is null and anonymous_id is not null and $3 = (
            select i.profile_id from identity i
            where i.kind = 'anonymous_id' and i.value = e.anonymous_id and i.since <= e.ts order by i.since desc limit 1))
        or (user_id is null and anonymous_id is null and (
            (source, message_id) in (select source, message_id from brought)
            or properties ->> 'run_id' in (
                select value from merge, jsonb_array_elements_text(moved -> 'runs') where merge.id = $1))))
    returning source, message_id, type
), said as (
    update consent c set profile_id = $3 from moved
    where c.profile_id = $2 and c.source = moved.source and c.message_id = moved.message_id
)
select coalesce(array_agg(distinct type), '{}') as types from moved;

-- name: give_back_consents
-- Words that the merge $1 brought to $2 are $3's again.
update consent c set profile_id = $3
from merge m, jsonb_array_elements_text(m.moved -> 'consents') as brought
where m.id = $1 and c.profile_id = $2 and c.id = brought::bigint;

-- name: give_back_topics
-- The same for topics.
update topic_choice c set profile_id = $3
from merge m, jsonb_array_elements_text(m.moved -> 'topics') as brought
where m.id = $1 and c.profile_id = $2 and c.id = brought::bigint;

-- name: give_back_endpoints
-- Addresses of $2 that the merge $1 brought, or that were last seen with what is $3's now, are $3's; unless $2 itself was seen
-- with them last.
update endpoint e set profile_id = $3
where e.profile_id = $2
  and not exists (select from event where profile_id = $2 and ts = e.last_seen_at)
  and (exists (select from event where profile_id = $3 and ts = e.last_seen_at)
       or e.id::text in (select value from merge, jsonb_array_elements_text(moved -> 'endpoints') where merge.id = $1));

-- name: give_back_runs
-- Runs that the merge $1 brought to $2.
update run set profile_id = $3 from merge m, jsonb_array_elements_text(m.moved -> 'runs') as brought
where m.id = $1 and run.profile_id = $2 and run.id = brought::uuid;

-- name: give_back_deliveries
-- Messages that were on the ledger before the merge $1; those of after it went to the survivor and count there.
update delivery d set profile_id = $3 from merge m, jsonb_array_elements(m.moved -> 'deliveries') as brought
where m.id = $1 and d.profile_id = $2
  and (d.run_id, d.step, d.occurrence) = ((brought ->> 0)::uuid, brought ->> 1, (brought ->> 2)::bigint);

-- name: give_back_transitions
-- What the absorbed profile had entered and left before the merge $1.
update segment_transition t set profile_id = $3 from merge m, jsonb_array_elements_text(m.moved -> 'transitions') as brought
where m.id = $1 and t.profile_id = $2 and t.id = brought::bigint;

-- name: give_back_refusals
-- Entries that were refused before the merge $1.
update entry_refused r set profile_id = $3 from merge m, jsonb_array_elements_text(m.moved -> 'refusals') as brought
where m.id = $1 and r.profile_id = $2 and r.id = brought::bigint;

-- name: give_back_members
-- The memberships of both, as they were; the next tick of the watch sets right what has changed since ($2 is the root).
with theirs as (
    insert into segment_member (segment, profile_id, entered_at)
    select key, $3::uuid, value::timestamptz from merge, jsonb_each_text(moved -> 'members') where merge.id = $1
    on conflict do nothing
)
update segment_member s set entered_at = was.value::timestamptz
from merge m, jsonb_each_text(m.moved #> '{survivor,members}') as was
where m.id = $1 and m.survivor = $2 and s.profile_id = $2 and s.segment = was.key;

-- name: mark_both
-- Two customers of whom everything may have changed.
insert into dirty (profile_id, types, at)
select id, $3::text[] || array['$identify', '$consent', '$endpoint', '$name'], $4 from unnest(array[$1::uuid, $2::uuid]) as party (id);
