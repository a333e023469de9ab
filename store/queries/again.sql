-- name: expect
-- When customers are expected to buy again, of this transaction's purchases, as of $2: `again` $1, so long before they are told $3, and $4
-- customers who make a product's own cadence. What is bought within a day is one purchase. How long a piece lasts: the median of a
-- customer's own gaps, drawn to the product's by as much as customers are alike (both as logarithms); the product's is the median by
-- Kaplan and Meier, in which those who have not come back yet count as long as they are seen. Whoever has less than two gaps of a product
-- without a cadence is not expected. Eight of ten come between low_at and high_at.
with visit as (
    select profile_id, product_id, at, quantity, sum(is_new) over (partition by profile_id, product_id order by at) as nth
    from (select profile_id, product_id, at, quantity,
                 case when at - lag(at) over (partition by profile_id, product_id order by at) > interval '1 day' then 1 else 0 end as is_new
          from purchase) as dated
), had as (
    select profile_id, product_id, nth, max(at) as at, sum(quantity) as quantity from visit group by profile_id, product_id, nth
), piece as materialized (
    select profile_id, product_id, at, quantity, ended,
           greatest(extract(epoch from until - at)::float8 / 86400 / quantity::float8, 1e-6) as days
    from (select profile_id, product_id, at, quantity, coalesce(lead(at) over mine, $2::timestamptz) as until, lead(at) over mine is not null as ended
          from had window mine as (partition by profile_id, product_id order by nth)) as followed
), tied as (
    select product_id, days, count(*) as people, count(*) filter (where ended) as came from piece group by product_id, days
), risk as (
    select product_id, days, came, sum(people) over (partition by product_id order by days desc) as there from tied
), curve as (
    select product_id, days,
           sum(case when came >= there then '-Infinity'::float8 else ln(1 - came / there::float8) end)
               over (partition by product_id order by days) as not_yet
    from risk
), typical as materialized (
    select product_id, min(days) as days
    from curve join (select product_id from piece where ended group by product_id having count(distinct profile_id) >= $4) as known using (product_id)
    where not_yet <= ln(0.5::float8) + 1e-12 group by product_id
), own as materialized (
    select profile_id, product_id, count(*) as gaps, percentile_cont(0.5) within group (order by ln(days)) as middle,
           avg(ln(days)) as mean, coalesce(var_samp(ln(days)), 0) * (count(*) - 1) as squares
    from piece where ended group by profile_id, product_id
), alike as (
    -- How far gaps of a customer lie from each other, and customers of a product; by too few a half of all gaps within a third of the middle.
    select case when sum(gaps - 1) >= 30 then greatest(sum(squares) / sum(gaps - 1), 0.0025) else 0.16 end as within,
           sum((mean - of_product) ^ 2) / nullif(count(*) - count(distinct product_id), 0) as all_of_it, avg(1.0 / gaps)::float8 as part
    from (select own.*, avg(mean) over (partition by product_id) as of_product from own) as each
), weight as (
    select within, least(greatest(coalesce(within / nullif(greatest(all_of_it - within * part, 0), 0), 20), 0.5), 20) as k from alike
), expected as (
    select l.profile_id, l.product_id, l.at, l.quantity, coalesce(o.gaps, 0) as gaps, t.days as typical,
           case when t.days is not null then exp((coalesce(o.gaps * o.middle, 0) + w.k * ln(t.days)) / (coalesce(o.gaps, 0) + w.k))
                when o.gaps >= 2 then exp(o.middle) end as piece,
           sqrt(w.within * (1 + 1 / (coalesce(o.gaps, 0) + case when t.days is null then 0 else w.k end))) as sd
    from piece l join profile p on p.id = l.profile_id and p.merged_into is null
    left join own o on (o.profile_id, o.product_id) = (l.profile_id, l.product_id)
    left join typical t on t.product_id = l.product_id, weight w
    where not l.ended and (t.days is not null or o.gaps >= 2)
), dated as (
    select *, piece * quantity::float8 as lasts from expected where piece * quantity::float8 < 3650
)
insert into product_due (again, profile_id, product_id, last_at, quantity, gaps, typical, days, low_at, due_at, high_at, remind_at, as_of)
select $1, profile_id, product_id, at, quantity, gaps, typical, lasts,
       at + make_interval(secs => 86400 * lasts * exp(-1.2816 * sd)), at + make_interval(secs => 86400 * lasts),
       at + make_interval(secs => 86400 * lasts * exp(1.2816 * sd)), at + make_interval(secs => 86400 * lasts) - $3::interval, $2
