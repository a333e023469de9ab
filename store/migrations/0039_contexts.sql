-- What it is like at places (docs/calls.md, "What it is like where they are"), as the providers of contexts told it: nobody's data, and
-- nothing but a cache. A place is as coarse as the context declares. All instants are real time.
create table context_answer (
    context  text not null,
    declared text not null,  -- what was asked and is read, as a digest
    place    text not null,
    answer   jsonb,          -- nothing, where it was not told, and why
    failure  text,
    until    timestamptz not null,
    asking   timestamptz,    -- until then some worker asks, and the others wait for it
    primary key (context, declared, place)
);
create index context_answer_until on context_answer (until);
