-- Messages inside the app: what the inbox shows, beside the row on the ledger by which it belongs to a customer (so that merges move it).
-- `ends` are the journey's goals and exits, as predicates: once one of them has come true since the run's entry, nobody sees the
-- message any more. The content is personal: it goes with its customer.
create table inbox (
    id            uuid primary key,  -- drawn at random: apps see it
    run_id        uuid not null,
    step          text not null,
    occurrence    bigint not null,
    content       jsonb not null,
    ends          jsonb not null default '[]',
    put_at        timestamptz not null,
    expires_at    timestamptz not null,
    seen_at       timestamptz,
    clicked_at    timestamptz,
    dismissed_at  timestamptz,
    withdrawn_at  timestamptz,  -- since when it is known that a goal or an exit was reached
    unique (run_id, step, occurrence)
);
create index inbox_expires on inbox (expires_at);
create index delivery_in_app on delivery (profile_id, claimed_at desc) where channel = 'in_app' and state = 'sent';
