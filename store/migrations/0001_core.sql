-- The whole first schema. Times are UTC; ids are uuid7 or bigint identities; no extension is needed.
-- Words: docs/architecture.md. Business times (ts, at, entered_at …) come from the injected clock, never from now().

-- Who may call the API. Only the SHA-256 of a key is kept. A client's key stands in an app or a web page, where anybody can read
-- it; `origins` are the web pages that it may be used from ('*': any).
create table api_key (
    id          uuid primary key,
    name        text not null unique check (length(name) between 1 and 100),
    role        text not null check (role in ('ingest', 'operate')),
    kind        text not null default 'server' check (kind = 'server' or (kind = 'client' and role = 'ingest')),
    origins     text[] not null default '{}' check (kind = 'client' or origins = '{}'),
    digest      bytea not null unique,
    created_at  timestamptz not null default now(),
    revoked_at  timestamptz
);

-- An instant as the JSON columns hold it, whatever the session's time zone.
create function instant_text(at timestamptz) returns text language sql stable
    return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- One customer. traits_at keeps the event time at which each trait was last said (or taken away), so that a late identify never
-- overwrites a newer one; traits_from says of each who said it, how sure that is, and since when it is what it is:
-- {"city": {"source": "crm", "since": "2026-…", "confidence": 0.8}}, the confidence only where it was inferred, and then
-- cleared_at, too, where a declared value had been taken away before; "guessed" is the newest inferred value under a declared one.
-- drawn_as is the id by whose hash chance decides (buckets, holdouts), where that is not its own: a merge keeps the earlier draw.
-- apart: a merge was undone, so another customer takes over its devices and never the profile.
-- device_zone is what the last device said of its time zone (context.timezone), since the event of device_zone_at.
create table profile (
    id              uuid primary key,
    traits          jsonb not null default '{}',
    traits_at       jsonb not null default '{}',
    traits_from     jsonb not null default '{}',
    device_zone     text,
    device_zone_at  timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    merged_into     uuid references profile (id),
    drawn_as        uuid,
    apart           boolean not null default false
);
create index profile_created on profile (created_at);
create index profile_merged on profile (id) where merged_into is not null;
create index profile_absorbed on profile (merged_into) where merged_into is not null;

-- The names a customer is known by, each from an instant on (event time) up to the next row of the same name. A user id has one
-- owner; an anonymous one goes over to whoever is known on the device. 'previous_id' is an id that an alias left before anybody
-- used it as a user id. created_at is the event time at which the profile got the name.
create table identity (
    kind        text not null check (kind in ('user_id', 'anonymous_id', 'previous_id')),
    value       text not null,
    profile_id  uuid not null references profile (id),
    created_at  timestamptz not null,
    since       timestamptz not null default '-infinity',
    primary key (value, kind, since)
);
create index identity_profile on identity (profile_id);

-- Merges, each with what moved, so that it can be undone: names, and the ids of rows that have no name of their own.
create table merge (
    id         bigint generated always as identity primary key,
    survivor   uuid not null references profile (id),
    absorbed   uuid not null references profile (id),
    at         timestamptz not null,
    moved      jsonb not null,
    undone_at  timestamptz,
    undone_by  text
);
create index merge_survivor on merge (survivor);
create index merge_absorbed on merge (absorbed);

-- The profiles are spread over 256 buckets; a watch shard looks after some of them.
create function bucket(id uuid) returns smallint
    language sql immutable strict parallel safe
    return get_byte(uuid_send(id), 15)::smallint;

-- What happened. kind is the call of the Segment spec; type is the track event's name, or 'Page Viewed', 'Screen Viewed',
-- '$identify', '$group', '$alias'. user_id and anonymous_id are the names it came under: by them, events find their customer
-- again when a device turns out to have been another's, or a merge is undone. Partitioned by week; event_default catches weeks that have no partition yet.
create table event (
    profile_id   uuid not null,
    ts           timestamptz not null,
    type         text not null,
    kind         text not null,
    message_id   text not null,
    properties   jsonb not null default '{}',
    context      jsonb not null default '{}',
    source       text not null,
    received_at  timestamptz not null,
    clamped      boolean not null default false,
    user_id      text,
    anonymous_id text
) partition by range (ts);
-- Two ways to events, and a statement says which it takes: what a customer did is asked with `type collate "C" = …`, and who
-- did something when with `type = …`. An index of another collation cannot be taken for it, whatever the statistics say.
create index event_profile_type on event (profile_id, type collate "C", ts desc);
create index event_type on event (type, ts) include (profile_id);
create table event_default partition of event default;

