-- name: lock_names
-- Queue on the stripes of these names, in ascending order so that no two batches wait for each other in a circle.
select pg_advisory_xact_lock($1, stripe) from unnest($2::integer[]) as stripe;

-- name: find_names
-- Who these names belong to, from when on, and whether that profile is known by a user id or stands apart.
select i.kind, i.value, i.since, i.profile_id, i.created_at, p.apart,
       exists (select from identity u where u.profile_id = i.profile_id and u.kind = 'user_id') as known
from unnest($1::text[], $2::text[]) as name (kind, value)
join identity i using (kind, value)
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
    'consents_before', (select coalesce(max(id), 0) from consent),
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
                 from profile where id = $1))
returning id;

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
-- The survivor has been a customer since the earlier of the two.
update profile
set created_at = least(profile.created_at, absorbed.created_at),
    updated_at = greatest(profile.updated_at, absorbed.updated_at)
from profile absorbed
where profile.id = $1 and absorbed.id = $2;

-- name: merge_consent
-- Consent before the rows unite: where the newer word would be the more permissive one, the stricter word is repeated at
-- its time, so that it wins; only a later grant by the survivor itself stands.
with latest as (
    select distinct on (profile_id, channel, purpose) profile_id, channel, purpose, state, text_version, message_id, at,
           array_position(array['granted', 'unknown', 'pending', 'expired', 'refused', 'withdrawn'], state) as strictness
    from consent where profile_id in ($1, $2)
    order by profile_id, channel, purpose, at desc, id desc
)
insert into consent (profile_id, channel, purpose, state, source, text_version, message_id, at)
select $1, strict.channel, strict.purpose, strict.state, 'merge', strict.text_version, strict.message_id, loose.at
from latest strict join latest loose using (channel, purpose)
where strict.profile_id <> loose.profile_id
  and strict.strictness > loose.strictness
  and loose.at >= strict.at
  and not (loose.profile_id = $1 and loose.state = 'granted' and loose.at > strict.at);

-- name: end_second_runs
-- Two open runs of one journey and key: the one further on stays (more settled messages, then the earlier entry), the other
-- is told to end.
with standing as (
    select run.id,
           row_number() over (
               partition by run.journey, run.entry_key
               order by (run.exit_reason is not null), settled.count desc, run.entered_at, run.id) as place
    from run, lateral (
        select count(*) from delivery
        where run_id = run.id and state in ('sent', 'skipped', 'withheld', 'failed', 'unconfirmed')) as settled
    where run.profile_id in ($1, $2) and run.ended_at is null
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
-- The absorbed profile's consents.
update consent set profile_id = $1 where profile_id = $2;

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

-- name: move_deliveries
-- The ledgers unite, so caps never start again.
update delivery set profile_id = $1 where profile_id = $2;

-- name: survivors
-- Those of these profiles that were merged, with the profile that took them in.
select id, merged_into from profile where id = any($1::uuid[]) and merged_into is not null order by id;
