-- name: make_told
-- Who had which product when, as events tell it, until the transaction ends.
create temporary table if not exists told_line (
    profile_id uuid, product_id text, at timestamptz, quantity numeric, order_id text, amount numeric, source text, message_id text
) on commit drop;

-- name: make_purchase
-- The same without what was cancelled or given back.
create temporary table if not exists purchase (profile_id uuid, product_id text, at timestamptz, quantity numeric) on commit drop;

-- name: begin_lines
-- Others are asked about.
truncate told_line, purchase;

-- name: settle
-- What customers have, by what is known at $1: of an order that was told again its last version, dated as the first; without orders that
-- were cancelled or wholly given back, and without lines that a refund names (as docs/reports-commerce.md counts).
insert into purchase (profile_id, product_id, at, quantity)
with version as (
    select t.*, min(at) over (partition by order_id) as first_at,
           rank() over (partition by order_id order by at desc, message_id desc, source desc) as nth
    from told_line t where order_id is not null
), made as materialized (
    select order_id, profile_id, product_id, first_at as at, max(amount) as amount, sum(quantity) as quantity
    from version where nth = 1 group by order_id, profile_id, product_id, first_at
), taken as materialized (
    select e.properties ->> 'order_id' as order_id, e.type, coalesce(money_in(e.properties, 'total'), money_in(e.properties, 'revenue')) as money,
           case when jsonb_typeof(e.properties -> 'products') = 'array' then e.properties -> 'products' else '[]' end as products
    from event e
    where e.type = any(array['Order Cancelled', 'Order Refunded']) and e.ts <= $1
      and jsonb_typeof(e.properties -> 'order_id') in ('string', 'number') and exists (select from made)
), whole as (
    select order_id, bool_or(type = 'Order Cancelled' or (money is null and products = '[]')) as gone, sum(money) as money
    from taken group by order_id
), lines as (
    select order_id, line ->> 'product_id' as product_id,
           bool_or(jsonb_typeof(line -> 'quantity') is distinct from 'number') as gone,
           sum(case when jsonb_typeof(line -> 'quantity') = 'number' then (line ->> 'quantity')::numeric end) as quantity
    from taken, jsonb_array_elements(products) as line
    where type = 'Order Refunded' and jsonb_typeof(line -> 'product_id') in ('string', 'number')
    group by 1, 2
)
select made.profile_id, made.product_id, made.at, made.quantity - coalesce(lines.quantity, 0)
from made left join whole using (order_id) left join lines using (order_id, product_id)
where not coalesce(whole.gone or (made.amount > 0 and whole.money >= made.amount), false)
  and not coalesce(lines.gone, false) and made.quantity > coalesce(lines.quantity, 0)
union all
select profile_id, product_id, at, quantity from told_line where order_id is null;

-- name: look_at_purchases
-- The planner has to know how many they are.
analyze purchase;