-- Weeks begin on Monday 00:00 UTC. Safe to call twice, and from several sessions at once. It makes tables for who may not (the API).
create function ensure_event_week(week timestamptz) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    starts timestamptz := date_trunc('week', week at time zone 'UTC') at time zone 'UTC';
    name text := 'event_' || to_char(starts at time zone 'UTC', 'IYYY"w"IW');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(7203126, 0);
    if to_regclass(name) is null then
        execute format('create table %I (like event including defaults)', name);
        -- Rows of that week which the default partition caught move over before it is attached.
        execute format(
            'with moved as (delete from event_default where ts >= %L and ts < %L returning *) insert into %I select * from moved',
            starts, starts + interval '7 days', name);
        execute format('alter table event attach partition %I for values from (%L) to (%L)',
                       name, starts, starts + interval '7 days');
    end if;
exception when duplicate_table then
    null;  -- another session was faster, and its table is not in our view of the catalogue yet
end $$;

-- Message ids seen, by source, so that an SDK's retry is stored once. Events of our own making have the source '', which no key
-- can be named.
create table event_dedupe (
    source       text not null,
    message_id   text not null,
    received_at  timestamptz not null,
    primary key (message_id, source)
);

-- Profiles to look at again: append-only, consumed by DELETE … RETURNING inside the evaluation transaction. written_by is the
-- transaction whose events a mark stands for, where that is not the one that wrote the mark.
create table dirty (
    id           bigint generated always as identity primary key,
    profile_id   uuid not null,
    types        text[] not null,
    at           timestamptz not null,
    traceparent  text,
    written_by   text
);

-- What could not be taken, kept once with its reason, however often it is sent (digest: of the source and the item without the
-- time of sending). arrival is what is needed to read it again; without it, it is no item of ingest.
create table dead_letter (
    id           bigint generated always as identity primary key,
    source       text not null,
    received_at  timestamptz not null,
    message_id   text,
    reason       text not null,
    item         text not null,
    digest       bytea not null unique,
    arrival      text,
    times        integer not null,
    last_at      timestamptz not null
);

-- An address on a channel. It is written to unless it is dead (invalid_at) or the customer's newest e-mail address or phone number
-- has taken its place (replaced_at): named_at is when it was last said that this is where the customer is to be reached.
-- alive_at is when a message last reached it for certain. marketing and transactional are what `consent_of` answers for its
-- customer, kept here by the triggers below so that segments need not ask the log.
create table endpoint (
    id                uuid primary key,
    profile_id        uuid not null references profile (id),
    channel           text not null,
    address           text not null,
    platform          text,
    first_seen_at     timestamptz not null,
    last_seen_at      timestamptz not null,
    named_at          timestamptz,
    alive_at          timestamptz,
    invalid_at        timestamptz,
    invalid_reason    text,
    replaced_at       timestamptz,
    changed_at        timestamptz,  -- since when it is this customer's, dead or replaced
    marketing         text not null default 'unknown',
    marketing_at      timestamptz,
    transactional     text not null default 'unknown',
    transactional_at  timestamptz,
    unique (channel, address)
);
create index endpoint_profile on endpoint (profile_id, channel);

-- When a customer last lost an address of a channel to somebody else, and with it a yes: it dates what segments say since.
create table endpoint_lost (
    profile_id        uuid not null,
    channel           text not null,
    at                timestamptz not null,
    marketing_at      timestamptz,
    transactional_at  timestamptz,
    primary key (profile_id, channel)
);

-- What was said about consent, append-only: docs/consent.md has the rules. Without an address it is about the customer as a whole,
-- and only customers themselves can say that; without a profile it was said by somebody whom we do not know.
create table consent (
    id            bigint generated always as identity primary key,
    profile_id    uuid,
    channel       text not null,
    address       text,
    purpose       text not null check (purpose in ('marketing', 'transactional')),
    state         text not null check (state in ('pending', 'granted', 'refused', 'withdrawn', 'expired')),
    said_by       text not null check (said_by in ('customer', 'sync', 'import')),
    source        text not null,
    text_version  text,
    message_id    text,
    at            timestamptz not null,  -- when it was said
    received_at   timestamptz not null,
    check (profile_id is not null or address is not null),
    check (address is not null or said_by = 'customer')
);
create index consent_address on consent (channel, address, purpose) where address is not null;
create index consent_customer on consent (profile_id, channel, purpose);

