-- Choices whose shares follow what they bring (docs/deciding.md): what is declared, what each hour learned, and what customers were given.

-- A choice as a journey asks for it (`journeys.deciding.options.Choice` as JSON); declared otherwise it is another one, under the next number.
create table choice (
    name         text not null,
    number       integer not null,
    digest       text not null,
    journey      text not null,  -- the first that asked for it
    declared     jsonb not null,
    declared_at  timestamptz not null,
    looked_at    timestamptz,    -- up to when rewards have been looked at
    primary key (name, number),
    unique (name, digest)
);

-- An operator's switch; without a row a choice learns.
create table choice_state (
    name        text primary key,
    state       text not null check (state in ('learns', 'frozen', 'fixed')),
    changed_at  timestamptz not null
);

-- By which shares customers were given options in an hour, by what was known then. The table of scores itself is kept of the last one only.
create table choice_allocation (
    name     text not null,
    number   integer not null,
    version  integer not null,
    at       timestamptz not null,
    people   bigint not null,   -- whose rewards it was learned by
    shares   jsonb not null,    -- of whoever may have all of them, the floor's part included
    learned  jsonb,
    primary key (name, number, version),
    foreign key (name, number) references choice on delete cascade
);

-- What a run's customer was given, once for each time that it asked, with the chance that it had and why.
create table choice_made (
    run_id      uuid not null references run (id) on delete cascade,
    asked       bigint not null,   -- by which number the run asked
    name        text not null,
    number      integer not null,
    options     text[] not null,   -- one of each dimension; none: nothing was allowed
    option      text not null,     -- their names together
    cell        text not null,     -- what of the declared context held
    by          text not null check (by in ('floor', 'learned', 'control', 'operator', 'holdout', 'nothing')),
    propensity  double precision not null,
    allocation  integer not null,
    why         jsonb not null,
    made_at     timestamptz not null,
    ripe_at     timestamptz,       -- when its reward is looked at; nothing: never
    reward      double precision,  -- once it is ripe; looked at again when something of the customer comes late
    primary key (run_id, asked)
);
create index choice_made_ripe on choice_made (name, number, ripe_at) where reward is null and ripe_at is not null;
create index choice_made_late on choice_made (name, number, ripe_at) where reward is not null;
create index choice_made_known on choice_made (name, number, cell, option) include (reward) where reward is not null;

-- To how many customers an option with a budget was given, in all runs together: never more than that.
create table choice_spent (
    name    text not null,
    option  text not null,  -- `dimension: option`
    people  bigint not null,
    primary key (name, option)
);
