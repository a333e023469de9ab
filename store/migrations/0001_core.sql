-- The whole first schema. Times are UTC; ids are uuid7 or bigint identities; no extension is needed.
-- Words: docs/architecture.md. Business times (ts, at, entered_at …) come from the injected clock, never from now().

-- Who may call the API. Only the SHA-256 of a key is kept.
create table api_key (
    id          uuid primary key,
    name        text not null unique check (length(name) between 1 and 100),
    role        text not null check (role in ('ingest', 'operate')),
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
create table profile (
    id           uuid primary key,
    traits       jsonb not null default '{}',
    traits_at    jsonb not null default '{}',
    traits_from  jsonb not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    merged_into  uuid references profile (id),
    drawn_as     uuid,
    apart        boolean not null default false
);
create index profile_created on profile (created_at);
create index profile_merged on profile (id) where merged_into is not null;

-- The names a customer is known by, each from an instant on (event time) up to the next row of the same name. A user id has one
-- owner; an anonymous one goes over to whoever is known on the device. 'previous_id' is an id that an alias left before anybody
-- used it as a user id. created_at is the event time at which the profile got the name.
create table identity (
    kind        text not null check (kind in ('user_id', 'anonymous_id', 'previous_id')),
    value       text not null,
    profile_id  uuid not null references profile (id),
    created_at  timestamptz not null,
    since       timestamptz not null default '-infinity',
    primary key (kind, value, since)
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
create index event_profile_type on event (profile_id, type, ts desc);
create index event_type on event (type, ts) include (profile_id);
create table event_default partition of event default;

-- Weeks begin on Monday 00:00 UTC. Safe to call twice, and from several sessions at once.
create function ensure_event_week(week timestamptz) returns void language plpgsql as $$
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

-- An address on a channel.
create table endpoint (
    id              uuid primary key,
    profile_id      uuid not null references profile (id),
    channel         text not null,
    address         text not null,
    platform        text,
    first_seen_at   timestamptz not null,
    last_seen_at    timestamptz not null,
    invalid_at      timestamptz,
    invalid_reason  text,
    changed_at      timestamptz,  -- since when it is this customer's, or dead; the trigger below writes it
    unique (channel, address)
);
create index endpoint_profile on endpoint (profile_id, channel);

-- Consent is append-only; the newest row by time wins.
create table consent (
    id            bigint generated always as identity primary key,
    profile_id    uuid not null,
    channel       text not null,
    purpose       text not null check (purpose in ('marketing', 'transactional')),
    state         text not null check (state in ('unknown', 'pending', 'granted', 'refused', 'withdrawn', 'expired')),
    source        text not null,
    text_version  text,
    message_id    text,
    at            timestamptz not null
);
create index consent_latest on consent (profile_id, channel, purpose, at desc, id desc);

-- Addresses that must not be written to; a keyed hash, because it outlives the profile.
create table suppression (
    channel  text not null,
    digest   bytea not null,
    scope    text not null check (scope in ('all', 'marketing')),
    reason   text not null,
    at       timestamptz not null,
    primary key (channel, digest, scope)
);

-- Segments may ask for consent, addresses and user ids. Whatever path changes these, the profile is marked: the arguments are
-- the mark and the column with the time of the change. Absorbed profiles are left to the merge.
create function mark_changed() returns trigger language plpgsql as $$
declare
    changed jsonb := to_jsonb(new);
begin
    insert into dirty (profile_id, types, at)
    select id, array[tg_argv[0]], (changed ->> tg_argv[1])::timestamptz
    from profile
    where id in (new.profile_id, case when tg_op = 'UPDATE' then old.profile_id end) and merged_into is null;
    return null;
end $$;
create trigger consent_said after insert or update of profile_id on consent
    for each row execute function mark_changed('$consent', 'at');
create function endpoint_changes() returns trigger language plpgsql as $$
begin
    new.changed_at := coalesce(new.invalid_at, new.last_seen_at);
    return new;
end $$;
create trigger endpoint_dated_first before insert on endpoint for each row execute function endpoint_changes();
create trigger endpoint_dated before update of profile_id, invalid_at on endpoint
    for each row when (old.profile_id <> new.profile_id or (old.invalid_at is null) <> (new.invalid_at is null))
    execute function endpoint_changes();
create trigger endpoint_found after insert on endpoint
    for each row execute function mark_changed('$endpoint', 'changed_at');
create trigger endpoint_changed after update of profile_id, invalid_at on endpoint
    for each row when (old.profile_id <> new.profile_id or (old.invalid_at is null) <> (new.invalid_at is null))
    execute function mark_changed('$endpoint', 'changed_at');
create trigger user_named after insert or update of profile_id on identity
    for each row when (new.kind = 'user_id') execute function mark_changed('$name', 'created_at');

-- Definitions as they were loaded, by version (hash of the definition): a changed one goes on in its old version until the new
-- one is loaded.
create table segment (
    name        text not null,
    version     text not null,
    definition  jsonb not null,
    loaded_at   timestamptz not null default now(),
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

-- One customer in one journey.
create table run (
    id                 uuid primary key,
    journey            text not null,
    profile_id         uuid not null references profile (id),
    entry_key          text not null default '',
    entered_by         text not null check (entered_by in ('segment', 'api')),
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
    ended_at           timestamptz
);
-- One at a time; a run that was told to end makes room at once.
create unique index run_open on run (journey, profile_id, entry_key) where ended_at is null and exit_reason is null;
create unique index run_idempotency on run (journey, idempotency_key) where idempotency_key is not null;
create index run_profile on run (profile_id, entered_at desc);
create index run_journey on run (journey, entered_at desc);
create index run_to_start on run (created_at) where started_at is null and ended_at is null;
create index run_to_signal on run (exit_at) where exit_reason is not null and exit_signalled_at is null and ended_at is null;

-- Entries that did not become runs, with the reason.
create table entry_refused (
    id             bigint generated always as identity primary key,
    journey        text not null,
    profile_id     uuid not null,
    entry_key      text not null default '',
    transition_id  bigint,
    reason         text not null,
    at             timestamptz not null
);
create index entry_refused_journey on entry_refused (journey, at desc);
create index entry_refused_profile on entry_refused (profile_id);

-- The ledger: one row per message, under its idempotency key run / step / occurrence.
create table delivery (
    run_id               uuid not null references run (id),
    step                 text not null,
    occurrence           smallint not null,
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
    raced                boolean not null default false,
    due_at               timestamptz not null,
    retry_at             timestamptz,
    claimed_at           timestamptz,
    settled_at           timestamptz,
    delivered_at         timestamptz,
    read_at              timestamptz,
    primary key (run_id, step, occurrence)
);
create index delivery_profile on delivery (profile_id, claimed_at desc);
create index delivery_provider_message on delivery (provider_message_id) where provider_message_id is not null;
create index delivery_journey on delivery (journey, step);

-- The operator's switch per journey.
create table journey_control (
    journey  text primary key,
    state    text not null check (state in ('live', 'paused', 'killed')),
    at       timestamptz not null,
    by       text not null
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
        where e.profile_id = customer and e.type = 'Order Completed' and e.ts <= until
          and jsonb_typeof(l.item -> 'product_id') in ('string', 'number');
    end;
