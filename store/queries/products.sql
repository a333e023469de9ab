-- name: put_products
-- What the shop says of its products now, instead of what it said before. Returns how many were new.
with put as (
    insert into product (id, name, price, currency, url, image_url, attributes, available, by, updated_at)
    select given.*, $9::text, $10::timestamptz
    from unnest($1::text[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::boolean[]) as given
    order by 1
    on conflict (id) do update
    set name = excluded.name, price = excluded.price, currency = excluded.currency, url = excluded.url,
        image_url = excluded.image_url, attributes = excluded.attributes, available = excluded.available,
        by = excluded.by, updated_at = excluded.updated_at
    returning xmax = 0 as is_new
)
select count(*) filter (where is_new) from put;

-- name: drop_relations
-- The shop's own relations of these products that are told anew.
delete from product_relation r using unnest($1::text[], $2::text[]) as told (product_id, relation)
where (r.product_id, r.relation) = (told.product_id, told.relation) and r.by = 'shop';

-- name: put_relations
-- What goes with which product, in the order given; what was learnt of such a pair gives way to the shop's word.
insert into product_relation (product_id, relation, other_id, rank)
select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[])
on conflict (product_id, relation, other_id) do update
set rank = excluded.rank, by = 'shop', people = null, lift = null, surely = null, as_of = null;

-- name: unknown
-- Which of these ids no product has (yet).
select id from unnest($1::text[]) as asked (id) where not exists (select from product p where p.id = asked.id) order by id;

-- name: product
-- A product with what goes with it.
select p.id, p.name, p.price, p.currency, p.url, p.image_url, p.attributes, p.available, p.by, p.updated_at,
       (select coalesce(jsonb_object_agg(relation, others), '{}') from (
           select relation, jsonb_agg(other_id order by rank, other_id) as others
           from product_relation where product_id = p.id and by = 'shop' group by relation) as related) as relations
from product p where p.id = $1;

-- name: offer_bought
-- The product to show a customer ($1): of this relation ($2) to the one bought last (of one order the dearest line), as it was
-- known by $3; never one that was bought already or cannot be had now. What the shop said comes first, then what was learnt; by rank,
-- then the cheapest, then by id.
with owned as materialized (
    select * from bought($1, $3)
), last as (
    select product_id, name from owned order by ts desc, message_id desc, price desc nulls last, line limit 1
)
select p.id, p.name, p.price, p.currency, p.url, p.image_url, p.attributes,
       last.product_id as to_id, coalesce(b.name, last.name) as to_name, true as fits
from last
join product_relation r on r.product_id = last.product_id and r.relation = $2
join product p on p.id = r.other_id
left join product b on b.id = last.product_id
where p.available and p.id not in (select product_id from owned)
order by r.by <> 'shop', r.rank, p.price nulls last, p.id
limit 1;

-- name: offer_added
-- The same to the product that was put into the cart last and is still there; never one that stands in the cart.
with owned as materialized (
    select product_id from bought($1, $3)
), cart as materialized (
    select * from in_cart($1, $3)
), last as (
    select product_id, name from cart order by ts desc, message_id desc limit 1
)
select p.id, p.name, p.price, p.currency, p.url, p.image_url, p.attributes,
       last.product_id as to_id, coalesce(b.name, last.name) as to_name, true as fits
from last
join product_relation r on r.product_id = last.product_id and r.relation = $2
join product p on p.id = r.other_id
left join product b on b.id = last.product_id
where p.available and p.id not in (select product_id from owned) and p.id not in (select product_id from cart)
order by r.by <> 'shop', r.rank, p.price nulls last, p.id
limit 1;

-- name: offered_bought
-- A product ($2) that an earlier attempt picked for what was bought then ($3), and whether it would still be picked.
with owned as materialized (
    select * from bought($1, $4)
)
select p.id, p.name, p.price, p.currency, p.url, p.image_url, p.attributes, $3::text as to_id,
       coalesce(b.name, (select name from owned where product_id = $3 order by ts desc limit 1)) as to_name,
       p.available and p.id not in (select product_id from owned) as fits
from product p
left join product b on b.id = $3
where p.id = $2;

-- name: offered_added
-- The same of one that was picked for what stood in the cart then ($3).
with cart as materialized (
    select * from in_cart($1, $4)
)
select p.id, p.name, p.price, p.currency, p.url, p.image_url, p.attributes, $3::text as to_id,
       coalesce(b.name, (select name from cart where product_id = $3)) as to_name,
       p.available and p.id not in (select product_id from cart) and p.id not in (select product_id from bought($1, $4)) as fits
from product p
left join product b on b.id = $3
where p.id = $2;
