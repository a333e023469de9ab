-- name: columns
-- The views of the schema `reporting`, each with its comment and its columns in their order: name, type, comment.
select c.relname as name, obj_description(c.oid) as about,
       array_agg((a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)) order by a.attnum) as columns
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
group by c.oid, c.relname;

-- name: clock
-- What time it is here, for all who ask.
select clock_timestamp();

-- name: plan
-- Make hours known, each table's from after its last one on, or from the first that is asked for; returns how many are new. What is not
-- over, or was looked at in a time that is to come, somebody wrote whose clock was ahead: nobody has written that yet.
with unsaid as (
    update export_hour set sha256 = null, written_at = null, looked_at = null
    where written_at is not null and (hour > $3::timestamptz or looked_at > $4::timestamptz)
), new as (
    insert into export_hour (name, hour)
    select asked.name, each.hour
    from unnest($1::text[]) as asked (name),
         lateral (select coalesce($2::timestamptz, max(hour) + interval '1 hour', $3::timestamptz) as next from export_hour where name = asked.name) as known,
         generate_series(known.next, $3::timestamptz, interval '1 hour') as each (hour)
    on conflict do nothing
    returning 1
)
select count(*) from new;

-- name: next_transaction
-- Whoever writes now has an older number than this.
select pg_snapshot_xmax(pg_current_snapshot())::text;

-- name: are_over
-- Whether all transactions with older numbers are over.
select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8;

-- name: due
-- Hours up to this one that are to be written or compared, in their order: new ones, and those whose writing broke off; those of an erasure; those in which something changed, and each once a day
-- after it was over, but none twice within 20 hours.
select name, hour from export_hour h
where hour <= $4 and (sha256 is null
   or (looked_at < hour + interval '25 hours' and hour + interval '25 hours' <= $1)
   or exists (select from export_stale s
              where s.name = h.name and s.hour = h.hour and (s.erasure is not null or h.looked_at <= $1 - interval '20 hours')))
order by hour, array_position($2::text[], name) limit $3;

-- name: written
-- Hours that are in the bucket, or should be, with how many rows, in their order.
select name, hour, rows from export_hour where written_at is not null order by hour, array_position($1::text[], name);

-- name: of_erasure
-- Hours that hold rows of somebody who is being erased.
select distinct name, hour from export_stale where erasure = $1 order by hour, name;

-- name: lock_hour
-- One at a time writes an hour.
select pg_advisory_lock($1, hashtext($2 || extract(epoch from $3::timestamptz)::text));

-- name: unlock_hour
-- The next one may.
select pg_advisory_unlock($1, hashtext($2 || extract(epoch from $3::timestamptz)::text));

-- name: hour
-- What is in the bucket of an hour.
select version, rows, bytes, file, sha256, written_at from export_hour where name = $1 and hour = $2;

-- name: marks
-- Why it is to be written anew, as far as one sees before the rows are read.
select id from export_stale where name = $1 and hour = $2;

-- name: writing
-- From now on nobody knows what stands there, but that it is this version.
update export_hour set version = version + 1, sha256 = null where name = $1 and hour = $2 returning version;

-- name: wrote
-- It stands in the bucket so.
update export_hour set rows = $3, bytes = $4, file = $5, sha256 = $6, written_at = $7, looked_at = $7 where name = $1 and hour = $2;

-- name: same
-- Its file says what the tables say.
update export_hour set looked_at = $3 where name = $1 and hour = $2;

-- name: unmark
-- These are dealt with.
delete from export_stale where id = any($1::bigint[]);

-- name: in_bucket
-- Each table's hours: how many and which are written, what waits.
select h.name, min(h.hour) as since, max(h.hour) filter (where h.written_at is not null) as last,
       count(*) filter (where h.written_at is not null) as hours,
       coalesce(sum(h.rows), 0)::bigint as rows, coalesce(sum(h.bytes), 0)::bigint as bytes,
       count(*) filter (where h.sha256 is null) as waiting, min(h.hour) filter (where h.sha256 is null) as waiting_since,
       count(*) filter (where h.written_at is not null and exists (select from export_stale s where s.name = h.name and s.hour = h.hour)) as stale
from export_hour h group by h.name order by array_position($1::text[], h.name);

-- name: forget
-- There are no files any more.
with gone as (delete from export_hour returning 1), unmarked as (delete from export_stale) select count(*) from gone;