-- Whether a customer may be written to at an address for a purpose, and the word that decides: a no that nothing has taken back,
-- else the customer's own yes for this address. No row: nothing was said. (docs/consent.md)
create function consent_of(customer uuid, on_channel text, on_address text, for_purpose text)
    returns table (state text, said_by text, source text, at timestamptz) language sql stable
    begin atomic
        with about as (
            select * from consent c where c.channel = on_channel and c.address = on_address and c.purpose = for_purpose
            union all
            -- About the customer as a whole; and a push token of which nothing is said yet takes over what was said of the others.
            select * from consent c
            where c.profile_id = customer and c.channel = on_channel and c.purpose = for_purpose
              and (c.address is null or (on_channel = 'push' and c.address <> on_address and not exists (
                      select from consent o where o.channel = on_channel and o.address = on_address
                         and o.purpose = for_purpose and o.profile_id = customer)))
        ), word as materialized (
            -- A withdrawal counts as the customer's own, whoever brings it; nothing counts as said after we heard it.
            select c.id, c.profile_id, c.state, c.said_by, c.source, c.received_at, least(c.at, c.received_at) as said_at,
                   coalesce(c.profile_id = customer, false) as own, c.address is null as whole,
                   case when c.said_by = 'customer' or c.state = 'withdrawn' then 3 when c.said_by = 'sync' then 2 else 1 end
                       as weight
            from about c
        )
        select w.state, w.said_by, w.source, w.said_at
        from word w
        where case w.state
            when 'granted' then w.own and not w.whole
            else (w.own or w.state in ('refused', 'withdrawn')) and not exists (
                select from word yes
                where yes.state = 'granted' and yes.weight >= w.weight
                  and (yes.received_at, yes.id) > (w.received_at, w.id)
                  and date_trunc('second', yes.said_at) > date_trunc('second', w.said_at)
                  and (yes.own or yes.profile_id is not distinct from w.profile_id) and (w.whole or not yes.whole))
            end
        order by w.state = 'granted', array_position(array['withdrawn', 'refused', 'expired', 'pending'], w.state),
                 w.said_at desc, w.id desc
        limit 1;
    end;

-- Addresses that must not be written to; a keyed hash, because it outlives the profile.
create table suppression (
    channel  text not null,
    digest   bytea not null,
    scope    text not null check (scope in ('all', 'marketing')),
    reason   text not null,
    at       timestamptz not null,
    primary key (channel, digest, scope)
);
create index suppression_newest on suppression (at desc, digest desc);

-- Segments may ask for consent, addresses and user ids. Whatever path changes these, the profile is marked. Absorbed profiles are
-- left to the merge.
create function mark_named() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into dirty (profile_id, types, at)
        select p.id, array['$name'], max(came.created_at)
        from came join profile p on p.id = came.profile_id
        where came.kind = 'user_id' and p.merged_into is null
        group by p.id;
    else
        insert into dirty (profile_id, types, at)
        select p.id, array['$name'], max(came.created_at)
        from came join gone using (kind, value, since) join profile p on p.id in (came.profile_id, gone.profile_id)
        where came.kind = 'user_id' and came.profile_id <> gone.profile_id and p.merged_into is null
        group by p.id;
    end if;
    return null;
end $$;
create trigger user_named after insert on identity
    referencing new table as came for each statement execute function mark_named();
create trigger user_renamed after update on identity
    referencing old table as gone new table as came for each statement execute function mark_named();

-- An address marks its customer, and the one who had it, when it comes, goes, dies, is replaced, or consent to it changes.
create function endpoint_dates() returns trigger language plpgsql as $$
begin
    new.changed_at := coalesce(new.invalid_at, new.replaced_at, new.last_seen_at);
    return new;
end $$;
create function endpoint_moved(old endpoint, new endpoint) returns boolean language sql immutable
    return old.profile_id <> new.profile_id or (old.invalid_at is null) <> (new.invalid_at is null)
        or (old.replaced_at is null) <> (new.replaced_at is null);
create trigger endpoint_dated_first before insert on endpoint for each row execute function endpoint_dates();
create trigger endpoint_dated before update of profile_id, invalid_at, replaced_at on endpoint
    for each row when (endpoint_moved(old, new)) execute function endpoint_dates();
create function mark_endpoint() returns trigger language plpgsql as $$
declare
    types text[] := array[tg_argv[0]];
begin
    if tg_argv[0] = '$endpoint' and coalesce(new.marketing_at, new.transactional_at) is not null then
        types := types || '$consent'::text;
    end if;
    insert into dirty (profile_id, types, at)
    select id, types, greatest(new.changed_at, new.marketing_at, new.transactional_at)
    from profile
    where id in (new.profile_id, case when tg_op = 'UPDATE' then old.profile_id end) and merged_into is null;
    return null;
end $$;
create trigger endpoint_found after insert on endpoint for each row execute function mark_endpoint('$endpoint');
create trigger endpoint_changed after update of profile_id, invalid_at, replaced_at on endpoint
    for each row when (endpoint_moved(old, new)) execute function mark_endpoint('$endpoint');
create trigger consent_changed after update of marketing, transactional on endpoint
    for each row when (old.marketing <> new.marketing or old.transactional <> new.transactional)
    execute function mark_endpoint('$consent');

