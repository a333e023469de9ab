-- name: newest
-- A page of suppressions, newest first, after an instant and digest.
select channel, digest, scope, reason, at, expires_at, source from suppression
where ($1::text is null or channel = $1) and (at, digest) < ($2, $3)
order by at desc, digest desc
limit $4;

-- name: found
-- Every suppression of these digests on a channel.
select channel, digest, scope, reason, at, expires_at, source from suppression where channel = $1 and digest = any($2::bytea[]) order by at desc;

-- name: take_back
-- Lift what a provider or an operator said of an address, or a file, and keep by whom and why. Of the latter only with a reason; what
-- its owner told us ($6, without a source) stays.
with gone as (
    delete from suppression where channel = $1 and digest = any($2::bytea[])
      and case when source = '' then scope = 'all' and reason <> $6 else $5 <> '' end
    returning *
)
insert into suppression_lifted (channel, digest, scope, reason, source, since, lifted_at, lifted_by, why)
select channel, digest, scope, reason, source, at, $3, $4, $5 from gone
returning digest;

-- name: add
-- Suppress these addresses; what stands already for as long stays as it is. Returns the digests that are news.
insert into suppression as s (channel, digest, scope, reason, at, expires_at, source)
select distinct on (channel, digest, scope) * from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::timestamptz[],
                                                          $6::timestamptz[], $7::text[])
    as given (channel, digest, scope, reason, at, expires_at, source)
order by channel, digest, scope, expires_at desc nulls first
on conflict (channel, digest, scope) do update
set reason = excluded.reason, at = excluded.at, expires_at = excluded.expires_at, source = excluded.source
where s.expires_at is not null and (excluded.expires_at is null or excluded.expires_at > s.expires_at)
returning digest;

-- name: standing
-- Which of these are suppressed already, for as long.
select count(*) from unnest($1::text[], $2::bytea[], $3::text[], $4::timestamptz[]) as given (channel, digest, scope, expires_at)
join suppression s using (channel, digest, scope)
where s.expires_at is null or s.expires_at >= given.expires_at;

-- name: dead
-- The addresses that bounced on a channel, in the order of their ids.
select id, address from endpoint where channel = $1 and invalid_at is not null and id > $2 order by id limit $3;

-- name: revive
-- These addresses may be written to again.
update endpoint set invalid_at = null, invalid_reason = null where id = any($1::uuid[]) and invalid_at is not null returning id;
