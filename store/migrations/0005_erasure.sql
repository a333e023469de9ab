-- Customers who were erased. Their profile stays as an empty row that is merged into itself (`merged_into = id`), so that whatever asks
-- for the living passes it by, and the ledger's rows lead to nobody. `profiles`: it, and those that it had absorbed. `subject` holds
-- the names and addresses by which the rest is found; it goes when the rest has gone, in the transaction that writes the certificate.
create table erasure (
    id            uuid primary key,
    profile_id    uuid not null unique references profile (id),
    profiles      uuid[] not null,
    requested_at  timestamptz not null,
    requested_by  text not null,
    subject       jsonb,
    counts        jsonb not null default '{}',
    in_flight     integer not null,
    started_at    timestamptz,
    finished_at   timestamptz,
    certificate   jsonb
);
create index erasure_profiles on erasure using gin (profiles);
create index erasure_to_start on erasure (requested_at) where started_at is null;
create index consent_unknown on consent (channel, address) where profile_id is null;
