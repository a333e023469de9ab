-- name: splits
-- The shards, of whatever split, that share customers with this one ($1 of $2).
select shard, shards from (
    select shard, shards from segment_progress union select shard, shards from segment_backfill union select $1, $2
) as known
where shard % gcd(shards::integer, $2::integer) = $1 % gcd(shards::integer, $2::integer)
order by shards, shard;

-- name: segments_seen
-- Of each definition whether it is live on this shard already, and whether another one (or another split, or an earlier stay) was.
select wanted.segment,
       coalesce(bool_or(p.version = wanted.version and shard = $3 and shards = $4 and evaluated_to > $5), false) as loaded,
       coalesce(bool_or(p.version <> wanted.version or shards <> $4 or evaluated_to <= $5), false) as known
from unnest($1::text[], $2::text[]) as wanted (segment, version)
left join segment_progress p on p.segment = wanted.segment
group by wanted.segment;

-- name: register_segment
-- A definition as it was last loaded; `known_from` stays the instant as of which it was evaluated first.
insert into segment (name, version, definition, known_from) values ($1, $2, $3, $4)
on conflict (name, version) do update set definition = excluded.definition, loaded_at = now();

-- name: last_loaded
-- The definition by which a segment is evaluated somewhere, else the one that was registered last.
select s.definition from segment s
left join segment_progress p on p.segment = s.name and p.version = s.version and p.evaluated_to > $2
where s.name = $1
order by p.evaluated_to desc nulls last, s.loaded_at desc limit 1;

-- name: go_on
-- The loads of these definitions that were begun on this shard, and not given up.
update segment_backfill b set updated_at = clock_timestamp()
from unnest($1::text[], $2::text[]) as wanted (segment, version)
where b.segment = wanted.segment and b.version = wanted.version
  and shard = $3 and shards = $4 and updated_at > now() - interval '50 minutes'
returning b.*;

-- name: give_up
-- The newest definition wins: loads of others on shards that share customers with this one are given up.
delete from segment_backfill
where segment = $1 and shard % gcd(shards::integer, $3::integer) = $2 % gcd(shards::integer, $3::integer);

-- name: give_up_abandoned
-- Loads that nobody has worked at for so long that ticks have ceased to keep marks for them.
delete from segment_backfill where updated_at < now() - interval '1 hour';

-- name: begin
-- A load begins.
insert into segment_backfill (segment, version, shard, shards, as_of, replaces, announce, types, all_types, customers)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning *;

-- name: hold
-- A load that is still wanted, held until the transaction ends, so that two who work at it take turns.
select * from segment_backfill where id = $1 and updated_at > now() - interval '50 minutes' for update;

-- name: following
-- Up to where the next $2 customers reach, and how many there are.
select count(*) as customers, (array_agg(id order by id desc))[1] as high
from (select id from profile where id > $1 order by id limit $2) as next;

-- name: came_meanwhile
-- Those of $1 who cannot have been in at $3: new customers, and those in whom a trait of $4 or something marked as $5 changed
-- since. Each of them has a mark (of the types $6, or any where $7) by which the watch will look at them again.
select p.id from profile p
where p.id = any($1::uuid[])
  and exists (
    select from (
        select profile_id, types, at from dirty
        union all
        select profile_id, types, at from segment_backfill_mark where backfill = $2
    ) as mark
    where mark.profile_id = p.id and ($7 or mark.types && $6::text[])
      and (p.created_at > $3
           or exists (select from jsonb_each(p.traits_from) t where t.key = any($4::text[]) and (t.value ->> 'since')::timestamptz > $3)
           or (mark.types && $5::text[] and mark.at > $3)));

