-- name: lock_shard
-- One watch at a time looks after a shard; the lock ends with the transaction.
select pg_advisory_xact_lock($1::integer, $2::integer);

-- name: plan_for_a_few
-- What a tick asks is about some customers, by index: planned once, for no values in particular, and never by reading a table
-- through, however small it was when it was planned.
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_nestloop', 'on', true), set_config('jit', 'off', true);

-- name: plan_for_everybody
-- What is asked about everybody is planned for its values, and joins sets by hash or by merging: each is read once, where a
-- nested loop would read one for each row of the other, and is chosen where Postgres believes that there is but one.
select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true),
       set_config('enable_nestloop', 'off', true);

-- name: plan_as_ever
-- As the server is set up.
select set_config(name, reset_val, true) from pg_settings where name in ('plan_cache_mode', 'enable_seqscan', 'enable_nestloop', 'jit');

-- name: take_dirty
-- The oldest marks of a shard ($1 of $2), at most $3 of them, consumed by this transaction. An event and its mark are
-- written by one transaction, so `written_by` tells which events a mark stands for. A watch that catches up takes those of its
-- time only (up to $4). Definitions that are being loaded (and
-- were not given up) are kept a copy of what may concern them: one, also where another
-- load that is done has put it back ('$loaded:'), or copies would double with each of many loads.
with taken as (
    delete from dirty
    where id = any(array(select id from dirty
                         where bucket(profile_id) % $2::smallint = $1::smallint and at <= coalesce($4::timestamptz, 'infinity')
                         order by id limit $3))
    returning id, profile_id, types, at, traceparent, coalesce(written_by, xmin::text) as written_by
), kept as (
    insert into segment_backfill_mark (backfill, profile_id, types, at, traceparent, written_by)
    select b.id, t.profile_id, own.types, t.at, t.traceparent, t.written_by
    from taken t join segment_backfill b on bucket(t.profile_id) % b.shards = b.shard and (b.all_types or b.types && t.types)
    cross join lateral (select array(select type from unnest(t.types) with ordinality as told (type, place)
                                     where type not like '$loaded:%' order by place) as types) as own
    where b.updated_at > now() - interval '1 hour'
      and (own.types = t.types or not exists (
          select from segment_backfill_mark k where k.backfill = b.id and k.profile_id = t.profile_id
          and (k.types, k.at, k.written_by) = (own.types, t.at, t.written_by)))
    order by t.id
)
select taken.*, (select merged_into from profile where profile.id = taken.profile_id) as merged_into
from taken
order by id;

-- name: put_back
-- Marks of absorbed profiles, handed to their survivors (who may be another shard's).
insert into dirty (profile_id, types, at, traceparent)
select profile_id, string_to_array(types, chr(31)), at, traceparent
from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) as given (profile_id, types, at, traceparent);

-- name: progress
-- How far each definition has been evaluated on a shard, and since when it has been there.
select segment, version, evaluated_to, since from segment_progress where shard = $1 and shards = $2;

-- name: advance
-- Time has been looked at up to here, for these definitions on this shard. A changed definition has told all differences
-- unless there are more marks ($6).
update segment_progress set evaluated_to = $5, since = case when $6 then since end
from unnest($1::text[], $2::text[]) as done (segment, version)
where segment_progress.segment = done.segment and segment_progress.version = done.version
  and shard = $3 and shards = $4 and evaluated_to < $5;

-- name: first_events
-- The first event of each type in (low, high].
select asked.n, found.ts
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) with ordinality as asked (type, low, high, n)
cross join lateral (select min(ts) as ts from event where type = asked.type and ts > asked.low and ts <= asked.high) as found
where found.ts is not null;

-- name: first_created
-- The first customer created in (low, high].
select asked.n, found.at
from unnest($1::timestamptz[], $2::timestamptz[]) with ordinality as asked (low, high, n)
cross join lateral (select min(created_at) as at from profile where created_at > asked.low and created_at <= asked.high) as found
where found.at is not null;

-- name: first_due
-- The first alarm of these versions of segments, and the first mark, of a shard.
select at from (
    (select due_at as at from segment_alarm a
     where bucket(profile_id) % $4::smallint = $3::smallint
       and (segment, version) in (select * from unnest($1::text[], $2::text[]))
     order by due_at limit 1)
    union all
    (select at from dirty where bucket(profile_id) % $4::smallint = $3::smallint order by id limit 1)
) as due
where at is not null;

-- name: sweep
-- Whom time alone can have moved: per edge (type, low, high), the shard's profiles with such an event in (low, high].
-- The outer bounds $4 and $5 are those of all edges, so that older partitions are never opened. Where $8 names time zones
-- (separated by chr(31)), only customers with one of them.
select edge.n, swept.profile_id
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $8::text[]) with ordinality as edge (type, low, high, zones, n)
cross join lateral (
    select distinct profile_id from event
    where event.type = edge.type and ts > edge.low and ts <= edge.high and ts > $4 and ts <= $5
) as swept
where bucket(swept.profile_id) % $7::smallint = $6::smallint
  and (edge.zones is null or exists (
    select from profile
    where id = swept.profile_id and traits ->> 'timezone' = any(string_to_array(edge.zones, chr(31)))));

