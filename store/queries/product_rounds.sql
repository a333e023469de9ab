-- name: declare
-- What the catalogue wants worked out; what is new, or means something else than before, at once.
insert into product_round (name, kind, declared, every, asked_at) values ($1, $2, $3, $4, $5)
on conflict (name) do update set kind = excluded.kind, declared = excluded.declared, every = excluded.every,
    asked_at = case when product_round.declared <> excluded.declared then excluded.asked_at else product_round.asked_at end
where (product_round.declared, product_round.every) <> (excluded.declared, excluded.every);

-- name: all
-- By name, as they stand.
select name, kind, declared, every, asked_at, done_at, failed_at, failure, came from product_round
where $1::text is null or name = $1 order by name;

-- name: ask
-- Somebody wants it worked out now.
update product_round set asked_at = $2 where name = $1 returning name;

-- name: asked
-- Those that somebody wants now, and that nobody has taken up since.
select name from product_round where asked_at is not null order by name;

-- name: taken_up
-- Temporal has it.
update product_round set asked_at = null where name = $1;

-- name: done
-- A round has come to its end.
update product_round set done_at = $2, came = $3, failed_at = null, failure = null where name = $1;

-- name: failed
-- A round could not come to its end, and why; what was found before stays.
update product_round set failed_at = $2, failure = $3 where name = $1;

-- name: let_go
-- The catalogue does not declare these any more.
delete from product_round where name = $1;
