-- Topics of marketing (what a journey is about) that customers turned off, or on again; append-only, the newest word holds. A topic without
-- a word is on, as far as there is consent at all. 'sale-of-data': whether the customer's data may be sold or shared (withdrawn: it may not).
create table topic_choice (
    id            bigint generated always as identity primary key,
    profile_id    uuid not null,
    topic         text not null check (topic = 'sale-of-data' or topic ~ '^[a-z][a-z0-9_]{0,63}$'),
    state         text not null check (state in ('granted', 'withdrawn')),
    source        text not null,
    text_version  text,
    at            timestamptz not null,
    received_at   timestamptz not null
);
create index topic_choice_customer on topic_choice (profile_id, topic);
