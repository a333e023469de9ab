-- A suppression may end by itself, and says where it comes from; what was lifted stays known, with by whom and why.
alter table suppression add column expires_at timestamptz, add column source text not null default '';
create table suppression_lifted (
    id         bigint generated always as identity primary key,
    channel    text not null,
    digest     bytea not null,
    scope      text not null,
    reason     text not null,
    source     text not null,
    since      timestamptz not null,
    lifted_at  timestamptz not null,
    lifted_by  text not null,
    why        text not null
);
