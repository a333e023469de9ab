-- name: all
-- Audiences by name, as they stand; one of them, or all.
select a.name, a.segment, a.kind, a.every, a.most_gone, a.paused_at, a.asked, a.compared, a.comparing is not null as comparing, a.compared_at,
       a.result, a.took_at, a.failing_since, a.failure, a.refused, a.held_at,
       (select count(*) from audience_member m where m.audience = a.name and m.state = 'there') as there,
       (select count(*) from audience_member m where m.audience = a.name and m.state = 'adding') as adding,
       (select count(*) from audience_member m where m.audience = a.name and m.state = 'leaving') as leaving,
       (select count(*) from audience_member m where m.audience = a.name and m.state = 'removing') as removing,
       (select count(*) from (select from audience_due d where d.audience = a.name limit 10000) as counted) as due
from audience a where $1::text is null or a.name = $1 order by a.name;

-- name: declare
-- An audience of the catalogue; of another segment, or another kind of destination, it is compared anew.
insert into audience as a (name, segment, kind, every, most_gone) values ($1, $2, $3, $4, $5)
on conflict (name) do update
set segment = excluded.segment, kind = excluded.kind, every = excluded.every, most_gone = excluded.most_gone,
    asked = a.asked + case when (a.segment, a.kind) <> (excluded.segment, excluded.kind) then 1 else 0 end
where (a.segment, a.kind, a.every, a.most_gone) <> (excluded.segment, excluded.kind, excluded.every, excluded.most_gone);

-- name: ask
-- All of it is to be compared.
update audience set asked = asked + 1 where name = $1 returning name;

-- name: switch
-- Nobody is added, and nobody leaves, until it goes on; who may not be passed on any more still goes.
update audience set paused_at = $2 where name = $1 returning name;

-- name: let_go
-- Those who have left by now may go, however many they are.
update audience set let_go_at = $2 where name = $1 returning name;

-- name: left_at_destinations
-- Erasures under way whose customers a destination still knows: it will not be told, because somebody says that it is no more.
with left_there as (
    select e.id, count(*) as entries
    from erasure e join audience_member m on m.profile_id = any(e.profiles)
    where e.finished_at is null and m.audience = $1 group by e.id
)
update erasure e set counts = jsonb_set(e.counts, array[$2::text], to_jsonb(coalesce((e.counts ->> $2)::bigint, 0) + l.entries))
from left_there l where l.id = e.id;

-- name: forget
-- An audience that no catalogue has any more goes, with all that was known of its destination.
with gone as (delete from audience where name = $1 returning name), unseen as (
    delete from audience_due d using gone where d.audience = gone.name
)
select name from gone;

-- name: drop_unseen
-- Nobody looks at what was being noted for an audience while that was forgotten.
delete from audience_due d where not exists (select from audience a where a.name = d.audience);

-- name: to_wake
-- Those for which something is to be done, and whose segment is loaded. Of those held it is looked again when somebody comes or leaves.
select a.name from audience a
where (exists (select from segment_progress p where p.segment = a.segment)
       and not exists (select from segment_backfill b where b.segment = a.segment and not b.replaces)
       and (exists (select from audience_due d where d.audience = a.name)
            or a.paused_at is null and (
                a.asked > a.compared
                or exists (select from audience_member m where m.audience = a.name and m.state = 'adding')
                or (a.held_at is null or a.let_go_at is not null)
                   and exists (select from audience_member m where m.audience = a.name and m.state = 'leaving'))))
   or exists (select from audience_member m where m.audience = a.name and m.state = 'removing')
order by a.name;

-- name: due
-- Some of those who are to be looked at.
select id, profile_id from audience_due where audience = $1 order by id limit $2;

-- name: looked
-- They have been looked at.
delete from audience_due where id = any($1::bigint[]);

-- name: begin
-- A comparison begins, or goes on where it was; nothing where none is wanted.
update audience
set looked_to = case when comparing is null then null else looked_to end, told_to = case when comparing is null then 0 else told_to end,
    found = case when comparing is null then '{}' else found end, refused = case when comparing is null then 0 else refused end,
    comparing = coalesce(comparing, asked)
where name = $1 and paused_at is null and asked > compared
returning looked_to, told_to, found;

-- name: everybody
-- Customers by id whom a comparison looks at: who is in the segment, and of whom the destination was told.
select profile_id from segment_member where segment = $2 and ($3::uuid is null or profile_id > $3)
union
select profile_id from audience_member where audience = $1 and state <> 'removing' and ($3::uuid is null or profile_id > $3)
order by profile_id limit $4;

-- name: compared_to
-- How far a comparison is, and what it has found so far.
update audience set looked_to = $2, found = $3 where name = $1 and comparing is not null;

-- name: told_again
-- How far a comparison has told the destination again of who is there.
update audience set told_to = $2 where name = $1 and comparing is not null;

-- name: finish
-- A comparison has come to its end.
update audience set compared = comparing, comparing = null, compared_at = $2, result = found where name = $1 and comparing is not null;

