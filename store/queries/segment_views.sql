-- name: stored
-- Every definition that came through the API, also those that were deleted.
select name, version, definition, announce, by, created_at, updated_at, deleted_at from segment_definition order by name;

-- name: lock_definitions
-- One change of definitions at a time, because they name each other; the lock ends with the transaction.
select pg_advisory_xact_lock($1::integer, 0);

-- name: put_stored
-- A new definition, or a new version of one; true when there was none of that name.
insert into segment_definition as known (name, version, definition, announce, by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (name) do update
set version = excluded.version, definition = excluded.definition, announce = excluded.announce, by = excluded.by,
    created_at = case when known.deleted_at is null then known.created_at else excluded.created_at end,
    updated_at = excluded.updated_at, deleted_at = null
returning created_at = $6 and updated_at = $6 as created;

-- name: delete_stored
-- Take a definition out of use; the watches see it within seconds and let its members go.
update segment_definition set deleted_at = $2, updated_at = $2, by = $3
where name = $1 and deleted_at is null
returning name;

-- name: left_over
-- Which of these deleted segments a shard ($2 of $3) still knows or has members of.
select name from unnest($1::text[]) as gone (name)
where exists (select from segment_progress where segment = name and shard = $2 and shards = $3)
   or exists (select from segment_backfill where segment = name and shard = $2 and shards = $3)
   or exists (select from segment_member where segment = name and bucket(profile_id) % $3::smallint = $2::smallint);

-- name: let_go
-- The members of a deleted segment on a shard leave, in the log too, so that journeys which end on leaving do.
with gone as (
    delete from segment_member
    where segment = $1 and bucket(profile_id) % $3::smallint = $2::smallint
    returning profile_id
)
insert into segment_transition (segment, profile_id, kind, at, cause)
select $1, profile_id, 'left', $4, '{"definition": "deleted"}' from gone;

-- name: forget_progress
-- A deleted segment starts anew if it comes back, on every split that this shard ($2 of $3) is part of.
delete from segment_progress
where segment = $1 and shard % gcd(shards::integer, $3::integer) = $2 % gcd(shards::integer, $3::integer);

-- name: evaluated
-- Up to when these versions of segments are evaluated, by the shard that is furthest behind; those that each shard has evaluated.
select segment, min(evaluated_to) as evaluated_to
from (select p.segment, min(p.evaluated_to) as evaluated_to
      from unnest($1::text[], $2::text[]) as known (name, version)
      join segment_progress p on p.segment = known.name and p.version = known.version and p.evaluated_to > $3
      group by p.segment, p.shards having count(*) = p.shards) as whole
group by segment;

-- name: loading
-- How far the loads of these versions of segments are, over all shards.
select b.segment, sum(b.done)::bigint as done, sum(greatest(b.customers, b.done))::bigint as customers
from unnest($1::text[], $2::text[]) as known (name, version)
join segment_backfill b on b.segment = known.name and b.version = known.version
group by b.segment;

-- name: days
-- Each UTC day of [$2, $3] with who entered and left, and the size at its end: today's size, counted back to when the segment was
-- first evaluated, and null before. Members who were announced later had been in already. Days after $3 count together: how far back
-- it is asked for costs nothing.
with flow as materialized (
    select (at at time zone 'UTC')::date as day,
           count(*) filter (where kind = 'entered' and not cause ? 'announced') as entered,
           count(*) filter (where kind = 'left') as "left"
    from segment_transition
    where segment = $1 and kind in ('entered', 'left') and at >= $2::date::timestamp at time zone 'UTC'
    group by 1
), last as (
    select (select coalesce(sum(members), 0) from segment_size where segment = $1)
           - (select coalesce(sum(entered - "left"), 0) from flow where day > $3::date) as size
), line as (
    select day::date as day, coalesce(entered, 0) as entered, coalesce("left", 0) as "left"
    from generate_series($2::date::timestamp, $3::date::timestamp, '1 day') as every (day)
    left join flow using (day)
)
select day, entered, "left",
       case when (day + 1)::timestamp at time zone 'UTC' > (select min(known_from) from segment where name = $1) then
       greatest(0, (select size from last)
                   - coalesce(sum(entered - "left") over (order by day desc rows between unbounded preceding
                                                                            and 1 preceding), 0))::bigint end as size
from line
order by day;

-- name: members
-- Some members by customer id, after $2, with those of their traits that the definition names.
select m.profile_id, m.entered_at,
       (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p.traits) where key = any($3::text[])) as traits
