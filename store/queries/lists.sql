-- name: lock_list
-- One change of a list at a time ($1 separates our locks from others); the lock ends with the transaction.
select pg_advisory_xact_lock($1::integer, hashtext($2));

-- name: touch_list
-- The list exists from its first change on; no row when it is a snapshot, which nothing changes.
insert into customer_list (name, by, created_at, updated_at) values ($1, $2, $3, $3)
on conflict (name) do update set updated_at = excluded.updated_at
where not exists (select from list_snapshot where list = $1)
returning name;

-- name: is_frozen
-- Whether a list is a snapshot.
select exists (select from list_snapshot where list = $1);

-- name: lists
-- Every list by name, with who made it and when it last changed.
select name, by, created_at, updated_at from customer_list order by name;

-- name: resolve
-- The customers that these names mean: `customer_id`, `user_id`, `anonymous_id`, `email` or `phone` (addresses that we hold).
select asked.n, coalesce(p.merged_into, p.id) as profile_id
from unnest($1::text[], $2::text[]) with ordinality as asked (kind, value, n)
join profile p on p.id = case asked.kind
    when 'customer_id' then asked.value::uuid
    when 'email' then (select profile_id from endpoint where channel = 'email' and address = asked.value)
    when 'phone' then (select profile_id from endpoint where channel in ('sms', 'whatsapp') and address = asked.value
                       order by last_seen_at desc, channel limit 1)
    else (select profile_id from identity i where i.kind = asked.kind and i.value = asked.value order by since desc limit 1)
end
where p.merged_into is distinct from p.id  -- nobody is there any more
order by asked.n;

-- name: change
-- Put customers on a list or take them off ($3): an event of the type $1 for each whose last one says otherwise, after that
-- one, and a mark for the watch. Returns how many it was.
with wanted as (
    select distinct id from unnest($2::uuid[]) as given (id)
), standing as (
    select wanted.id, last.ts, coalesce((last.properties ->> 'listed')::boolean, false) as listed
    from wanted
    left join lateral (
        select ts, properties from event where profile_id = wanted.id and type collate "C" = $1 order by ts desc limit 1
    ) as last on true
), written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select id, greatest($4::timestamptz, ts + interval '1 microsecond'), $1, 'list', gen_random_uuid()::text,
           jsonb_build_object('listed', $3::boolean), $5, $4
    from standing where listed is distinct from $3::boolean
    returning profile_id
), marked as (
    insert into dirty (profile_id, types, at) select profile_id, array[$1], $4 from written
)
select count(*) from written;

-- name: on_list
-- Who is on the list: the customers whose last event of its type put them there.
select profile_id from (
    select distinct on (profile_id) profile_id, properties from event where type = $1 order by profile_id, ts desc
) as last
where (properties ->> 'listed')::boolean;

-- name: on_lists
-- How many are on each list, by the type of its events.
select type, count(*) filter (where (properties ->> 'listed')::boolean) as members from (
    select distinct on (type, profile_id) type, properties from event where type = any($1::text[]) order by type, profile_id, ts desc
) as last
group by type;

-- name: forget_problems
-- The bad rows of an import that begins again.
delete from list_import_problem where import_id = $1;

-- name: note_problems
-- More bad rows of an import.
insert into list_import_problem (import_id, row, problem)
select $1, row, problem from unnest($2::integer[], $3::text[]) as given (row, problem) on conflict do nothing;

-- name: problems
-- The bad rows of an import after a line, by their lines.
select row, problem from list_import_problem where import_id = $1 and row > $2 order by row limit $3;

-- name: begin_import
-- An import begins, or begins again.
insert into list_import (id, list, state, by, started_at, updated_at) values ($1, $2, 'running', $3, $4, $4)
on conflict (id) do update
set state = 'running', rows = 0, added = 0, already = 0, removed = 0, bad = 0, problems = '[]', by = excluded.by,
    started_at = excluded.started_at, updated_at = excluded.updated_at
where list_import.list = excluded.list
returning id;

-- name: note_import
-- How far an import has come.
update list_import
set state = $2, rows = $3, added = $4, already = $5, removed = $6, bad = $7, problems = $8, updated_at = $9
where id = $1;

-- name: import
-- An import by its id.
select id, list as list_name, state, rows, added, already, removed, bad, problems, by, started_at, updated_at from list_import where id = $1;