-- name: hold
-- Hold these profiles, so that an erasure either has not begun or is seen.
select from profile where id = any($1::uuid[]) order by id for key share;

-- name: standing
-- Of each whether they live, are in the segment, and by what they could be known: the user id that they have now (one that an alias left
-- only where there is no other), the newest of several, and the addresses at which they said
-- yes to marketing, the newest first.
select p.id as profile_id, p.merged_into is null as alive, p.merged_into as survivor,
       exists (select from segment_member m where m.segment = $2 and m.profile_id = p.id) as member,
       (select i.value from identity i where i.profile_id = p.id and i.kind = 'user_id' order by
            (select max(e.ts) from event e where e.profile_id = p.id and e.type collate "C" = '$alias' and e.properties ->> 'previousId' = i.value)
            nulls first, i.since desc, i.created_at desc limit 1) as user_id,
       coalesce(a.channels, '{}') as channels, coalesce(a.addresses, '{}') as addresses
from profile p
left join lateral (
    select array_agg(e.channel order by e.newest desc, e.id) as channels, array_agg(e.address order by e.newest desc, e.id) as addresses
    from (select id, channel, address, coalesce(named_at, last_seen_at) as newest from endpoint
          where profile_id = p.id and channel = any($3::text[]) and marketing = 'granted' and invalid_at is null and replaced_at is null) as e
) a on true
where p.id = any($1::uuid[]);

-- name: told
-- What the destination has been told of these, or is about to be.
select id, profile_id, ids, state from audience_member where audience = $1 and profile_id = any($2::uuid[]) and state <> 'removing';

-- name: put
-- These are to be added, by these ids.
insert into audience_member (audience, profile_id, ids, state, since)
select $1, (x ->> 'profile_id')::uuid, array(select jsonb_array_elements_text(x -> 'ids')), 'adding', $3 from jsonb_array_elements($2::jsonb) as x;

-- name: turn
-- These rows are to be told otherwise.
update audience_member set state = $2, since = $3 where id = any($1::bigint[]) and state not in ($2, 'removing');

-- name: say_again
-- The destination is told again of these, since what it knew of somebody else who is the same customer goes.
update audience_member set state = 'adding', since = $3
where audience = $1 and profile_id = any($2::uuid[]) and state = 'there';

-- name: batch
-- Some of what is to be told; `erased`: of somebody who was erased.
select m.id, m.profile_id, m.ids, coalesce(p.merged_into = p.id, false) as erased
from audience_member m left join profile p on p.id = m.profile_id
where m.audience = $1 and m.state = $2 order by m.id limit $3;

-- name: there
-- Some of whom the destination knows, after an entry.
select id, profile_id, ids, false as erased from audience_member
where audience = $1 and state in ('there', 'leaving') and id > $2 order by id limit $3;

-- name: how
-- Whether nobody is added, and whether somebody has left.
select a.paused_at is not null as paused,
       exists (select from audience_member m where m.audience = a.name and m.state = 'leaving') as leaving
from audience a where a.name = $1;

-- name: number
-- The next number of what a destination is told.
update audience set batches = batches + 1 where name = $1 returning batches;

-- name: added
-- The destination knows them; who has been turned meanwhile is told otherwise yet.
update audience_member set state = 'there', since = $2 where id = any($1::bigint[]) and state = 'adding';

-- name: removed
-- The destination has forgotten these. Whoever is there by one of the same ids is told to it again.
with gone as (delete from audience_member where id = any($2::bigint[]) returning ids)
update audience_member m set state = 'adding', since = $3
where m.audience = $1 and m.state = 'there' and m.id <> all($2::bigint[])
  and m.ids && (select array_agg(id) from (select unnest(ids) as id from gone) as known);

-- name: took
-- The destination takes what it is told; entries that it could not read are counted.
update audience set took_at = $2, failing_since = null, failure = null, refused = refused + $3 where name = $1;

-- name: rest
-- Nothing waits to be told.
update audience set failing_since = null, failure = null where name = $1 and failing_since is not null;

-- name: fails
-- The destination cannot be told; since when.
update audience set failing_since = coalesce(failing_since, $2), failure = $3 where name = $1 returning failing_since;

-- name: leaving
-- How many have left, of how many; what has gone within the hour; and up to when somebody has let them go.
select (select count(*) from audience_member m where m.audience = a.name and m.state = 'leaving') as leaving,
       (select count(*) from audience_member m where m.audience = a.name and m.state in ('there', 'leaving')) as known,
       a.window_at, a.window_known, a.window_gone, a.let_go_at
from audience a where a.name = $1;

-- name: go
-- Those who had left by an instant go.
with gone as (
    update audience_member set state = 'removing', since = $2 where audience = $1 and state = 'leaving' and since <= $3 returning 1
)
select count(*) from gone;

-- name: gone
-- So many have gone within the hour, of so many; nobody is held any more.
update audience set window_at = $2, window_known = $3, window_gone = $4, held_at = null, let_go_at = null where name = $1;

-- name: held
-- Too many would go at once: they stay until somebody lets them.
update audience set held_at = coalesce(held_at, $2), let_go_at = null where name = $1;
