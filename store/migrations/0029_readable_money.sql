-- What customers' devices send stands in reports as it is read, and can stop none: an amount that Postgres cannot read is nothing,
-- and a currency is three letters.

create or replace function money_in(properties jsonb, name text) returns numeric language sql stable
    return case when properties ->> name ~ '^[ \t\n\r\f\v]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?[ \t\n\r\f\v]*$'
                     and pg_input_is_valid(properties ->> name, 'numeric')
                then case when abs((properties ->> name)::numeric) < 1e15
                          then greatest(round((properties ->> name)::numeric, 6), 0) end end;

create or replace function currency_in(properties jsonb) returns text language sql immutable
    return case when properties ->> 'currency' ~ '^[A-Za-z]{3}$' then upper(properties ->> 'currency') else '' end;

-- All orders that were ever told by this event, each once by its id, whoever told it first (docs/reports-commerce.md): with the money of
-- its last version, and what was given back of it. Of what was never ordered, `at` is unknown.
create or replace function orders_told(of_event text)
    returns table (id text, at timestamptz, money numeric, currency text, profile_id uuid, cancelled boolean, refunds numeric)
    language sql stable begin atomic
    with told as (
        select e.profile_id, e.ts, e.source, e.message_id, e.type, currency_in(e.properties) as currency,
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
