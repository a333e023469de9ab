-- name: all
-- Sources by name, as they stand; one of them, or all.
select name, every, becomes, asked_at, begun_at, read_at, newest_at, failed_at, failure, rows, changed, gone, bad, erased, problems, gives, changed_at,
       (select count(*) from source_row r where r.source = s.name and r.digest is not null) as known
from source s where $1::text is null or name = $1 order by name;

-- name: declare
-- A source of the catalogue.
insert into source (name, every, becomes) values ($1, $2, $3)
on conflict (name) do update set every = excluded.every, becomes = excluded.becomes
where (source.every, source.becomes) <> (excluded.every, excluded.becomes);

-- name: ask
-- Somebody wants it read now.
update source set asked_at = $2 where name = $1 returning name;

-- name: asked
-- Those that somebody wants read, and that nobody has begun since.
select name from source where asked_at is not null and (begun_at is null or begun_at < asked_at);

-- name: begin
-- A reading begins; from where on it goes, where only what is new is read.
update source set begun_at = greatest(begun_at, $2) where name = $1 returning newest_at;

-- name: known
-- What rows said when they were read last.
select key, digest from source_row where source = $1 and key = any($2::bytea[]);

-- name: keep
-- What rows say now.
insert into source_row (source, key, digest, profile_id)
select $1, x.key, x.digest, x.profile_id from unnest($2::bytea[], $3::bytea[], $4::uuid[]) as x (key, digest, profile_id)
on conflict (source, key) do update set digest = excluded.digest, profile_id = excluded.profile_id where source_row.digest is not null;

-- name: begin_seen
-- Where a whole reading writes down which rows there are.
create temporary table source_seen (key bytea primary key);

-- name: seen
-- These rows are there; returned are those that were not seen before.
insert into source_seen select distinct unnest($1::bytea[]) on conflict do nothing returning key;

-- name: count_gone
-- How many of those known are not there any more, and how many are known.
select count(*) filter (where not exists (select from source_seen s where s.key = r.key)) as gone, count(*) as known
from source_row r where r.source = $1 and r.digest is not null;

-- name: gone
-- Some of those who are not there any more: the customer, a user id of theirs, and which of their traits came from here.
select r.key, p.id as profile_id,
       (select i.value from identity i where i.profile_id = p.id and i.kind = 'user_id' order by i.since desc limit 1) as user_id,
       array(select t.name from jsonb_each(p.traits_from) as t (name, origin)
             where t.origin ->> 'source' = $1 and p.traits ? t.name order by 1) as traits
from source_row r
left join profile was on was.id = r.profile_id
left join profile p on p.id = coalesce(was.merged_into, was.id) and p.merged_into is null
where r.source = $1 and r.digest is not null and not exists (select from source_seen s where s.key = r.key)
limit $2;

-- name: forget
-- These rows are not there any more.
delete from source_row where source = $1 and key = any($2::bytea[]) and digest is not null;

-- name: finish
-- A reading has come to its end.
update source set read_at = $2, newest_at = greatest(case when newest_at > $2 then $2 else newest_at end, $3), failed_at = null, failure = null, rows = $4, changed = $5, gone = $6, bad = $7,
    erased = $8, problems = $9, gives = $10, changed_at = case when $5::bigint + $6::bigint > 0 then $2 else changed_at end
where name = $1;

-- name: fail
-- A reading could not be begun or ended, and why.
update source set failed_at = $2, failure = $3 where name = $1;
