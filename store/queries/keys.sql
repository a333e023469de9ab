-- name: find_key
-- The key with this digest, also the one before its last rotation, while it is good.
select id, name, role, personal, journeys, origins, per_minute from api_key
where (digest = $1 or (former_digest = $1 and former_until > now())) and (ends_at is null or ends_at > now());

-- name: find_shown
-- The key of this id whose digest, or the one before its last rotation while it is good, begins so.
select id, name, role, personal, journeys, origins, per_minute from api_key
where id = $1 and (substring(digest for 8) = $2 or (substring(former_digest for 8) = $2 and former_until > now()))
      and (ends_at is null or ends_at > now());

-- name: create_key
-- A new key; a name is used once, also by keys that ended, because it is the source of stored events.
insert into api_key (id, name, digest, role, personal, journeys, origins, per_minute, ends_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: put_key
-- A key whose secret is given (demo, tests, infrastructure as code): the name keeps its id and gets all else anew; a row if that is news.
insert into api_key as k (id, name, digest, role, personal, journeys, origins, per_minute, ends_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (name) do update
set digest = excluded.digest, role = excluded.role, personal = excluded.personal, journeys = excluded.journeys, origins = excluded.origins,
    per_minute = excluded.per_minute, ends_at = excluded.ends_at, former_digest = null, former_until = null
where (k.digest, k.role, k.personal, k.journeys, k.origins, k.per_minute, k.ends_at, k.former_digest)
      is distinct from (excluded.digest, excluded.role, excluded.personal, excluded.journeys, excluded.origins, excluded.per_minute,
                        excluded.ends_at, null)
returning id;

-- name: revoke_key
-- Take a key out of use, also the secret before its last rotation; the row stays as the name of what it sent.
update api_key set ends_at = now(), former_until = null where name = $1 and (ends_at is null or ends_at > now()) returning id;

-- name: rotate_key
-- Another secret for a key in use; the one before is good for a while.
update api_key set former_digest = digest, former_until = $3, digest = $2, ends_at = coalesce($4, ends_at)
where name = $1 and (ends_at is null or ends_at > now()) returning id;

-- name: list_keys
-- Every key, without anything secret, and when it was last used.
select id, name, role, personal, journeys, origins, per_minute, created_at, ends_at,
       case when former_until > now() then former_until end as former_until, used_at
from api_key left join api_key_used on key_id = id
where $1::text is null or name = $1
order by created_at, name;

-- name: used
-- A key was used now; a minute is told once.
insert into api_key_used as u (key_id, used_at) values ($1, now())
on conflict (key_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at - interval '1 minute';

-- name: origins
-- Every web page's origin from which some key may be used.
select coalesce(array_agg(distinct origin), '{}') from api_key, unnest(origins) as origin where ends_at is null or ends_at > now();