-- name: members
-- What these profiles are in, a row per segment.
select segment, array_agg(profile_id) as profile_ids, array_agg(entered_at) as entered_at
from segment_member where profile_id = any($1::uuid[]) group by segment;

-- name: lock_facts
-- Traits of profiles whose membership changes. The lock makes a merge wait until the change is visible to it; profiles
-- that were merged meanwhile are left out, since their survivor is marked dirty.
select id, traits::text as traits, traits_at, traits_from, created_at, drawn_as from profile
where id = any($1::uuid[]) and merged_into is null
order by id
for key share;

-- name: facts_events
-- The events that decide: of these profiles and types in ($3, $4], the newest $5 of each profile.
select who.profile_id, e.type, e.ts, e.message_id, e.properties::text as properties
from unnest($1::uuid[]) as who (profile_id)
cross join lateral (
    select type, ts, message_id, properties from event
    where event.profile_id = who.profile_id and type collate "C" = any($2::text[]) and ts > $3 and ts <= $4
    order by ts desc limit $5
) as e;

-- name: deciding_events
-- The same where each (profile, type) is asked about from its own instant $3 on.
select want.profile_id, e.type, e.ts, e.message_id, e.properties::text as properties
from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as want (profile_id, type, since)
cross join lateral (
    select type, ts, message_id, properties from event
    where event.profile_id = want.profile_id and event.type collate "C" = want.type and ts > want.since and ts <= $4
    order by ts desc limit $5
) as e;

-- name: facts_people
-- User ids, the consent for each channel and purpose and the reachable channels of these profiles, with the times that date them.
select who.profile_id,
       named.user_ids, named.named_at,
       (select coalesce(jsonb_agg(jsonb_build_array(channel, purpose, states[1], since)), '[]')
        from (select channel, purpose, array_agg(state order by array_position(
                         array['granted', 'unknown', 'pending', 'expired', 'refused', 'withdrawn'], state)) as states,
                     coalesce(min(since) filter (where state = 'granted'), max(since)) as since
              from (select channel, purpose, case when replaced_at is null then word else 'unknown' end as state,
                           greatest(at, changed_at) as since
                    from endpoint e, lateral (values ('marketing', marketing, marketing_at),
                                                     ('transactional', transactional, transactional_at)) as told (purpose, word, at)
                    where e.profile_id = who.profile_id and told.at is not null
                    union all
                    select channel, purpose, 'unknown', lost_at
                    from endpoint_lost l, lateral (values ('marketing', marketing_at), ('transactional', transactional_at))
                        as lost (purpose, lost_at)
                    where l.profile_id = who.profile_id and lost_at is not null) as held
              group by channel, purpose) as each) as consents,
       (select coalesce(jsonb_agg(jsonb_build_array(channel, valid, since)), '[]')
        from (select channel, bool_or(valid) as valid, coalesce(min(since) filter (where valid), max(since)) as since
              from (select channel, invalid_at is null and replaced_at is null as valid, changed_at as since
                    from endpoint e where e.profile_id = who.profile_id
                    union all
                    select channel, false, at from endpoint_lost l where l.profile_id = who.profile_id) as held
              group by channel) as each) as endpoints
from unnest($1::uuid[]) as who (profile_id)
cross join lateral (
    select coalesce(array_agg(value) filter (where kind = 'user_id'), '{}') as user_ids,
           max(created_at) filter (where kind = 'user_id') as named_at
    from identity i where i.profile_id = who.profile_id
) as named;

-- name: has_threshold
-- Whether the threshold of a ranking as of a renewal is recorded.
select exists (select from segment_threshold where ranking = $1 and as_of = $2);

-- name: write_threshold
-- The threshold as of a renewal; whoever takes it first decides.
insert into segment_threshold (ranking, as_of, value, customers) values ($1, $2, $3, $4) on conflict do nothing;

-- name: thresholds
-- All recorded thresholds of these rankings.
select ranking, as_of, value from segment_threshold where ranking = any($1::text[]) order by as_of;

-- name: members_of_shard
-- Who is in a segment, of this shard.
select profile_id from segment_member where segment = $1 and bucket(profile_id) % $3::smallint = $2::smallint;

-- name: last_left
-- When each of these profiles last left that segment.
select given.segment, given.profile_id, last.at
from unnest($1::text[], $2::uuid[]) as given (segment, profile_id)
cross join lateral (
    select at from segment_transition t
    where t.profile_id = given.profile_id and t.segment = given.segment and t.kind = 'left'
    order by id desc limit 1
) as last;

