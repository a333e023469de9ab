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

-- name: learn
-- Pairs that more customers have than by chance. A pair of a customer counts once, where both are no more than $1 apart; who has more
-- than $6 products (a dealer) is left out. By chance: if all that customers have were dealt anew, each as many as before, of each product
-- as many as before, the same number of pairs in all. How many times as many there are ("lift") is held against its lower bound at $3
-- standard deviations (Byar's for a Poisson count), which has to be $4. Of each product the $5 surest others, equals by id.
insert into learnt (product_id, other_id, people, lift, surely, rank)
with line as materialized (
    select distinct p.profile_id, p.product_id, p.at from purchase p join product on product.id = p.product_id
), item as materialized (
    select profile_id, product_id from line group by profile_id, product_id
), usual as materialized (
    select profile_id from item group by profile_id having count(*) between 2 and $6
), bought as materialized (
    select product_id, count(*)::float8 as people
    from item where profile_id not in (select profile_id from item group by profile_id having count(*) > $6) group by product_id
), pair as materialized (
    select one, two, count(*)::float8 as people
    from (
        select distinct a.profile_id, a.product_id as one, b.product_id as two
        from line a join usual using (profile_id)
        join line b on b.profile_id = a.profile_id and b.product_id > a.product_id and b.at between a.at - $1::interval and a.at + $1::interval
    ) as theirs
    group by one, two
), chance as (
    select (sum(people) ^ 2 - sum(people ^ 2)) / nullif(2 * (select sum(people) from pair), 0) as of_all from bought
), found as (
    select one, two, pair.people, pair.people * chance.of_all / (a.people * b.people) as lift,
           greatest(1 - 1 / (9 * pair.people) - $3::float8 / (3 * sqrt(pair.people)), 0) ^ 3 as sure
    from pair join bought a on a.product_id = one join bought b on b.product_id = two, chance
    where pair.people >= $2
), both_ways as (
    select one as product_id, two as other_id, people, lift, lift * sure as surely from found where lift * sure >= $4::float8
    union all
    select two, one, people, lift, lift * sure from found where lift * sure >= $4::float8
), ranked as (
    select *, row_number() over (partition by product_id order by surely desc, other_id) as nth from both_ways
)
select product_id, other_id, people, lift, surely, nth from ranked where nth <= $5;

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