from segment_member m join profile p on p.id = m.profile_id
where m.segment = $1 and m.profile_id > $2
order by m.profile_id limit $4;

-- name: traits_of
-- Those of the traits of customers that a definition names.
select id as profile_id, null::timestamptz as entered_at,
       (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(traits) where key = any($2::text[])) as traits
from profile where id = any($1::uuid[]) order by id;

-- name: last_heard
-- The last event of each type that is not dated into the future.
select type, ts
from unnest($1::text[]) as asked (type)
cross join lateral (select ts from event where event.type = asked.type and ts <= $2 order by ts desc limit 1) as last;

-- name: known_types
-- Every event type that was received, by leaps over the index; at most a thousand, without those of our own making.
with recursive known as (
    (select min(type) as type from event)
    union all
    select (select min(type) from event where type > known.type) from known where known.type is not null
)
select type from known where type is not null and type not like '$%' limit 1000;

-- name: known_traits
-- The traits of the newest $1 customers.
select distinct name
from (select traits from profile where merged_into is null order by id desc limit $1) as newest, jsonb_object_keys(traits) as name;

-- name: kinds_of_trait
-- Of the values at a path ($1) in the traits of the newest $3 customers, how many are of which kind; $2 is what a date looks like.
select case when jsonb_typeof(value) <> 'string' then jsonb_typeof(value)
            when value #>> '{}' ~ $2 then 'instant' else 'text' end as kind, count(*) as count
from (select traits from profile where merged_into is null order by id desc limit $3) as newest,
     jsonb_path_query(traits, $1::text::jsonpath) as value
where value <> 'null' group by 1;

-- name: kinds_of_property
-- The same of the properties of the newest $3 events of a type ($4).
select case when jsonb_typeof(value) <> 'string' then jsonb_typeof(value)
            when value #>> '{}' ~ $2 then 'instant' else 'text' end as kind, count(*) as count
from (select properties from event where type = $4 order by ts desc limit $3) as newest,
     jsonb_path_query(properties, $1::text::jsonpath) as value
where value <> 'null' group by 1;

-- name: texts_of_trait
-- The texts at a path ($1) in the traits of the newest $3 customers that are one of these ($2) but for their capitals.
select distinct value #>> '{}' as text
from (select traits from profile where merged_into is null order by id desc limit $3) as newest,
     jsonb_path_query(traits, $1::text::jsonpath) as value