create function endpoint_lost() returns trigger language plpgsql as $$
begin
    insert into endpoint_lost as l (profile_id, channel, at, marketing_at, transactional_at)
    select id, old.channel, new.changed_at, case when old.marketing = 'granted' then new.changed_at end,
           case when old.transactional = 'granted' then new.changed_at end
    from profile where id = old.profile_id and merged_into is null
    on conflict (profile_id, channel) do update
    set at = greatest(l.at, excluded.at), marketing_at = greatest(l.marketing_at, excluded.marketing_at),
        transactional_at = greatest(l.transactional_at, excluded.transactional_at);
    return null;
end $$;
create trigger endpoint_gone after update of profile_id on endpoint
    for each row when (old.profile_id <> new.profile_id) execute function endpoint_lost();

-- Bring what these addresses hold of `consent_of` up to date. They are locked first, so that of two words at once the later
-- transaction sees both. Planning it takes longer than running it, so the plan is kept.
create function settle_consent(ids uuid[]) returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
begin
    if cardinality(ids) = 0 then
        return;
    end if;
    perform from endpoint where id = any(ids) order by id for no key update;
    update endpoint e
    set marketing = told.marketing, transactional = told.transactional,
        marketing_at = case when e.marketing = told.marketing then e.marketing_at else coalesce(told.marketing_at, e.changed_at) end,
        transactional_at = case when e.transactional = told.transactional then e.transactional_at
                                else coalesce(told.transactional_at, e.changed_at) end
    from (
        select held.id, coalesce(m.state, 'unknown') as marketing, m.at as marketing_at,
               coalesce(t.state, 'unknown') as transactional, t.at as transactional_at
        from endpoint held
        left join lateral consent_of(held.profile_id, held.channel, held.address, 'marketing') m on true
        left join lateral consent_of(held.profile_id, held.channel, held.address, 'transactional') t on true
        where held.id = any(ids)
    ) as told
    where e.id = told.id and (e.marketing, e.transactional) <> (told.marketing, told.transactional);
end $$;
create function consent_settles() returns trigger language plpgsql as $$
begin
    perform settle_consent(array(
        select e.id from said join endpoint e on e.channel = said.channel and e.address = said.address
        union
        select e.id from said join endpoint e on e.profile_id = said.profile_id and e.channel = said.channel
        where said.address is null or said.channel = 'push'));
    return null;
end $$;
create trigger consent_said after insert on consent
    referencing new table as said for each statement execute function consent_settles();
create trigger consent_moved after update on consent
    referencing new table as said for each statement execute function consent_settles();
create function endpoint_settles() returns trigger language plpgsql as $$
begin
    perform settle_consent(array(select id from came));
    return null;
end $$;
create trigger endpoint_settled_first after insert on endpoint
    referencing new table as came for each statement execute function endpoint_settles();
create function endpoint_settles_again() returns trigger language plpgsql as $$
begin
    perform settle_consent(array(select came.id from came join gone using (id) where came.profile_id <> gone.profile_id));
    return null;
end $$;
create trigger endpoint_settled after update on endpoint
    referencing old table as gone new table as came for each statement execute function endpoint_settles_again();

-- Definitions as they were loaded, by version (hash of the definition): a changed one goes on in its old version until the new
-- one is loaded.
create table segment (
    name        text not null,
    version     text not null,
    definition  jsonb not null,
    loaded_at   timestamptz not null default now(),
    known_from  timestamptz not null,  -- business time as of which it was first evaluated: nothing is known of its members before
    primary key (name, version)
);

-- Definitions that product teams wrote through the API; every watch takes them up within seconds. A deleted one stays as a
-- tombstone, so that a shard that was asleep lets its members go when it wakes.
create table segment_definition (
    name        text primary key,
    version     text not null,
    definition  jsonb not null,
    announce    boolean not null,
    by          text not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    deleted_at  timestamptz
);

-- Lists kept by hand or from a file. Who is on one is told by events of the type '$list:<name>': the last one decides.
create table customer_list (
    name        text primary key,
    by          text not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);

-- Lists that are snapshots: who was in a segment at an instant, by the definition of that version. Nothing changes them.
create table list_snapshot (
    list        text primary key references customer_list (name),
    segment     text not null,
    version     text not null,
    definition  jsonb not null,
    as_of       timestamptz not null,
    state       text not null check (state in ('evaluating', 'writing', 'finished')),
    members     integer not null default 0,
    written     integer not null default 0,
    by          text not null,
    started_at  timestamptz not null,
    updated_at  timestamptz not null
);
create index list_snapshot_segment on list_snapshot (segment, started_at);

-- How far an import of customers into a list has come, and the first of its bad rows.
create table list_import (
    id           uuid primary key,
    list         text not null,
    state        text not null check (state in ('running', 'finished', 'failed')),
    rows         integer not null default 0,
    added        integer not null default 0,
    already      integer not null default 0,
    removed      integer not null default 0,
    bad          integer not null default 0,
    problems     jsonb not null default '[]',
    by           text not null,
    started_at   timestamptz not null,
    updated_at   timestamptz not null
);