-- name: settle_range
-- The membership of a shard's customers in ($4, $5] becomes $7; what changes is logged when $9 says so.
with inside as (
    select unnest($7::uuid[]) as profile_id
), gone as (
    delete from segment_member m
    where segment = $1 and m.profile_id > $4 and m.profile_id <= $5 and bucket(m.profile_id) % $3::smallint = $2::smallint
      and not exists (select from inside where inside.profile_id = m.profile_id)
    returning profile_id
), came as (
    insert into segment_member (segment, profile_id, entered_at)
    select $1, profile_id, $6 from inside
    on conflict do nothing
    returning profile_id
), logged as (
    insert into segment_transition (segment, profile_id, kind, at, cause)
    select $1, profile_id, kind, $6, $8
    from (select profile_id, 'left' as kind from gone union all select profile_id, 'entered' from came) as changed
    where $9
)
select (select count(*) from came) as entered, (select count(*) from gone) as left;

-- name: find_alone
-- Of several who work at one load, one evaluates it.
select pg_advisory_xact_lock($1::integer, ($2::bigint % 2147483647)::integer);

-- name: give_up_after
-- So many milliseconds may a statement take from here on to the end of the transaction; 0: as long as it wants.
select set_config('statement_timeout', $1, true);

-- name: found
-- Everybody was evaluated.
update segment_backfill set found = true, updated_at = clock_timestamp()
where id = $1 and updated_at > now() - interval '50 minutes'
returning *;

-- name: known
-- A load that is still wanted, as it stands.
select * from segment_backfill where id = $1 and updated_at > now() - interval '50 minutes';

-- name: staged_between
-- Of who was found to be in, those with an id in ($2, $3].
select profile_id from segment_backfill_member where backfill = $1 and profile_id > $2 and profile_id <= $3;

-- name: move_on
-- A chunk is done.
update segment_backfill
set done_to = $2, done = done + $3, entered = entered + $4, "left" = "left" + $5, updated_at = clock_timestamp()
where id = $1
returning *;

-- name: last_transition
-- The log as it stands.
select coalesce(max(id), 0) from segment_transition;

-- name: live_until
-- How far the versions that are to be replaced are evaluated, on shards that share customers with this one.
select max(evaluated_to) from segment_progress
where segment = $1 and not (version = $2 and shard = $3 and shards = $4)
  and shard % gcd(shards::integer, $4::integer) = $3 % gcd(shards::integer, $4::integer);

-- name: note_moved
-- Customers whom time moved while a definition was being loaded.
insert into segment_backfill_mark (backfill, profile_id, types, at) select $1, unnest($2::uuid[]), '{}', $3;

-- name: note_alarms
-- The same by the alarms of the new version.
insert into segment_backfill_mark (backfill, profile_id, types, at)
select $1, profile_id, '{}', $6 from segment_alarm
where segment = $2 and version = $3 and due_at <= $6 and bucket(profile_id) % $5::smallint = $4::smallint;

-- name: staged
-- Who is in the version that will replace another.
select profile_id from segment_backfill_member where backfill = $1;

-- name: forget_changes
-- A comparison is done anew.
delete from segment_backfill_change where backfill = $1;

-- name: compare
-- Who is in one of the two versions only.
insert into segment_backfill_change (backfill, profile_id)
select $1, profile_id from segment_backfill_member s
where backfill = $1 and not exists (select from segment_member m where m.segment = $2 and m.profile_id = s.profile_id)
union all
select $1, profile_id from segment_member m
where segment = $2 and bucket(profile_id) % $4::smallint = $3::smallint
  and not exists (select from segment_backfill_member s where s.backfill = $1 and s.profile_id = m.profile_id);

