-- name: try_making
-- One maker of a snapshot at a time ($1 separates our locks from others); the lock is the session's.
select pg_try_advisory_lock($1::integer, hashtext($2));

-- name: stop_making
-- Let another maker try.
select pg_advisory_unlock($1::integer, hashtext($2));

-- name: new_list
-- A list for a snapshot; no row when there is one of that name already.
insert into customer_list (name, by, created_at, updated_at) values ($1, $2, $3, $3) on conflict do nothing returning name;

-- name: begin
-- A list becomes a snapshot.
insert into list_snapshot (list, segment, version, definition, as_of, state, by, started_at, updated_at)
values ($1, $2, $3, $4, $5, 'evaluating', $6, $7, $7);

-- name: snapshot
-- The snapshot that a list is.
select list as list_name, segment, version, definition, as_of, state, members, written, by, started_at, updated_at
from list_snapshot where list = $1;

-- name: of_segment
-- The snapshots of a segment, newest first.
select list as list_name, segment, version, definition, as_of, state, members, written, by, started_at, updated_at
from list_snapshot where segment = $1 order by started_at desc, list;

-- name: of_lists
-- The snapshots among these lists.
select list as list_name, segment, version, definition, as_of, state, members, written, by, started_at, updated_at
from list_snapshot where list = any($1::text[]);

-- name: make_chosen
-- Where the evaluation puts its answer: for the session, because it is written down in many transactions.
create temporary table chosen (n bigint generated always as identity primary key, profile_id uuid not null);

-- name: drop_chosen
-- The answer is no longer needed.
drop table if exists chosen;

-- name: choose_only_new
-- An earlier maker broke off: who is on the list already need not be put there again.
delete from chosen using (
    select distinct on (profile_id) profile_id, properties from event where type = $1 order by profile_id, ts desc
) as last
where last.profile_id = chosen.profile_id and (properties ->> 'listed')::boolean;

-- name: no_longer_chosen
-- An earlier maker broke off: who is on the list, but is not in by what is known now.
select profile_id from (
    select distinct on (profile_id) profile_id, properties from event where type = $1 order by profile_id, ts desc
) as last
where (properties ->> 'listed')::boolean and not exists (select from chosen where chosen.profile_id = last.profile_id);

-- name: write
-- Put the next of the chosen (from $1 up to $2) on the list: an event of type $3 for each, and a mark for the watch.
with written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select profile_id, $4, $3, 'list', gen_random_uuid()::text, '{"listed": true}', $5, $4
    from chosen where n > $1 and n <= $2
    returning profile_id
), marked as (
    insert into dirty (profile_id, types, at) select profile_id, array[$3], $4 from written
)
select count(*) from written;

-- name: note
-- How far it has come.
update list_snapshot set state = $2, members = $3, written = $4, updated_at = $5 where list = $1;
