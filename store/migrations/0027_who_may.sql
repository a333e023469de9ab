-- Keys have one of six roles instead of two and a kind; what else narrows one, until when it is good, and the secret before it.
alter table api_key drop constraint api_key_role_check, drop constraint api_key_check, drop constraint api_key_check1;
update api_key set role = 'client' where kind = 'client';
alter table api_key rename column revoked_at to ends_at;
alter table api_key
    drop column kind,
    add constraint api_key_role_check check (role in ('ingest', 'client', 'start', 'read', 'operate', 'admin')),
    add constraint api_key_origins_check check (role = 'client' or origins = '{}'),
    add column personal boolean not null default false check (not personal or role in ('read', 'operate', 'admin')),
    add column journeys text[] not null default '{}' check (journeys = '{}' or role in ('start', 'read', 'operate')),
    add column per_minute integer check (per_minute > 0),
    add column former_digest bytea unique,
    add column former_until timestamptz;
update api_key set personal = true where role = 'operate';

-- When a key was last used, to the minute: beside the keys, which the API does not write.
create table api_key_used (
    key_id   uuid primary key references api_key,
    used_at  timestamptz not null
);

-- Who changed what, from what to what. Of customers their id and the names of fields, never a value.
create table audit (
    id        bigint generated always as identity primary key,
    at        timestamptz not null default now(),
    by        text not null,
    role      text not null,
    verb      text not null,
    kind      text not null,
    name      text not null,
    was       jsonb,
    became    jsonb,
    customer  uuid,
    fields    text[] not null default '{}',
    trace     text
);
create index on audit (kind, name, id);
create index on audit (customer) where customer is not null;
