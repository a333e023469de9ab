-- Predictions that product teams declare through the API (docs/predictions.md), beside the catalogue's.

-- Every version of each; the newest that waits for nobody holds. One without a definition takes it out of use.
create table prediction_declaration (
    name         text not null,
    number       integer not null,
    definition   jsonb,
    by           text not null,
    at           timestamptz not null,
    waits        boolean not null,  -- for somebody else to approve it
    approved_by  text,
    approved_at  timestamptz,
    primary key (name, number),
    check (definition is not null or not waits)
);

-- It is declared by nobody any more: its models and what came of them stay, its scores go.
alter table prediction add column retired_at timestamptz;
