-- name: holding
-- What holds for a customer on each channel and purpose, address by address; on channels without addresses ($2), of the whole.
select reached.channel, reached.address, p.purpose, coalesce(said.state, 'unknown') as state
from (select channel, address from endpoint where profile_id = $1 and replaced_at is null and invalid_at is null
      union all select unnest($2::text[]), null) as reached (channel, address)
cross join (values ('marketing'), ('transactional')) as p (purpose)
left join lateral consent_of($1, reached.channel, reached.address, p.purpose) as said on true
order by reached.channel, reached.address, p.purpose;

-- name: addresses
-- A customer's addresses of now.
select channel, address from endpoint where profile_id = $1 and replaced_at is null and invalid_at is null;

-- name: refused
-- Of these digests those whose owner said no ($2) before we knew them, or in a life of which nothing else is left.
select channel, digest, scope from suppression where digest = any($1::bytea[]) and reason = $2;