-- name: settle_changes
-- Membership becomes what was staged, for whom nothing has happened since: of those who differed when they were compared, and
-- of those whom ticks have moved since then (transitions after $5).
with looked_at as (
    select profile_id from segment_backfill_change where backfill = $1
    union
    select profile_id from segment_transition
    where id > $5 and segment = $2 and bucket(profile_id) % $4::smallint = $3::smallint
), quiet as (
    select q.profile_id,
           exists (select from segment_backfill_member s where s.backfill = $1 and s.profile_id = q.profile_id) as inside
    from looked_at q
    join profile p on p.id = q.profile_id and p.merged_into is null
    where not exists (select from segment_backfill_mark k where k.backfill = $1 and k.profile_id = q.profile_id)
), gone as (
    delete from segment_member m using quiet
    where m.segment = $2 and m.profile_id = quiet.profile_id and not quiet.inside
    returning m.profile_id
), came as (
    insert into segment_member (segment, profile_id, entered_at)
    select $2, profile_id, $6 from quiet where inside
    on conflict do nothing
    returning profile_id
), logged as (
    insert into segment_transition (segment, profile_id, kind, at, cause)
    select $2, profile_id, kind, $6, $7
    from (select profile_id, 'left' as kind from gone union all select profile_id, 'entered' from came) as changed
)
select (select count(*) from came) as entered, (select count(*) from gone) as left;

-- name: supersede
-- Other versions whose shard overlaps this one must be evaluated anew if they come back ($5: the beginning of time).
update segment_progress set evaluated_to = $5
where segment = $1 and version <> $2 and shard % gcd(shards::integer, $4::integer) = $3 % gcd(shards::integer, $4::integer);

-- name: evaluated
-- This definition is live on this shard.
insert into segment_progress (segment, version, shard, shards, evaluated_to, since) values ($1, $2, $3, $4, $5, $6)
on conflict (segment, version, shard, shards) do update set evaluated_to = excluded.evaluated_to, since = excluded.since;

-- name: put_back_kept
-- What ticks consumed meanwhile, and whom time moved, is to be looked at again by the definition that was loaded ($2 is its own
-- type of mark).
insert into dirty (profile_id, types, at, traceparent, written_by)
select profile_id, types || $2::text, at, traceparent, written_by from segment_backfill_mark
where backfill = $1 order by id;

-- name: finish
-- A load is done.
delete from segment_backfill where id = $1;

-- name: tidy_members
-- What loads that are over have left behind.
delete from segment_backfill_member where not exists (select from segment_backfill b where b.id = backfill);

-- name: tidy_changes
-- The same, of comparisons.
delete from segment_backfill_change where not exists (select from segment_backfill b where b.id = backfill);

-- name: tidy_marks
-- The same, of marks.
delete from segment_backfill_mark where not exists (select from segment_backfill b where b.id = backfill);

-- name: standing
-- The definitions by which a shard goes on now, of these segments.
select p.segment, p.version, s.definition
from segment_progress p join segment s on s.name = p.segment and s.version = p.version
where p.shard = $1 and p.shards = $2 and p.evaluated_to > $4 and p.segment = any($3::text[]);

-- name: sleep
-- What a shard no longer looks after must be evaluated anew if it comes back: $3 and $4 name what it does look after.
update segment_progress set evaluated_to = $5
where shard = $1 and shards = $2 and evaluated_to > $5
  and (segment, version) not in (select * from unnest($3::text[], $4::text[]));

-- name: announce
-- Some members ($3, after $2) without a line in the log that says how they came in; they get one at $4.
with chosen as (
    select m.profile_id from segment_member m
    left join lateral (
        select kind from segment_transition t
        where t.profile_id = m.profile_id and t.segment = m.segment and t.kind in ('entered', 'left')
        order by id desc limit 1
    ) as last on true
    where m.segment = $1 and m.profile_id > $2 and last.kind is distinct from 'entered'
    order by m.profile_id limit $3
), logged as (
    insert into segment_transition (segment, profile_id, kind, at, cause)
    select $1, profile_id, 'entered', $4, $5 from chosen order by profile_id
)
select count(*) as announced, (array_agg(profile_id order by profile_id desc))[1] as last from chosen;

-- name: unannounced
-- How many members have no line in the log that says how they came in.
select count(*) from segment_member m
left join lateral (
    select kind from segment_transition t
    where t.profile_id = m.profile_id and t.segment = m.segment and t.kind in ('entered', 'left')
    order by id desc limit 1
) as last on true
where m.segment = $1 and last.kind is distinct from 'entered';