-- Every bad row of an import: its line, and what is wrong, never what stands in it.
create table list_import_problem (
    import_id  uuid not null references list_import (id),
    row        integer not null,
    problem    text not null,
    primary key (import_id, row)
);

-- The thresholds of rankings ("top 10 %"), as of each renewal: the smallest amount that is in, and how many customers it was
-- taken from. Never changed, so that every decision can be told by the number that was used.
create table segment_threshold (
    ranking    text not null,
    as_of      timestamptz not null,
    value      numeric,
    customers  bigint not null,
    primary key (ranking, as_of)
);

-- How far time has been looked at, per segment version and shard. What a version changed by taking another's place is dated
-- `since` then at the earliest; null as soon as all of that is told.
create table segment_progress (
    segment       text not null,
    version       text not null,
    shard         smallint not null,
    shards        smallint not null,
    evaluated_to  timestamptz not null,
    since         timestamptz,
    primary key (segment, version, shard, shards)
);

-- A definition that is being loaded on a shard: everybody is evaluated as of one instant, in chunks by customer id up to
-- done_to. Where it replaces another version, that one stays live until the end. Marks of these types (or all) are kept for it.
create table segment_backfill (
    id          bigint generated always as identity primary key,
    segment     text not null,
    version     text not null,
    shard       smallint not null,
    shards      smallint not null,
    as_of       timestamptz not null,
    replaces    boolean not null,
    announce    boolean not null,
    types       text[] not null,
    all_types   boolean not null,
    found       boolean not null default false,
    done_to     uuid not null default '00000000-0000-0000-0000-000000000000',
    done        bigint not null default 0,
    customers   bigint not null,
    entered     bigint not null default 0,
    "left"      bigint not null default 0,
    started_at  timestamptz not null default clock_timestamp(),
    updated_at  timestamptz not null default clock_timestamp(),
    unique (segment, version, shard, shards)
);

-- Who is in a version that will replace another, as of the load's instant.
create table segment_backfill_member (
    backfill    bigint not null,
    profile_id  uuid not null,
    primary key (backfill, profile_id)
);

-- Who is in one of the two versions only, before the new one takes the old one's place.
create table segment_backfill_change (
    backfill    bigint not null,
    profile_id  uuid not null,
    primary key (backfill, profile_id)
);

-- What happened while a definition was being loaded: marks that ticks consumed; without types, customers whom time moved.
create table segment_backfill_mark (
    id           bigint generated always as identity,
    backfill     bigint not null,
    profile_id   uuid not null,
    types        text[] not null,
    at           timestamptz not null,
    traceparent  text,
    written_by   text
);
create index segment_backfill_mark_profile on segment_backfill_mark (backfill, profile_id);

create table segment_member (
    segment     text not null,
    profile_id  uuid not null,
    entered_at  timestamptz not null,
    primary key (segment, profile_id)
);
create index segment_member_profile on segment_member (profile_id);

-- When to look at a customer again because of a trait (a date in it, its age): the next instant at which it can turn the segment.
create table segment_alarm (
    segment     text not null,
    version     text not null,
    profile_id  uuid not null,
    due_at      timestamptz not null,
    primary key (segment, version, profile_id)
);
create index segment_alarm_due on segment_alarm (due_at);

-- The outbox. kind 'repeated' is a fresh triggering event of someone who is already in (for journeys that enter per key).
create table segment_transition (
    id             bigint generated always as identity primary key,
    segment        text not null,
    profile_id     uuid not null,
    kind           text not null check (kind in ('entered', 'left', 'repeated')),
    at             timestamptz not null,
    logged_at      timestamptz not null default clock_timestamp(),
    cause          jsonb not null default '{}',
    traceparent    text,
    dispatched_at  timestamptz
);
create index segment_transition_open on segment_transition (id) where dispatched_at is null;
create index segment_transition_profile on segment_transition (profile_id, segment, id);
create index segment_transition_day on segment_transition (segment, at);

-- Versions of the catalogue: a run ends with the one that it began with. `archive` holds sources and templates, compressed; a
-- worker runs it only with the signature of somebody who may deploy, whose key is nowhere in this database.
create table catalogue_version (
    id           text primary key,
    package      text not null,
    archive      bytea not null,
    signature    bytea not null,
    journeys     text[] not null,
    deployed_at  timestamptz not null default clock_timestamp(),
    deployed_by  text not null default '',
    dropped_at   timestamptz,  -- nobody was in it any more; then there is no archive
    dropped_by   text
);

