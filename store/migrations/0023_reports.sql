-- Reports look for the sums of an experiment's customers, and for what was sent to its arms, over all of its days.

create index daily_sum_customers on daily_sum (journey, experiment, day) where step = '' and experiment <> '';
create index daily_sum_spent on daily_sum (journey, experiment, day) include (version, segment, arm, metric, reason, n, y)
    where step <> '' and experiment <> '' and metric in ('sent', 'cost');

-- An amount of money among an event's properties: what is no finite number is nothing, what is below nothing is 0.
create function money_in(properties jsonb, name text) returns numeric language sql immutable
    return case when properties ->> name ~ '^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$'
                then case when abs((properties ->> name)::numeric) < 1e15
                          then greatest(round((properties ->> name)::numeric, 6), 0) end end;

-- All orders that were ever told by this event, each once by its id, whoever told it first (docs/reports-commerce.md): with the money of
-- its last version, and what was given back of it. Of what was never ordered, `at` is unknown.
create function orders_told(of_event text)
    returns table (id text, at timestamptz, money numeric, currency text, profile_id uuid, cancelled boolean, refunds numeric)
    language sql stable begin atomic
    with told as (
        select e.profile_id, e.ts, e.source, e.message_id, e.type, upper(coalesce(e.properties ->> 'currency', '')) as currency,
               case when jsonb_typeof(e.properties -> 'order_id') in ('string', 'number') and e.properties ->> 'order_id' <> ''
                    then 'id ' || (e.properties ->> 'order_id') else 'of ' || e.source || ' ' || e.message_id end as id,
               case when e.type = of_event then coalesce(m.revenue, m.total, 0)
                    when e.type = 'Order Refunded' then coalesce(m.total, m.revenue) end as money
        from event e, lateral (
            select money_in(e.properties, 'revenue') as revenue, money_in(e.properties, 'total') as total
        ) as m
        where e.type = any(array[of_event, 'Order Refunded', 'Order Cancelled'])
    ), last as (
        select told.*, first_value(money) over latest as amount, first_value(currency) over latest as of_currency
        from told window latest as (partition by id order by type = of_event desc, ts desc, message_id desc, source desc)
    )
    select id, min(ts) filter (where type = of_event) as at, amount as money, of_currency as currency,
           (array_agg(profile_id order by ts, message_id, source) filter (where type = of_event))[1] as profile_id,
           bool_or(type = 'Order Cancelled') as cancelled,
           case when bool_or(money is null) then amount -- all that is left
                else least(amount, sum(case when type = 'Order Refunded' and (of_currency = '' or currency in ('', of_currency))
                                            then money else 0 end)) end as refunds
    from last group by id, amount, of_currency;
    end;
