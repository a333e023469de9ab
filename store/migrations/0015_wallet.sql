-- Passes in customers' wallets: what each shows now, on which devices it is, and the pictures of their templates. A pass belongs to
-- whoever the message on the ledger belongs to that it stands at (so that merges move it). Its content is personal: it goes with its customer.
create table wallet_pass (
    serial       uuid primary key,  -- a keyed digest of its first owner, template and key: wallets see it
    template     text not null,
    key          text not null,     -- tells a customer's passes of one template apart
    content      jsonb not null,    -- pictures by their digests
    modified_at  timestamptz not null,  -- real time in whole seconds (HTTP dates have no parts of one), later with each change
    run_id       uuid not null,     -- the last message that said what it shows
    step         text not null,
    occurrence   bigint not null
);
create index wallet_pass_message on wallet_pass (run_id, step, occurrence);
create index delivery_wallet on delivery (profile_id, template) where channel = 'wallet' and state = 'sent';

create table wallet_device (
    serial      uuid not null references wallet_pass on delete cascade,
    platform    text not null check (platform in ('ios', 'android')),
    device      text not null,      -- Apple's name of the device; Google tells no devices
    push_token  text not null default '',
    added_at    timestamptz,        -- nothing while the customer has but followed Google's link
    told_at     timestamptz,        -- which state of the pass it was told of (its modified_at)
    primary key (serial, platform, device)
);
create index wallet_device_name on wallet_device (device) where platform = 'ios';

create table wallet_picture (
    digest  text primary key,       -- SHA-256
    png     bytea not null
);
