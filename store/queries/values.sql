-- name: declare
-- By which rules conversions are counted. Where one is new or another than before, whoever was exposed under it is looked at again, or
-- under a version of which no rule is known; so is everybody, where events count at which nobody looked before.
with said as (
    select journey, version, nullif(rule, 'null'::jsonb) as rule, string_to_array(types, chr(31)) as types
    from unnest($1::text[], $2::text[], $3::jsonb[], $4::text[]) as said (journey, version, rule, types)
), declared as (
    insert into conversion as c (journey, version, rule, types, declared_at)
    select journey, version, rule, types, $5 from said order by journey, version
    on conflict (journey, version) do update set rule = excluded.rule, types = excluded.types, declared_at = excluded.declared_at
    where (c.rule, c.types) is distinct from (excluded.rule, excluded.types)
    returning c.journey, c.version
), fresh as (
    insert into conversion_type (type) select distinct type from said, unnest(types) as type order by type
    on conflict do nothing
    returning type
)
insert into customer_touched (profile_id)
select distinct x.profile_id from exposure x left join run r on r.id = x.run_id
where exists (select from fresh) or exists (
    select from declared d where d.journey = r.journey and (d.version = coalesce(x.version, '') or not exists (
        select from conversion c where c.journey = r.journey and c.version = coalesce(x.version, ''))))
   or x.experiment ~ '^\$[^/]+$' and exists (select from declared d where d.journey = '');  -- the company's holdout is of no journey

-- name: rules
-- The rules of these journeys, the latest of each last.
select journey, version, rule from conversion where journey = any($1::text[]) order by declared_at, version;

-- name: types
-- All events that some rule looks at.
select type from conversion_type;

-- name: touch
-- Of these customers, each with a type of what they did, those who are in an experiment, where it is a type that some rule looks at.
insert into customer_touched (profile_id)
select distinct m.profile_id from unnest($1::uuid[], $2::text[]) as m (profile_id, type)
where m.type in (select type from conversion_type)
  and (exists (select from exposure x where x.profile_id = m.profile_id)
       or exists (select from profile a join exposure x on x.profile_id = a.id where a.merged_into = m.profile_id));

-- name: untold
-- Who did what, of the types that some rule looks at, of which the watch has not heard yet.
select distinct profile_id, type from dirty, unnest(types) as type where type in (select type from conversion_type);

-- name: take_touched
-- Up to so many customers whose values may be others now, as who they are by now; nobody who was erased.
with taken as (
    delete from customer_touched where ctid = any(array(select ctid from customer_touched limit $1)) returning profile_id
)
select (select count(*) from taken) as marks,
       array(select distinct coalesce(p.merged_into, p.id) from taken join profile p on p.id = taken.profile_id
             where p.merged_into is distinct from p.id) as customers;

-- name: exposed
-- The exposures of these customers, each by the earliest of all profiles that they are, with the run in which that was; and whether one of
-- them is closed. The company's holdout is of no journey, whichever wrote first.
select distinct on (who, x.experiment) who, x.experiment, x.profile_id as exposed_as, x.arm, x.exposed_at,
       bool_or(x.closed) over (partition by who, x.experiment) as closed,
       case when own then coalesce(x.version, '') else '' end as version,
       coalesce(r.journey, '') as journey, coalesce(r.segment, '') as segment, r.entered_at
from (select who as id, who from unnest($1::uuid[]) as who
      union all select id, merged_into from profile where merged_into = any($1::uuid[])) as part
join exposure x on x.profile_id = part.id
cross join lateral (select x.experiment !~ '^\$[^/]+$' as own) as of_journey
left join run r on own and r.id = x.run_id
order by who, x.experiment, x.exposed_at, x.profile_id;

-- name: done
-- What these customers did of these types, from an instant on. A message id is one of its source's: another source may have the same.
select profile_id, type, ts, message_id || ' ' || source as message_id, properties from event
where profile_id = any($1::uuid[]) and type collate "C" = any($2::text[]) and ts >= $3;

