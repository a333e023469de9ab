-- name: make_asked
-- Those who are asked about, until the transaction ends.
create temporary table if not exists asked (n integer primary key, id uuid not null) on commit drop;

-- name: forget_asked
-- Others are asked about.
truncate asked;

-- name: ask_one
-- One customer is asked about.
insert into asked (n, id) values (0, $1);

-- name: look_at_asked
-- The planner has to know how many they are.
analyze asked;

-- name: asked
-- Whose row each is, sixteen bytes of it.
select coalesce(string_agg(uuid_send(id), '' order by n), '') from asked;
