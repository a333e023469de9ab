-- name: commerce
-- What customers bought and how they came back, all of it as of one instant; a row for each line of each part. Customers whose first
-- order is in [$1, $2), as seen up to $2; orders in periods of $3. $4: the event of an order. $5: also by each segment that they are in.
-- $6: for how long before a first order a campaign counts as how the customer came. Who cancelled an order has not made it.
with placed as materialized (
    select coalesce(p.merged_into, made.profile_id) as who, made.at, made.currency, made.money, made.refunds,
           min(made.at) over mine as first_at, lead(made.at) over (mine order by made.at, made.id) as next_at,
           row_number() over (mine order by made.at, made.id) as nth
    from orders_told($4) as made left join profile p on p.id = made.profile_id
    where made.at < $2 and not made.cancelled
    window mine as (partition by coalesce(p.merged_into, made.profile_id))
), bought as materialized (
    select placed.*, part.segment
    from placed cross join lateral (
        select null::text as segment union all select m.segment from segment_member m where $5 and m.profile_id = placed.who
    ) as part
), customer as (
    select who, segment, currency, count(*) as orders, sum(money) as money, sum(refunds) as refunds
    from bought where at >= $1 group by who, segment, currency
), orders as (
    select segment, currency, count(*) as customers, sum(orders) as orders, sum(money)::text as revenue, sum(refunds)::text as refunds,
           sum(money * money)::float8 as yy, sum(orders * orders) as xx, sum(money * orders)::float8 as xy
    from customer group by segment, currency
), buyer as (
    select who, segment, min(first_at) as first_at, count(*) as orders,
           date_trunc('month', min(first_at) at time zone 'UTC')::date as cohort
    from bought where first_at >= $1 group by who, segment
), cohorts as (
    select segment, cohort, count(*) as customers, count(*) filter (where orders > 1) as again, sum(orders) as orders
    from buyer group by segment, cohort
), worth as (
    select b.segment, date_trunc('month', first_at at time zone 'UTC')::date as cohort, currency,
           sum(money)::text as revenue, sum(refunds)::text as refunds
    from bought b where first_at >= $1 group by 1, 2, 3
), seen as (
    select segment, cohort, k, count(*) as customers
    from buyer, generate_series(1, least(60, floor(extract(epoch from $2 - first_at) / extract(epoch from $3::interval))::integer - 1)) as k
    group by segment, cohort, k
), kept as (
    select segment, cohort, k, count(*) as customers
    from (select distinct who, segment, first_at, date_trunc('month', first_at at time zone 'UTC')::date as cohort,
                          floor(extract(epoch from at - first_at) / extract(epoch from $3::interval))::integer as k
          from bought where first_at >= $1 and nth > 1) as again
    where k between 1 and 60 and extract(epoch from $2 - first_at) >= (k + 1) * extract(epoch from $3::interval)
    group by segment, cohort, k
), gaps as (
    select segment, nth = 1 as first, next_at is not null as ended,
           floor(extract(epoch from coalesce(next_at, $2) - at) / 86400)::integer as days, count(*) as many
    from bought where first_at >= $1
    group by 1, 2, 3, 4
), acquired as (
    select coalesce(came.source, '') as source, count(*) as customers
    from placed left join lateral (
        select left(e.context #>> '{campaign,source}', 100) as source
        from event e
        where e.profile_id = placed.who and e.ts <= placed.at and e.ts > placed.at - $6::interval
          and e.context #>> '{campaign,source}' <> ''
        order by e.ts desc, e.message_id desc limit 1
    ) as came on true
    where placed.nth = 1 and placed.at >= $1
    group by 1
)
select 'orders' as part, to_jsonb(each) as told from orders as each
union all select 'cohorts', to_jsonb(each) from cohorts as each
union all select 'worth', to_jsonb(each) from worth as each
union all select 'seen', to_jsonb(each) from seen as each
union all select 'kept', to_jsonb(each) from kept as each
union all select 'gaps', to_jsonb(each) from gaps as each
union all select 'acquired', to_jsonb(each) from acquired as each;

-- name: message_costs
-- What the messages of these journeys cost that were handed over in [$1, $2), by currency, in millionths of it.
select currency, sum(cost)::bigint as cost
from delivery
where journey = any($3::text[]) and cost is not null and currency is not null
  and coalesce(claimed_at, settled_at, due_at) >= $1 and coalesce(claimed_at, settled_at, due_at) < $2
group by currency order by currency;
