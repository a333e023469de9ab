-- name: active
-- When a customer ($1) did something of these types ($2) in a time ($3, $4], to the quarter of an hour, without what a machine did
-- in their name; and the shares of each hour among all customers.
select array(select distinct date_bin('15 minutes', e.ts, 'epoch') from event e
             where e.profile_id = $1 and e.type collate "C" = any($2::text[]) and e.ts > $3 and e.ts <= $4
               and not e.properties @> $5) as moments,
       (select shares from population_hours) as shares;

-- name: want_population
-- From now on somebody asks for the shares of all customers.
insert into population_hours default values on conflict do nothing;

-- name: renew_population
-- Take the shares anew, where somebody asks for them and they are older than $4: of some thousands of the customers, drawn by their
-- ids, who have habits of their own and of whom one knows where they are, each counts as much as the others.
with drawn as (
    select p.id, coalesce(said.name, p.device_zone) as zone
    from profile p left join pg_timezone_names said on said.name = p.traits ->> 'timezone'
    where p.merged_into is null and exists (select from population_hours where computed_at <= $4)
      and coalesce(said.name, p.device_zone) in (select name from pg_timezone_names)
    order by hashtext(p.id::text) limit $5
), active as (
    select distinct drawn.id, date_trunc('hour', e.ts at time zone drawn.zone) as hour
    from drawn join event e on e.profile_id = drawn.id and e.type collate "C" = any($1::text[]) and e.ts > $2 and e.ts <= $3
    where not e.properties @> $6
), counted as (
    select id, extract(hour from hour)::integer as hour, count(*)::double precision as hours, sum(count(*)) over (partition by id) as in_all
    from active group by id, extract(hour from hour)
), shared as (
    select hour, sum(hours / in_all) as share, count(distinct id) from counted where in_all >= $7 group by hour
), known as (
    select count(distinct id) as customers from counted where in_all >= $7
)
update population_hours set computed_at = $3, customers = known.customers, shares = case when known.customers >= $8 then
    (select array_agg(coalesce(share, 0) / known.customers order by n) from generate_series(0, 23) n left join shared on shared.hour = n) end
from known where population_hours.computed_at <= $4;
