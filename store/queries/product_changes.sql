-- name: let_be
-- Nobody is to be told of what changed so far.
update product_change set done_at = $1, why = $2 where done_at is null;

-- name: oldest
-- The oldest change of which not everybody has been told, with the product as it is now; nobody else tells of it meanwhile.
select c.id, c.product_id, c.at, c.price, c.currency, c.was_price, c.was_currency, c.was_available, c.told_to,
       p.name, p.url, p.image_url, p.available as still_available, (p.price, p.currency) is not distinct from (c.price, c.currency) as still_costs
from product_change c join product p on p.id = c.product_id
where c.done_at is null
order by c.id limit 1
for update of c;

-- name: lookers
-- Some customers after $5 who looked at a product ($1) in ($2, $3], and have not bought it since they first did: when they looked last, what
-- it cost then and at the least since, in the currency ($4) of a change ($7); what they were told ($9) it costs since they looked, and whether
-- they were told ($10) that it is back. `seen` of who bought it is there as well, so that the next part begins after them.
with looker as materialized (
    select e.profile_id, max(e.ts) as looked_at, min(e.ts) as first_at
    from event e
    where (e.properties ->> 'product_id') = $1 and e.type collate "C" in ('Product Viewed', 'Product Added', 'Product Added to Wishlist')
      and e.ts > $2 and e.ts <= $3 and e.profile_id > $5
    group by e.profile_id order by e.profile_id limit $6
)
select l.profile_id, l.looked_at, looked.price as looked_price, least(looked.price, since.price) as lowest_price, dropped.price as told_price,
       exists (select from event e where e.profile_id = l.profile_id and e.type collate "C" = $10 and e.ts >= l.looked_at
                                     and e.properties ->> 'product_id' = $1) as told_back,
       exists (select from bought(l.profile_id, $8) b where b.product_id = $1 and b.ts >= l.first_at) as has_bought
from looker l
left join lateral (
    select coalesce(
        (select case when c.currency = $4 then c.price end from product_change c
         where c.product_id = $1 and c.at <= l.looked_at order by c.id desc limit 1),
        (select case when c.was_currency = $4 then c.was_price end from product_change c
         where c.product_id = $1 and c.at > l.looked_at order by c.id limit 1)) as price
) as looked on true
left join lateral (
    select min(c.price) as price from product_change c
    where c.product_id = $1 and c.at > l.looked_at and c.id < $7 and c.currency = $4
) as since on true
left join lateral (
    select min(case when jsonb_typeof(e.properties -> 'price') = 'number' then (e.properties ->> 'price')::numeric end) as price from event e
    where e.profile_id = l.profile_id and e.type collate "C" = $9 and e.ts >= l.looked_at
      and e.properties ->> 'product_id' = $1 and e.properties ->> 'currency' = $4
) as dropped on true
order by l.profile_id;

-- name: told
-- How far it has come, and why nobody was told, should that be so in the end.
update product_change set told_to = $2, dropped = dropped + $3, back = back + $4, why = coalesce(why, $5) where id = $1;

-- name: finish
-- There is nobody else to tell of a change, because of $3; or nobody was told at all, because of what was written down or else $4.
update product_change
set done_at = $2, why = coalesce($3, case when dropped + back = 0 then coalesce(why, $4) end), told_to = null where id = $1;

-- name: forget
-- Changes of a product that nobody looks back to any more.
delete from product_change where product_id = $1 and at < $2 and done_at is not null;

-- name: list
-- Changes, the newest first, of one product or of all.
select id, product_id, at, price, currency, available, was_price, was_available, dropped, back, done_at,
       case
           when done_at is null then null
           when not available then coalesce(why, 'it cannot be had')
           when was_available and not coalesce(price < was_price and currency = was_currency, false)
               then coalesce(why, 'it costs no less in the same currency, and was not gone')
           else why
       end as why
from product_change
where ($1::text is null or product_id = $1) and was_available is not null order by id desc limit $2;
