-- name: declared
-- By which definition each trait was derived last.
select name, version from derived_trait;

-- name: look_at_all
-- Everybody who has a trait by another definition, or is in a case of this one, is looked at again.
with declared as (
    insert into derived_trait (name, version) values ($1, $2)
    on conflict (name) do update set version = excluded.version
)
insert into derived_due (profile_id)
select profile_id from segment_member where segment = any($3::text[])
union
select id from profile where traits_from -> $1 ->> 'source' like 'derived%' and merged_into is null;

-- name: let_go
-- A trait that nobody derives any more: who has it is looked at once more.
with gone as (delete from derived_trait where name = $1)
insert into derived_due (profile_id)
select id from profile where traits_from -> $1 ->> 'source' like 'derived%' and merged_into is null;

-- name: take
-- Some of those to look at: what is written from here on is looked at by whoever comes next.
delete from derived_due where id in (select id from derived_due order by id limit $1 for update skip locked) returning profile_id;

-- name: cases
-- Which cases they are in now, and what stands there as said by us; locked, so that one word follows the other. Nobody who was merged
-- or erased.
select p.id, p.traits_from, p.traits_at, p.traits,
       array(select segment from segment_member m where m.profile_id = p.id and starts_with(m.segment, 'derived-')) as cases
from profile p where p.id = any($1::uuid[]) and p.merged_into is null order by p.id for update of p;

-- name: mark
-- The watch looks at whom traits were derived for.
insert into dirty (profile_id, types, at) select unnest($1::uuid[]), array[$2], $3;

-- name: again
-- Whose traits were told anew, or moved, is looked at again.
insert into derived_due (profile_id) select unnest($1::uuid[]) where exists (select from derived_trait);
