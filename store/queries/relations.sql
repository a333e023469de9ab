-- name: make_learnt
-- What is found to go with what, until the transaction ends.
create temporary table if not exists learnt (
    product_id text, other_id text, people integer, lift double precision, surely double precision, rank integer
) on commit drop;

-- name: begin_learnt
-- A new round.
truncate learnt;

-- name: sold
-- How many products as many customers have as a pair needs ($1), and how many customers have anything.
select count(*) filter (where people >= $1) as products, (select count(distinct profile_id) from purchase) as people
from (select p.product_id, count(distinct p.profile_id) as people from purchase p join product on product.id = p.product_id group by 1) as each;

-- name: make_basket_line
-- What customers had, by basket, until the transaction ends.
create temporary table if not exists basket_line (profile_id uuid, nth integer, product_id text, at timestamptz) on commit drop;

-- name: make_basket
-- The baskets, with how many products are in each.
create temporary table if not exists basket (profile_id uuid, nth integer, size integer) on commit drop;

-- name: make_basket_pair
-- The pairs that are in a basket.
create temporary table if not exists basket_pair (profile_id uuid, nth integer, one text, two text) on commit drop;

-- name: begin_baskets
-- A new round.
truncate basket_line, basket, basket_pair;

-- name: fill_basket_lines
-- A basket ends where a customer has nothing more for longer than $1; who has more than $2 products (a dealer) is left out.
insert into basket_line (profile_id, nth, product_id, at)
with line as materialized (
    select distinct p.profile_id, p.product_id, p.at from purchase p join product on product.id = p.product_id
), usual as materialized (
    select profile_id from (select distinct profile_id, product_id from line) as item group by profile_id having count(*) <= $2
), marked as (
    select profile_id, product_id, at, at - lag(at) over (partition by profile_id order by at) > $1::interval as begins
    from line join usual using (profile_id)
)
select profile_id, count(*) filter (where begins) over (partition by profile_id order by at), product_id, at from marked;

-- name: fill_baskets
-- How many products are in each.
insert into basket (profile_id, nth, size) select profile_id, nth, count(distinct product_id) from basket_line group by profile_id, nth;

-- name: look_at_lines
-- The planner has to know how many they are.
analyze basket_line;

-- name: look_at_baskets
-- The planner has to know how many they are.
analyze basket;

-- name: fill_basket_pairs
-- Two products of a basket, where both are no more than $1 apart.
insert into basket_pair (profile_id, nth, one, two)
select distinct a.profile_id, a.nth, a.product_id, b.product_id
from basket join basket_line a using (profile_id, nth)
join basket_line b on b.profile_id = a.profile_id and b.nth = a.nth and b.product_id > a.product_id
                  and b.at between a.at - $1::interval and a.at + $1::interval
where basket.size > 1;

-- name: sizes
-- Of how many products there are how many baskets, and how many pairs in all of those.
select size, count(*) as baskets, coalesce(sum(pairs), 0)::bigint as pairs
from basket left join (select profile_id, nth, count(*) as pairs from basket_pair group by profile_id, nth) as theirs using (profile_id, nth)
group by size order by size;

-- name: holders
-- In how many baskets of each size each product is.
select product_id, size, count(*) as baskets
from (select distinct profile_id, nth, product_id from basket_line) as item join basket using (profile_id, nth) group by product_id, size;

-- name: customers
-- How many customers have baskets of these sizes; a basket of one product makes no pair.
select sizes, count(*) as people
from (select array_agg(size order by size) as sizes from basket where size > 1 group by profile_id) as each group by sizes;

-- name: candidates
-- Pairs that as many customers have as it needs ($1). A customer counts once.
select one, two, count(distinct profile_id) as people from basket_pair group by one, two having count(distinct profile_id) >= $1 order by one, two;

-- name: keep_learnt
-- What was found.
insert into learnt (product_id, other_id, people, lift, surely, rank)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::float8[], $5::float8[], $6::integer[]);

-- name: lock_products
-- Nobody else writes the relations of these products until the transaction ends: rows are locked as those who tell products do.
select id from product
where id in (select product_id from learnt union select product_id from product_relation where by = $1)
order by id for no key update;

-- name: drop_learnt
-- What was found before and is not any more.
delete from product_relation r
where r.by = $1 and not exists (select from learnt l where l.product_id = r.product_id and l.other_id = r.other_id);

-- name: write_learnt
-- What was found now; where the shop says something of a pair, that stays. Returns how many pairs stand.
with written as (
    insert into product_relation (product_id, relation, other_id, rank, by, people, lift, surely, as_of)
    select product_id, $2, other_id, rank, $1, people, lift, surely, $3 from learnt order by product_id, other_id
    on conflict (product_id, relation, other_id) do update
    set rank = excluded.rank, by = excluded.by, people = excluded.people, lift = excluded.lift, surely = excluded.surely, as_of = excluded.as_of
    where product_relation.by <> 'shop'
    returning 1
)
select count(*) from written;

-- name: forget_learnt
-- Nobody wants to learn this any more.
delete from product_relation where by = $1;

-- name: learnt_of
-- What was learnt of a product, the surest first.
select relation, other_id, by, people, lift, surely, as_of from product_relation
where product_id = $1 and by <> 'shop' order by relation, rank, other_id;