-- name: fresh_events
-- Events of these profiles and types in ($3, $4] that are new: written with one of the consumed marks ($5 profile,
-- $6 transaction), or dated into the future when they were received and come true after $7.
select who.profile_id, e.type, e.ts, e.message_id, e.properties::text as properties
from unnest($1::uuid[]) as who (profile_id)
cross join unnest($2::text[]) as asked (type)
cross join lateral (
    select type, ts, message_id, properties, received_at, xmin::text as written_by from event
    where event.profile_id = who.profile_id and event.type collate "C" = asked.type and ts > $3 and ts <= $4
    offset 0
) as e
where (who.profile_id, e.written_by) in (select * from unnest($5::uuid[], $6::text[])) or (e.ts > $7 and e.received_at < e.ts)
order by e.ts, e.message_id;

-- name: logged
-- Which of these events are in the log already (a merge writes events anew).
select t.segment, t.message_id
from unnest($1::uuid[]) as who (profile_id)
cross join unnest($2::text[]) as asked (segment)
cross join lateral (
    select segment, cause ->> 'message_id' as message_id from segment_transition t
    where t.profile_id = who.profile_id and t.segment = asked.segment
    offset 0
) as t
where t.message_id = any($3::text[]);

-- name: write_transitions
-- Membership and its log in one statement. Only what really changes a row is logged, so two watches cannot log twice.
with given as (
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[]) with ordinality
        as given (segment, profile_id, kind, at, cause, traceparent, n)
), came as (
    insert into segment_member (segment, profile_id, entered_at)
    select segment, profile_id, at from given where kind = 'entered' order by segment, profile_id
    on conflict do nothing
    returning segment, profile_id, 'entered' as kind
), gone as (
    delete from segment_member m using given
    where given.kind = 'left' and m.segment = given.segment and m.profile_id = given.profile_id
    returning m.segment, m.profile_id, 'left' as kind
), changed as (
    select * from came union all select * from gone
)
insert into segment_transition (segment, profile_id, kind, at, cause, traceparent)
select segment, profile_id, kind, at, cause::jsonb, traceparent
from given
where kind = 'repeated' or (segment, profile_id, kind) in (select segment, profile_id, kind from changed)
order by n
returning kind;

-- name: due_alarms
-- The customers of a shard whom an alarm of these versions of segments calls for; the alarms are gone with it.
delete from segment_alarm
where ctid = any(array(select ctid from segment_alarm
                       where due_at <= $1 and bucket(profile_id) % $5::smallint = $4::smallint
                         and (segment, version) in (select * from unnest($2::text[], $3::text[]))
                       order by due_at))
returning segment, profile_id;

-- name: set_alarms
-- The next alarm of each segment and customer; without an instant, none.
with given as (
    select * from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) as given (segment, version, profile_id, due_at)
), gone as (
    delete from segment_alarm a using given
    where given.due_at is null
      and a.segment = given.segment and a.version = given.version and a.profile_id = given.profile_id
)
insert into segment_alarm (segment, version, profile_id, due_at)
select segment, version, profile_id, due_at from given where due_at is not null order by segment, version, profile_id
on conflict (segment, version, profile_id) do update set due_at = excluded.due_at;

-- name: clear_alarms
-- No alarm of a segment on a shard.
delete from segment_alarm where segment = $1 and bucket(profile_id) % $3::smallint = $2::smallint;

-- name: clear_old_alarms
-- Some alarms ($4) of versions that are neither live nor being loaded, on a shard.
delete from segment_alarm where (segment, version, profile_id) in (
    select segment, version, profile_id from segment_alarm a
    where segment = $1 and bucket(profile_id) % $3::smallint = $2::smallint
      and not exists (select from segment_progress p
                      where p.segment = a.segment and p.version = a.version and p.evaluated_to > $5)
      and not exists (select from segment_backfill b where b.segment = a.segment and b.version = a.version)
    limit $4);

-- name: traits_of
-- The traits of these profiles, as text so that numbers stay exact, and since when they are what they are.
select id, traits::text as traits, traits_at, traits_from, created_at, drawn_as
from profile where id = any($1::uuid[]) and merged_into is null;

-- name: traits_with
-- The traits of a shard's profiles in ($4, $5] that have, or once had, one of these names.
select id, traits::text as traits, traits_at, traits_from, created_at, drawn_as from profile
where id > $4 and id <= $5 and bucket(id) % $2::smallint = $1::smallint and merged_into is null
  and (traits ?| $3::text[] or traits_at ?| $3::text[]);

-- name: grown
-- Who has been known for so long: per segment, the shard's profiles that were created in (low, high].
select given.segment, born.id as profile_id
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as given (segment, low, high)
cross join lateral (
    select id, merged_into from profile where created_at > given.low and created_at <= given.high offset 0
) as born
where merged_into is null and bucket(born.id) % $5::smallint = $4::smallint;
