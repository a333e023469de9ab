-- Who carries messages: limits that operators set, what has been used of them, and who is not used for now.

-- Of a provider (`twilio`), or of one of its senders (`twilio/+34600000001`): messages a second, messages of a day, and the ceilings
-- of the first days of its warming up, from `warm_up_from` on. Only marketing waits for the two ceilings.
create table provider_limit (
    who          text primary key,
    per_second   double precision check (per_second > 0),
    per_day      integer check (per_day >= 0),
    warm_up      integer[] not null default '{}',
    warm_up_from date check (warm_up_from is not null or warm_up = '{}'),
    at           timestamptz not null,
    by           text not null
);

-- What was handed to whoever has a limit, by the day of business time (UTC); `other` is what is no marketing.
create table provider_use (
    who       text not null,
    day       date not null,
    marketing integer not null default 0,
    other     integer not null default 0,
    primary key (who, day)
);

-- When the next message may go to whoever has a pace (real time).
create table provider_pace (
    who     text primary key,
    next_at timestamptz not null
);

-- Whom a worker process does not use for now, and why (real time).
create table provider_stopped (
    provider text not null,
    worker   text not null,
    since    timestamptz not null,
    until    timestamptz not null,
    reason   text not null,
    primary key (provider, worker)
);

-- What a message cost by the declared price, in millionths of the currency; nothing, where none is declared.
alter table delivery add cost bigint, add currency text;