-- name: told_before
-- How orders of these customers, with their types and ids ($1 to $3), were told in [$4, $5). One index look-up for each week and customer.
select e.profile_id, e.type, e.ts, e.message_id || ' ' || e.source as message_id, e.properties from event e
where e.profile_id = any(array(select distinct unnest($1::uuid[]))) and e.type collate "C" = any(array(select distinct unnest($2::text[])))
  and e.ts >= $4 and e.ts < $5
  and (e.profile_id, e.type, e.properties ->> 'order_id') in (select * from unnest($1::uuid[], $2::text[], $3::text[]));

-- name: stored
-- What the sums hold of these customers, of the profiles that were merged into them, and of exposures of either.
select v.profile_id, v.experiment, v.exposed_as, v.journey, v.version, v.segment, v.arm, v.exposed_at, v.looks_from, v.whole, v.apart, v.changes
from (select $1::uuid[] || array(select id from profile where merged_into = any($1::uuid[])) as ids) as part
join customer_value v on v.profile_id = any(part.ids) or v.exposed_as = any(part.ids);

-- name: of_erased
-- What the sums hold of customers whose erasure has begun: nobody counts them anew.
select v.profile_id, v.experiment, v.exposed_as, v.journey, v.version, v.segment, v.arm, v.exposed_at, v.looks_from, v.whole, v.apart, v.changes
from erasure e cross join unnest(e.profiles) as part (id) join customer_value v on v.profile_id = part.id
where e.finished_at is null;

-- name: forget
-- Values that others take the place of.
delete from customer_value v using unnest($1::uuid[], $2::text[]) as gone (profile_id, experiment)
where (v.profile_id, v.experiment) = (gone.profile_id, gone.experiment);

-- name: store
-- Values as the sums have them now.
insert into customer_value (profile_id, experiment, exposed_as, journey, version, segment, arm, exposed_at, looks_from, whole, changes)
select profile_id, experiment, exposed_as, journey, version, segment, arm, exposed_at, looks_from, whole, changes::jsonb
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::boolean[], $11::text[])
    as v (profile_id, experiment, exposed_as, journey, version, segment, arm, exposed_at, looks_from, whole, changes);

-- name: add
-- Add to the sums of customers; they have no step.
insert into daily_sum as s (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y, yy, x, xx, xy, nonzero)
select day, journey, version, '', '', '', segment, experiment, arm, metric, '', n, y, yy, x, xx, xy, nonzero
from unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::numeric[], $10::numeric[],
            $11::numeric[], $12::numeric[], $13::numeric[], $14::bigint[])
    as a (day, journey, version, segment, experiment, arm, metric, n, y, yy, x, xx, xy, nonzero)
