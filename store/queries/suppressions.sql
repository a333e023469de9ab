-- name: newest
-- A page of suppressions, newest first, after an instant and digest.
select channel, digest, scope, reason, at from suppression
where ($1::text is null or channel = $1) and (at, digest) < ($2, $3)
order by at desc, digest desc
limit $4;

-- name: found
-- Every suppression of these digests on a channel.
select channel, digest, scope, reason, at from suppression where channel = $1 and digest = any($2::bytea[]) order by at desc;

-- name: take_back
-- Lift what a provider said of an address. What its owner said (scope marketing) stays.
delete from suppression where channel = $1 and digest = any($2::bytea[]) and scope = 'all' returning digest;

-- name: dead
-- The addresses that bounced on a channel, in the order of their ids.
select id, address from endpoint where channel = $1 and invalid_at is not null and id > $2 order by id limit $3;

-- name: revive
-- These addresses may be written to again.
update endpoint set invalid_at = null, invalid_reason = null where id = any($1::uuid[]) and invalid_at is not null returning id;
