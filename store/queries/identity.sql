-- name: lock_names
-- Queue on the stripes of these names, in ascending order so that no two batches wait for each other in a circle.
select pg_advisory_xact_lock($1, stripe) from unnest($2::integer[]) as stripe;

-- name: find_names
-- Who these names belong to, since when, and whether that profile is known by a user id.
select i.kind, i.value, i.profile_id, i.created_at as since,
       exists (select from identity u where u.profile_id = i.profile_id and u.kind = 'user_id') as known
from unnest($1::text[], $2::text[]) as name (kind, value)
join identity i using (kind, value);

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

-- name: point_names
-- Names of profiles: new ones, and anonymous ids that went over to another user.
insert into identity (kind, value, profile_id, created_at)
select * from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[])
on conflict (kind, value) do update set profile_id = excluded.profile_id, created_at = excluded.created_at;

-- name: mark_merged
-- Everything that asks for the absorbed profile, or for one that it absorbed before, is led to the survivor.
update profile set merged_into = $1, updated_at = $3 where id = $2 or merged_into = $2;

-- name: merge_times
-- The survivor has been a customer since the earlier of the two; the zone is that of the device heard from last.
update profile
set created_at = least(profile.created_at, absorbed.created_at),
    updated_at = greatest(profile.updated_at, absorbed.updated_at),
    device_zone = case when absorbed.device_zone_at > profile.device_zone_at or profile.device_zone_at is null
                       then absorbed.device_zone else profile.device_zone end,
    device_zone_at = greatest(profile.device_zone_at, absorbed.device_zone_at)
from profile absorbed
where profile.id = $1 and absorbed.id = $2;

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
-- What the absorbed profile said about consent: a no about the customer as a whole holds for the survivor from now on.
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
