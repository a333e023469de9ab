-- name: find_key
-- The key with this digest, unless it was revoked.
select id, name, role, kind, origins from api_key where digest = $1 and revoked_at is null;

-- name: create_key
-- A new key; a name is used once, also by revoked keys, because it is the source of stored events.
insert into api_key (id, name, role, digest, kind, origins) values ($1, $2, $3, $4, $5, $6);

-- name: put_key
-- A key whose secret is given (demo, tests, infrastructure as code): the name keeps its id and gets all else anew.
insert into api_key (id, name, role, digest, kind, origins) values ($1, $2, $3, $4, $5, $6)
on conflict (name) do update
set role = excluded.role, digest = excluded.digest, kind = excluded.kind, origins = excluded.origins, revoked_at = null;

-- name: revoke_key
-- Take a key out of use; the row stays as the name of what it sent.
update api_key set revoked_at = now() where name = $1 and revoked_at is null returning id;

-- name: list_keys
-- Every key, without anything secret.
select id, name, role, kind, origins, created_at, revoked_at from api_key order by created_at, name;

-- name: origins
-- Every web page's origin from which some key may be used.
select coalesce(array_agg(distinct origin), '{}') from api_key, unnest(origins) as origin where revoked_at is null;
