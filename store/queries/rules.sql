-- name: keep
-- The rules that the API was told, where they are others than those that hold.
with held as (select became from audit where kind = 'rules' and name = 'deployment' order by id desc limit 1)
insert into audit (by, role, verb, kind, name, was, became)
select 'journeys', 'system', 'keep', 'rules', 'deployment', (select became from held), $1::jsonb
where (select became from held) is distinct from $1::jsonb;

-- name: kept
-- The rules that hold.
select became from audit where kind = 'rules' and name = 'deployment' order by id desc limit 1;