from dated order by profile_id, product_id
on conflict (again, profile_id, product_id) do update
set last_at = excluded.last_at, quantity = excluded.quantity, gaps = excluded.gaps, typical = excluded.typical, days = excluded.days,
    low_at = excluded.low_at, due_at = excluded.due_at, high_at = excluded.high_at, as_of = excluded.as_of,
    told_at = case when product_due.last_at = excluded.last_at then product_due.told_at end,
    remind_at = case when product_due.last_at = excluded.last_at and product_due.told_at is not null then null else excluded.remind_at end;

-- name: drop_stale
-- Of whom this round did not say anything.
delete from product_due where again = $1 and as_of < $2;

-- name: came
-- What a round came to.
select count(*) as expected, count(distinct product_id) as products, count(distinct profile_id) as people from product_due where again = $1;

-- name: forget
-- The catalogue does not ask this any more.
delete from product_due where again = $1;

-- name: to_remind
-- Some whose instant is there at $2 and not longer ago than $3, locked; with the product.
select d.profile_id, d.product_id, d.last_at, d.quantity, d.gaps, d.days, d.low_at, d.due_at, d.high_at, p.name, p.price, p.currency, p.url, p.image_url
from product_due d left join product p on p.id = d.product_id
where d.again = $1 and d.remind_at <= $2 and d.remind_at > $2 - $3::interval
order by d.remind_at, d.profile_id, d.product_id limit $4
for update of d skip locked;

-- name: bought_since
-- The places of those ($1, $2, $3: whom, what, after when) who have bought it since, by events of a type ($4), whatever else they say.
select n from unnest($1::uuid[], $2::text[], $3::timestamptz[]) with ordinality as asked (profile_id, product_id, last_at, n)
where exists (
    select from event e
    where e.profile_id = asked.profile_id and e.type collate "C" = $4 and e.ts > asked.last_at and e.ts <= $5
      and (asked.product_id = '' or e.properties ->> 'product_id' = asked.product_id or exists (
          select from jsonb_array_elements(case when jsonb_typeof(e.properties -> 'products') = 'array' then e.properties -> 'products' else '[]' end) as line
          where line ->> 'product_id' = asked.product_id))
);

-- name: settle
-- These are done with until they buy again; those of $4 were told.
update product_due d set remind_at = null, told_at = case when given.told then $5::timestamptz end
from unnest($2::uuid[], $3::text[], $4::boolean[]) as given (profile_id, product_id, told)
where d.again = $1 and d.profile_id = given.profile_id and d.product_id = given.product_id;

-- name: of_customer
-- When a customer is expected to buy what again.
select d.again, d.product_id, p.name, d.last_at, d.quantity, d.gaps, d.typical, d.days, d.low_at, d.due_at, d.high_at, d.remind_at, d.told_at, d.as_of
from product_due d left join product p on p.id = d.product_id
where d.profile_id = $1 order by d.due_at, d.again, d.product_id;

-- name: soon
-- Who is told next, of one declaration.
select d.profile_id, d.again, d.product_id, p.name, d.last_at, d.quantity, d.gaps, d.typical, d.days, d.low_at, d.due_at, d.high_at, d.remind_at,
       d.told_at, d.as_of
from product_due d left join product p on p.id = d.product_id
where d.again = $1 and d.remind_at > $2 order by d.remind_at, d.profile_id, d.product_id limit $3;