where jsonb_typeof(value) = 'string' and lower(value #>> '{}') = any($2::text[]);

-- name: texts_of_property
-- The same of the properties of the newest $3 events of a type ($4).
select distinct value #>> '{}' as text
from (select properties from event where type = $4 order by ts desc limit $3) as newest,
     jsonb_path_query(properties, $1::text::jsonpath) as value
where jsonb_typeof(value) = 'string' and lower(value #>> '{}') = any($2::text[]);

-- name: heard_from
-- Who sent events of these types in the four weeks before $2: the last time, on how many days, and the longest gap between two
-- of these. Of each type and day the newest $3 are looked at; who sent less than one in fifty of a type is left out.
with sample as (
    select asked.type, day, heard.source, heard.ts
    from unnest($1::text[]) as asked (type)
    cross join generate_series(0, 27) as day
    cross join lateral (
        select source, ts from event
        where event.type = asked.type and ts <= $2::timestamptz - day * interval '24 hours'
          and ts > $2::timestamptz - (day + 1) * interval '24 hours'
        order by ts desc limit $3) as heard
), daily as (
    select type, source, day, max(ts) as last_at, count(*) as events, sum(count(*)) over (partition by type) as of_type
    from sample group by type, source, day
), spaced as (
    select *, last_at - lag(last_at) over (partition by type, source order by last_at) as gap from daily
)
select type, source, max(last_at) as last_at, count(*) as days, max(gap) as longest_gap
from spaced
group by type, source, of_type
having sum(events) * 50 >= of_type
order by type, source;

-- name: overlaps
-- How many customers each two of these segments share, and how many each has, among the customers of $2 of 256 buckets.
with member as (
    select segment, profile_id from segment_member where segment = any($1::text[]) and bucket(profile_id) < $2
), size as (
    select segment, count(*) as members from member group by segment
), pair as (
    select a.segment as one, b.segment as other, count(*) as shared
    from member a join member b on b.profile_id = a.profile_id and b.segment > a.segment
    group by 1, 2
)
select one, other, shared, s.members as of_one, t.members as of_other
from pair join size s on s.segment = one join size t on t.segment = other
order by one, other;

-- name: customers
-- About how many customers there are: exact up to some thousands, else what Postgres' statistics say.
select case when estimate > 10000 then estimate else (select count(*) from profile where merged_into is null) end as customers
from (select reltuples::bigint as estimate from pg_class where oid = 'profile'::regclass) as known;

-- name: sample
-- About so many per cent ($1) of the customers: those on pages that chance has chosen, the same ones while the table is the same.
select id from profile tablesample system ($1::real) repeatable (0) where merged_into is null;

-- name: known_properties
-- The names of the properties of the newest $2 events of each of these types.
select distinct name
from unnest($1::text[]) as asked (type)
cross join lateral (select properties from event where event.type = asked.type order by ts desc limit $2) as newest,
     jsonb_object_keys(case jsonb_typeof(properties) when 'object' then properties else '{}' end) as name;

-- name: coverage
-- Per trait (total), and per trait and source: how many of the customers looked at have it, how old it is, and how sure it is
-- where it was inferred. They are those of $2 of 256 buckets, of all or of one segment ($3). A trait that is null is missing.
with looked_at as (
    select traits, traits_at, traits_from from profile
    where merged_into is null and bucket(id) < $2
      and ($3::text is null or exists (select from segment_member m where m.profile_id = profile.id and m.segment = $3))
), told as (
    select t.key as trait,
           (case jsonb_typeof(d.value) when 'string' then d.value #>> '{}' when 'object' then d.value ->> 'at' end)::timestamptz as at,
           traits_from -> t.key ->> 'source' as source,
           (traits_from -> t.key ->> 'confidence')::float as confidence
    from looked_at
    cross join lateral jsonb_each(traits) as t
    left join lateral (select traits_at -> t.key as value) as d on true
    where jsonb_typeof(t.value) <> 'null'
), everybody as (
    select count(*) as customers from looked_at
)
select trait, count(*) as having, customers, max(at) as newest_at, percentile_disc(0.5) within group (order by at) as median_at,
       count(*) filter (where at < $1) as outdated, count(confidence) as inferred,
       percentile_disc(0.5) within group (order by confidence) as median_confidence,
       source, grouping(source) = 1 as total
from told cross join everybody
group by grouping sets ((trait, customers), (trait, customers, source))
order by trait, source;

-- name: looked_at
-- How many customers the report on coverage looks at.
select count(*) from profile
where merged_into is null and bucket(id) < $1
  and ($2::text is null or exists (select from segment_member m where m.profile_id = profile.id and m.segment = $2));

-- name: zones_said
-- How many living customers have said each time zone, by what they said.
select traits ->> 'timezone' as said, count(*) as customers from profile
where traits ? 'timezone' and merged_into is null
group by 1;