on conflict (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
set n = s.n + excluded.n, y = s.y + excluded.y, yy = s.yy + excluded.yy, x = s.x + excluded.x, xx = s.xx + excluded.xx,
    xy = s.xy + excluded.xy, nonzero = s.nonzero + excluded.nonzero;

-- name: of_day
-- Who may add to a day's sums, whatever the sums say: who was exposed on it, did something on it at which a rule looks, or stands as
-- last counted with something on it.
select distinct coalesce(p.merged_into, p.id) as who
from (select profile_id from exposure where exposed_at >= $2 and exposed_at < $3
      union
      select profile_id from event where type = any($1::text[]) and ts >= $2 and ts < $3
      union
      select profile_id from customer_value, jsonb_array_elements(changes) as change -- what they did may be gone
      where not whole and change ->> 0 = to_char($2 at time zone 'UTC', 'YYYY-MM-DD')) as about
join profile p on p.id = about.profile_id and p.merged_into is distinct from p.id
where exists (select from exposure x where x.profile_id = p.id)
   or exists (select from profile a join exposure x on x.profile_id = a.id where a.merged_into = coalesce(p.merged_into, p.id))
   or exists (select from exposure x where x.profile_id = p.merged_into)
order by who;

-- name: differing
-- The sums of customers of a day as they were found ($2 and on), with what is kept of those of whom nothing is known any more, against
-- those that there are: the found ones stand, and the differences are kept.
with found as (
    select day, journey, version, segment, experiment, arm, metric, sum(n) as n, sum(y) as y, sum(yy) as yy, sum(x) as x, sum(xx) as xx,
           sum(xy) as xy, sum(nonzero) as nonzero
    from (select * from unnest($3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
                               $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[], $15::numeric[], $16::bigint[])
              as a (day, journey, version, segment, experiment, arm, metric, n, y, yy, x, xx, xy, nonzero)
          union all
          select day, journey, version, segment, experiment, arm, metric, n, y, yy, x, xx, xy, nonzero from kept_sum where day = $1) as each
    group by day, journey, version, segment, experiment, arm, metric
), had as (
    select * from daily_sum where day = $1 and step = ''
), differing as materialized (
    select day, journey, version, segment, experiment, arm, metric,
           array[coalesce(had.n, 0), coalesce(had.y, 0), coalesce(had.yy, 0), coalesce(had.x, 0), coalesce(had.xx, 0), coalesce(had.xy, 0),
                 coalesce(had.nonzero, 0)] as had,
           array[coalesce(found.n, 0), coalesce(found.y, 0), coalesce(found.yy, 0), coalesce(found.x, 0), coalesce(found.xx, 0),
                 coalesce(found.xy, 0), coalesce(found.nonzero, 0)] as found
    from had full join found using (day, journey, version, segment, experiment, arm, metric)
), mended as (
    insert into daily_sum as s (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,
                                n, y, yy, x, xx, xy, nonzero)
    select day, journey, version, '', '', '', segment, experiment, arm, metric, '',
           found[1]::bigint, found[2], found[3], found[4], found[5], found[6], found[7]::bigint
    from differing where had <> found
    on conflict (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
    set n = excluded.n, y = excluded.y, yy = excluded.yy, x = excluded.x, xx = excluded.xx, xy = excluded.xy, nonzero = excluded.nonzero
)
insert into sum_difference (at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found)
select $2, day, journey, version, '', '', '', segment, experiment, arm, metric, '', had, found from differing where had <> found
returning id, at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found;

-- name: known_from
-- Whose values are still known: those that look at no event from before this.
select known_from from value_horizon;

-- name: wait_alone
-- The same as `alone`, once whoever is about it is done.
select pg_advisory_xact_lock($1, 0);

-- name: close
-- From now on nothing is known of whose value looks at an event from before this.
insert into value_horizon (known_from) values ($1)
on conflict (only_row) do update set known_from = greatest(value_horizon.known_from, excluded.known_from);

-- name: take_away
-- The values of these customers, and those that look at an event from before an instant; what they added stays in the sums, without them,
-- and is never counted again.
with gone as (
    delete from customer_value
    where profile_id = any($1::uuid[]) or exposed_as = any($1::uuid[]) or looks_from < $2::timestamptz returning *
), closed as (
    update exposure x set closed = true from gone g where (x.experiment, x.profile_id) = (g.experiment, g.exposed_as)
), kept as (
    insert into kept_sum as s (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,
                               n, y, yy, x, xx, xy, nonzero)
    select (c.told ->> 0)::date, g.journey, g.version, '', '', '', g.segment, g.experiment, g.arm, c.told ->> 1, '',
           sum((c.told ->> 2)::bigint), sum((c.told ->> 3)::numeric), sum((c.told ->> 4)::numeric), sum((c.told ->> 5)::numeric),
           sum((c.told ->> 6)::numeric), sum((c.told ->> 7)::numeric), sum((c.told ->> 8)::bigint)
    from gone g cross join lateral jsonb_array_elements(g.changes) as c (told)
    group by 1, 2, 3, 7, 8, 9, 10
    on conflict (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
    set n = s.n + excluded.n, y = s.y + excluded.y, yy = s.yy + excluded.yy, x = s.x + excluded.x, xx = s.xx + excluded.xx,
        xy = s.xy + excluded.xy, nonzero = s.nonzero + excluded.nonzero
)
select count(*) from gone;