-- One customer in one journey.
create table run (
    id                 uuid primary key,
    journey            text not null,
    profile_id         uuid not null references profile (id),
    entry_key          text not null default '',
    entered_by         text not null check (entered_by in ('segment', 'api', 'journey')),
    segment            text,
    transition_id      bigint,
    params             jsonb not null default '{}',
    entry              jsonb not null default '{}',
    holdout            boolean not null default false,
    entered_at         timestamptz not null,
    start_delay        interval not null default '0',
    workflow_id        text not null unique,
    idempotency_key    text,
    traceparent        text,
    created_at         timestamptz not null,
    started_at         timestamptz,
    exit_reason        text,
    exit_at            timestamptz,
    exit_signalled_at  timestamptz,
    outcome            text,
    ended_by           text, -- the goal or exit, by the name that its author gave it
    ended_at           timestamptz,
    -- Its steps raise, or no longer fit what it has done: since when we know, and the error's kind and place.
    failing_since      timestamptz,
    failure            text,
    -- The version of the catalogue, from the start on; since when it is another than its history began with, because it could not go on.
    version            text,
    mended_at          timestamptz,
    -- On purpose: to which version it is to go on, whether it was told, why it could not, and how often it has gone on.
    move_to            text,
    move_told_at       timestamptz,
    move_refused       text,
    moves              integer not null default 0,
    -- Where the journey has limits: from when on the customer may be let in, until when they wait for it (nothing: they wait
    -- no more), and when they were.
    waits_from         timestamptz,
    waits_until        timestamptz,
    let_in_at          timestamptz
);
-- One at a time; a run that was told to end makes room at once.
create unique index run_open on run (journey, profile_id, entry_key) where ended_at is null and exit_reason is null;
create unique index run_idempotency on run (journey, idempotency_key) where idempotency_key is not null;
create index run_profile on run (profile_id, entered_at desc);
create index run_journey on run (journey, entered_at desc);
create index run_entered on run (entered_at desc, id desc);
create index run_ended on run (journey, entered_at desc, id desc) where ended_at is not null;
create index run_to_start on run (created_at) where started_at is null and ended_at is null and waits_until is null;
create index run_to_signal on run (exit_at) where exit_reason is not null and exit_signalled_at is null and ended_at is null;
create index run_ending on run (exit_signalled_at) where exit_signalled_at is not null and ended_at is null;
create index run_standing on run (journey, created_at, id) where ended_at is null and waits_until is null;
create index run_in_line on run (journey, waits_from, id) where waits_until is not null and ended_at is null and exit_reason is null;
create index run_useful on run (journey, waits_until) where waits_until is not null and ended_at is null and exit_reason is null;
create index run_let_in on run (journey, let_in_at) where let_in_at is not null;
create index run_failing on run (journey) where failing_since is not null and ended_at is null;
create index run_version on run (version) where ended_at is null;
create index run_mended on run (mended_at) where mended_at is not null and ended_at is null;
create index run_to_move on run (move_told_at) where move_to is not null and ended_at is null;
create index run_at_its_ceiling on run (journey, ended_at) where outcome = 'message ceiling of the run';

