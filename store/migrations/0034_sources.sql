-- Sources (docs/sources.md): the company's tables and files, read by a statement of the catalogue's, and how that stands.

create table source (
    name        text primary key,
    every       interval not null,
    becomes     text not null check (becomes in ('traits', 'events', 'list')),
    asked_at    timestamptz,  -- somebody wants it read now
    begun_at    timestamptz,  -- the reading that was begun last, and which was the last that came to its end
    read_at     timestamptz,
    newest_at   timestamptz,  -- the newest instant in it: from there on it is read, where only what is new is
    failed_at   timestamptz,
    failure     text,
    rows        bigint not null default 0,  -- of the last reading: how many, and what came of them
    changed     bigint not null default 0,
    gone        bigint not null default 0,
    bad         bigint not null default 0,
    erased      bigint not null default 0,
    problems    jsonb not null default '[]',
    gives       text[] not null default '{}',  -- the traits that it gives, or the type of its events
    changed_at  timestamptz
);

-- What each row said when it was read last, as hashes. Of somebody who was erased the key's remains, so that they do not come back
-- while the source still has them; it is keyed, so that it gives no name back.
create table source_row (
    source      text not null references source (name) on delete cascade,
    key         bytea not null,
    digest      bytea,
    profile_id  uuid,
    primary key (source, key)
);
create index source_row_profile on source_row (profile_id) where profile_id is not null;
