-- name: missing
-- What is not there any more: up to when events were taken for their age, of those since $1 (nothing: of all), and how many customers
-- were erased since $2.
select (select max(before) from retention where kind = 'events' and rows > 0 and ($1::timestamptz is null or before > $1)) as before,
       (select count(*) from erasure where requested_at >= $2) as erased;

-- name: unreadable
-- How many orders ($3) were last told from $1 up to $2 with an amount that cannot be read, or with none.
select count(*) from (
    select distinct on (told.id) coalesce(money_in(told.properties, 'revenue'), money_in(told.properties, 'total')) as money
    from (select e.ts, e.message_id, e.source, e.properties,
                 case when jsonb_typeof(e.properties -> 'order_id') in ('string', 'number') and e.properties ->> 'order_id' <> ''
                      then 'id ' || (e.properties ->> 'order_id') else 'of ' || e.source || ' ' || e.message_id end as id
          from event e where e.type = $3 and e.ts >= $1 and e.ts < $2) as told
    order by told.id, told.ts desc, told.message_id desc, told.source desc) as last
where money is null;