-- What runs wait for. A wait (the run's n-th) may wait for several things, each under a name; the first that happens withdraws the
-- others. `wakes`: the types of change that may make it so; where there are none, somebody else tells (the log of segments, people).
create table expectation (
    id           uuid not null default gen_random_uuid() unique,
    run_id       uuid not null references run (id) on delete cascade,
    wait         bigint not null,
    which        text not null,
    expected     jsonb not null,
    wakes        text[] not null default '{}',
    since        timestamptz,
    until        timestamptz not null,
    begun_at     timestamptz not null,
    happened_at  timestamptz,
    answer       jsonb not null default '{}',
    note         text,  -- what people wrote of it, which no run hears
    told_at      timestamptz,
    primary key (run_id, wait, which)
);
create index expectation_of_people on expectation (begun_at, id) where expected ->> 'kind' = 'people';
create index expectation_to_tell on expectation (happened_at) where happened_at is not null and told_at is null;

-- Runs that speak to their customer alone for a while: other journeys' marketing waits until they let go, or are over.
create table hold (
    run_id       uuid not null references run (id) on delete cascade,
    number       bigint not null,
    since        timestamptz not null,
    released_at  timestamptz,
    primary key (run_id, number)
);

-- What runs ask of the company's services, or tell them: each call once, by its number among what the run has done. The answer stays
-- here, where templates find it; `reason` is why there is none.
create table service_call (
    run_id      uuid not null references run (id) on delete cascade,
    number      integer not null,
    service     text not null,
    event       text not null,
    asked_at    timestamptz not null,
    attempts    integer not null,
    retry_at    timestamptz,
    settled_at  timestamptz,
    reason      text,
    status      integer,
    answer      jsonb,
    primary key (run_id, number)
);

-- The last answer of each service to a run, by the service's name.
create function fetched_by(asking uuid) returns jsonb language sql stable
    return (select coalesce(jsonb_object_agg(service, answer), '{}')
            from (select distinct on (service) service, answer from service_call
                  where run_id = asking and answer is not null order by service, number desc) as last);

-- Who is in which arm of an experiment, since when they count as exposed, and with what share they were drawn. It stays with the
-- profile through merges (the earliest of the united profiles' stands), so that taking a merge back needs nothing.
create table exposure (
    experiment  text not null,
    profile_id  uuid not null,
    arm         text not null,
    share       double precision not null,
    exposed_at  timestamptz not null,
    run_id      uuid not null,
    primary key (experiment, profile_id)
);
create index exposure_profile on exposure (profile_id);

-- Entries that did not become runs, by a segment, by API or by another journey, with the reason and what it was decided on.
create table entry_refused (
    id             bigint generated always as identity primary key,
    journey        text not null,
    profile_id     uuid not null,
    entry_key      text not null default '',
    entered_by     text not null default 'segment' check (entered_by in ('segment', 'api', 'journey')),
    transition_id  bigint,
    reason         text not null,
    detail         jsonb not null default '{}',
    at             timestamptz not null
);
create index entry_refused_journey on entry_refused (journey, at desc);
create index entry_refused_profile on entry_refused (profile_id);

-- The ledger: one row per message, under its idempotency key run / step / occurrence.
create table delivery (
    run_id               uuid not null references run (id),
    step                 text not null,
    occurrence           bigint not null, -- in a branch, the digits before the last four tell which
    profile_id           uuid not null,
    journey              text not null,
    channel              text not null,
    purpose              text not null,
    template             text not null,
    state                text not null check (state in
                           ('claimed', 'sent', 'skipped', 'deferred', 'withheld', 'failed', 'unconfirmed', 'released')),
    reason               text,
    detail               jsonb not null default '{}',
    endpoint_id          uuid,
    provider             text,
    provider_message_id  text,
    attempts             integer not null default 0,
    copies               smallint not null default 0, -- that the provider may have accepted
    raced                boolean not null default false,
    due_at               timestamptz not null,
    retry_at             timestamptz,
    claimed_at           timestamptz,
    settled_at           timestamptz,
    delivered_at         timestamptz,
    read_at              timestamptz,
    priority             smallint not null default 0,
    budget_since         timestamptz, -- the period of its journey's budget that it counts in, and what it costs (millionths)
    price                bigint not null default 0,
    -- What the gate was asked and said, each time: instants, reasons and inputs, nothing of what was sent.
    gates                jsonb not null default '[]',
    primary key (run_id, step, occurrence),
    check (retry_at is null or state in ('claimed', 'deferred', 'released'))
);
create index delivery_profile on delivery (profile_id, claimed_at desc);

-- The arms that the customer of a message is in, of those experiments that its journey asks about.
create function arms_of(message delivery) returns jsonb language sql stable
    return (select jsonb_object_agg(x.experiment, x.arm) from exposure x join run r on r.id = x.run_id
            where x.profile_id = message.profile_id and r.journey = message.journey);
create index delivery_coming on delivery (profile_id, retry_at) where state in ('deferred', 'released');
create index delivery_provider_message on delivery (provider_message_id) where provider_message_id is not null;
create index delivery_journey on delivery (journey, step);
create index delivery_paused on delivery (journey, retry_at) where state = 'deferred' and reason = 'journey paused';
create index delivery_unsettled on delivery (run_id) where state in ('claimed', 'deferred', 'released');
create index delivery_in_doubt on delivery (run_id) where state in ('claimed', 'unconfirmed');

-- The operator's switches: one per journey, and under '*' that of everything at once; the stricter one holds. Whoever had entered
-- by `killed_at` is over, even if the journey lives again.
create table journey_control (
    journey    text primary key,
    state      text not null check (state in ('live', 'paused', 'killed')),
    at         timestamptz not null,
    by         text not null,
    killed_at  timestamptz
);

-- What journeys have used of their budgets, by period: what was claimed and may have arrived. Whoever changes that of a message
-- leaves a line in `budget_change`, and waits for nobody; who asks what is left adds the lines up, under the lock of the journey.
create table budget_spent (
    journey   text not null,
    since     timestamptz not null,
    messages  bigint not null,
    money     bigint not null,
    primary key (journey, since)
);
create table budget_change (
    journey   text not null,
    since     timestamptz not null,
    messages  smallint not null,
    money     bigint not null
);
create index budget_change_journey on budget_change (journey);

create function counts_as_spent(state text) returns boolean language sql immutable
    return state in ('claimed', 'sent', 'unconfirmed');

create function budget_changed() returns trigger language plpgsql as $$
declare
    before integer := case when tg_op = 'UPDATE' then counts_as_spent(old.state)::integer else 0 end;
    change integer := counts_as_spent(new.state)::integer - before;
begin
    if change <> 0 then
        insert into budget_change (journey, since, messages, money)
        values (new.journey, new.budget_since, change, change * new.price);
    end if;
    return null;
end $$;
create trigger delivery_budget after insert or update of state on delivery
    for each row when (new.budget_since is not null) execute function budget_changed();

-- What a journey has used of its budget in a period, under a lock that is held until the transaction ends: one claim of the journey
-- at a time, or two would find the same rest. Volatile: the second statement sees what the lock waited for.
create function budget_under_lock(lock_class integer, of_journey text, period timestamptz)
    returns table (messages bigint, money bigint)
    language plpgsql volatile
    as $$
    begin
        perform pg_advisory_xact_lock(lock_class, hashtext(of_journey));
        with told as (delete from budget_change c where c.journey = of_journey returning c.*)
        insert into budget_spent as s (journey, since, messages, money)
        select t.journey, t.since, sum(t.messages), sum(t.money) from told t group by t.journey, t.since
        on conflict (journey, since) do update
        set messages = s.messages + excluded.messages, money = s.money + excluded.money;
        return query select s.messages, s.money from budget_spent s where s.journey = of_journey and s.since = period;
    end $$;

-- The customer's messages that a cap may count, and those that wait at the gate for an instant or a provider (`coming`; not what
-- waits for its journey to live again), read under a lock that is held until the transaction ends: one marketing
-- delivery of a customer at a time, or two would find the same room. What was withheld from the asking run counts within it,
-- so that its waits are those of the runs that it is compared with. Volatile: the second statement sees what the lock waited for.
create function past_under_lock(lock_class integer, customer uuid, since timestamptz, asking uuid, expected timestamptz)
    returns table (counted_at timestamptz, channel text, purpose text, coming boolean, priority smallint, journey text, step text,
                   run_id uuid)
    language plpgsql volatile
    as $$
    begin
        perform pg_advisory_xact_lock(lock_class, hashtext(customer::text));
        return query
            select coalesce(d.claimed_at, d.settled_at), d.channel, d.purpose, false, d.priority, d.journey, d.step, d.run_id
            from delivery d
            where d.profile_id = customer and (
                (d.state in ('claimed', 'sent', 'unconfirmed') and d.claimed_at > since)
                or (d.run_id = asking and d.state = 'withheld' and d.settled_at > since)
            )
            union all
            select d.retry_at, d.channel, d.purpose, true, d.priority, d.journey, d.step, d.run_id
            from delivery d join run r on r.id = d.run_id and r.ended_at is null and r.exit_reason is null
            where d.profile_id = customer and d.state in ('deferred', 'released') and d.retry_at > expected
              and not coalesce(d.reason in ('journey paused', 'held by another journey'), false)
            order by 1;
    end $$;

-- The share of each hour of the day in what customers do (`journeys.gate.learning`), taken anew each day once a message has asked.
create table population_hours (
    only_row     boolean primary key default true check (only_row),
    shares       double precision[] check (array_length(shares, 1) = 24),
    customers    integer not null default 0,
    computed_at  timestamptz not null default '-infinity'
);

-- What is for sale, as the shop last told it. `id` is the `product_id` of its events.
create table product (
    id          text primary key,
    name        text not null,
    price       numeric,
    currency    text,
    url         text,
    image_url   text,
    attributes  jsonb not null default '{}',
    available   boolean not null default true,
    by          text not null,
    updated_at  timestamptz not null
);

-- What goes with a product, best first: similar to it, better of its kind, or complementary. The other one may come later.
create table product_relation (
    product_id  text not null,
    relation    text not null check (relation in ('similar', 'better', 'complementary')),
    other_id    text not null check (other_id <> product_id),
    rank        integer not null,
    primary key (product_id, relation, other_id)
);

-- What a customer has bought: the lines of completed orders that name a product. Their prices count where they are numbers.
create function bought(customer uuid, until timestamptz)
    returns table (ts timestamptz, message_id text, line bigint, product_id text, name text, price numeric)
    language sql stable
    begin atomic
        select e.ts, e.message_id, l.n, l.item ->> 'product_id', l.item ->> 'name',
               case when jsonb_typeof(l.item -> 'price') = 'number' then (l.item ->> 'price')::numeric end
        from event e,
             jsonb_array_elements(case when jsonb_typeof(e.properties -> 'products') = 'array'
                                       then e.properties -> 'products' else '[]' end) with ordinality as l (item, n)
        where e.profile_id = customer and e.type collate "C" = 'Order Completed' and e.ts <= until
          and jsonb_typeof(l.item -> 'product_id') in ('string', 'number');
    end;
