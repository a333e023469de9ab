-- What messages came to and what customers did after they were exposed, and the sums of both by day (docs/measuring.md).

-- Of a message: under which version of the catalogue, from which segment and in which arms it was asked for; and what became of it
-- after a provider had taken it, each by the first time, as far as it was told since this file was applied. `returned_at`: it came
-- back; `bounce`: how, where the provider says it.
alter table delivery
    add version text,
    add segment text,
    add arms jsonb not null default '{}',
    add returned_at timestamptz,
    add bounce text check (bounce in ('hard', 'soft')),
    add opened_human_at timestamptz,
    add opened_machine_at timestamptz,
    add opened_unknown_at timestamptz,
    add clicked_human_at timestamptz,
    add clicked_machine_at timestamptz,
    add complained_at timestamptz,
    add unsubscribed_at timestamptz,
    add replied_at timestamptz;

-- The arms that a customer is in, of the company's holdout and of the experiments that a journey has asked about. Whoever was merged
-- into them counts, and the earlier exposure.
create function arms_in(customer uuid, of_journey text) returns jsonb language sql stable
    return (select coalesce(jsonb_object_agg(first.experiment, first.arm), '{}')
            from (select distinct on (x.experiment) x.experiment, x.arm
                  from exposure x left join run r on r.id = x.run_id
                  where x.profile_id in (select customer union all select id from profile where merged_into = customer)
                    and (x.experiment ~ '^\$[^/]+$' or r.journey = of_journey) -- a holdout that names no journey is the company's
                  order by x.experiment, x.exposed_at, x.profile_id) as first);

update delivery d set version = r.version, segment = r.segment, arms = arms_in(d.profile_id, d.journey) from run r where r.id = d.run_id;

-- By which day's facts are found: a message may be opened long after it was sent, but most are not. Changes of these columns alone
-- leave all other indexes alone.
create index delivery_facts on delivery using brin (
    due_at timestamptz_minmax_multi_ops, settled_at timestamptz_minmax_multi_ops, delivered_at timestamptz_minmax_multi_ops,
    returned_at timestamptz_minmax_multi_ops, opened_human_at timestamptz_minmax_multi_ops,
    opened_machine_at timestamptz_minmax_multi_ops, opened_unknown_at timestamptz_minmax_multi_ops,
    clicked_human_at timestamptz_minmax_multi_ops, clicked_machine_at timestamptz_minmax_multi_ops,
    complained_at timestamptz_minmax_multi_ops, unsubscribed_at timestamptz_minmax_multi_ops, replied_at timestamptz_minmax_multi_ops);

-- All that the ledger's row of a message says that is counted. `outcome` is 'sent' where a provider took it, also where it came back;
-- nothing while it is not settled.
create type message_told as (
    journey text, version text, step text, channel text, provider text, segment text, arms jsonb, outcome text, reason text,
    at timestamptz, due_at timestamptz, raced boolean, delivered_at timestamptz, returned_at timestamptz, bounce text,
    opened_human_at timestamptz, opened_machine_at timestamptz, opened_unknown_at timestamptz, clicked_human_at timestamptz,
    clicked_machine_at timestamptz, complained_at timestamptz, unsubscribed_at timestamptz, replied_at timestamptz, cost bigint,
    currency text
);
create function told_of(d delivery) returns message_told language sql immutable
    return row(
        d.journey, coalesce(d.version, ''), d.step, d.channel,
        case when d.state in ('sent', 'failed', 'unconfirmed') then coalesce(d.provider, '') else '' end, coalesce(d.segment, ''), d.arms,
        case when d.state = 'sent' or d.returned_at is not null then 'sent'
             when d.state in ('skipped', 'withheld', 'failed', 'unconfirmed') then d.state end,
        case when d.state in ('skipped', 'withheld', 'failed', 'unconfirmed') and d.returned_at is null then coalesce(d.reason, '') else '' end,
        case when d.state = 'sent' or d.returned_at is not null then coalesce(d.claimed_at, d.settled_at, d.due_at)
             when d.state in ('skipped', 'withheld', 'failed', 'unconfirmed') then coalesce(d.settled_at, d.claimed_at, d.due_at) end,
        d.due_at, d.raced, d.delivered_at, case when d.delivered_at is null then d.returned_at end, d.bounce,
        d.opened_human_at, d.opened_machine_at, d.opened_unknown_at, d.clicked_human_at, d.clicked_machine_at, d.complained_at,
        d.unsubscribed_at, d.replied_at, d.cost, d.currency)::message_told;

-- The facts of a message, each on its day (UTC, by event time); y is money.
create function facts_of(told message_told) returns table (day date, metric text, reason text, y numeric) language sql immutable
    begin atomic
        select (fact.at at time zone 'UTC')::date, fact.metric, coalesce(fact.reason, ''), coalesce(fact.y, 0)::numeric
        from (values
            ('due', '', told.due_at, 0::bigint),
            (told.outcome, told.reason, told.at, 0),
            ('raced', '', case when told.raced and told.outcome = 'sent' then told.at end, 0),
            ('delivered', '', told.delivered_at, 0),
            ('bounced', told.bounce, told.returned_at, 0),
            ('opened', 'human', told.opened_human_at, 0),
            ('opened', 'machine', told.opened_machine_at, 0),
            ('opened', 'unknown', told.opened_unknown_at, 0),
            ('clicked', 'human', told.clicked_human_at, 0),
            ('clicked', 'machine', told.clicked_machine_at, 0),
            ('complained', '', told.complained_at, 0),
            ('unsubscribed', '', told.unsubscribed_at, 0),
            ('replied', '', told.replied_at, 0),
            ('cost', told.currency, case when told.cost is not null then coalesce(told.at, told.due_at) end, told.cost)
        ) as fact (metric, reason, at, y)
        where fact.at is not null and fact.metric is not null;
    end;

-- Under which experiments a fact is summed: under none, and under each arm that its message is in.
create function arms_of_sums(arms jsonb) returns table (experiment text, arm text) language sql immutable
    begin atomic
        select '', '' union all select each.key, each.value from jsonb_each_text(arms) as each;
    end;

-- What changed on the ledger and is not in the sums yet: what a message said before (-1) and says now (+1). Append-only; whoever writes
-- waits for nobody. Consumed by DELETE … RETURNING in the transaction that adds it up.
create table message_change (
    sign  smallint not null,
    told  message_told not null
);

create function message_came() returns trigger language plpgsql as $$
begin
    insert into message_change (sign, told) select 1, told_of(came::delivery) from came;
    return null;
end $$;
create trigger delivery_came after insert on delivery
    referencing new table as came for each statement execute function message_came();

create function message_changed() returns trigger language plpgsql as $$
begin
    insert into message_change (sign, told)
    select sum(twice.sign), twice.told
    from (select 1 as sign, run_id, step, occurrence, told_of(came::delivery) as told from came
          union all select -1, run_id, step, occurrence, told_of(gone::delivery) from gone) as twice
    group by twice.run_id, twice.step, twice.occurrence, twice.told having sum(twice.sign) <> 0;
    return null;
end $$;
create trigger delivery_changed after update on delivery
    referencing old table as gone new table as came for each statement execute function message_changed();

-- Sums by day of the fact. Of messages: n of them, y their money. Of customers, who have neither step nor channel nor provider: n who
-- were exposed (metric 'exposed'), and of each other metric the sums of y, y², x, x², xy and of those whose y is not 0, as changes of
-- that day (`journeys.experiments.sums.Sums`). Money of costs is in millionths of the currency.
create table daily_sum (
    day         date not null,
    journey     text not null,
    version     text not null,
    step        text not null,
    channel     text not null,
    provider    text not null,
    segment     text not null,
    experiment  text not null,
    arm         text not null,
    metric      text not null,
    reason      text not null,
    n           bigint not null default 0,
    y           numeric not null default 0,
    yy          numeric not null default 0,
    x           numeric not null default 0,
    xx          numeric not null default 0,
    xy          numeric not null default 0,
    nonzero     bigint not null default 0,
    primary key (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason)
);
create index daily_sum_day on daily_sum (day);
create index daily_sum_empty on daily_sum (day)
    where n = 0 and y = 0 and yy = 0 and x = 0 and xx = 0 and xy = 0 and nonzero = 0;

-- Where a recomputation found other sums than there were: an alarm. What was found stands since.
create table sum_difference (
    id          bigint generated always as identity primary key,
    at          timestamptz not null,
    day         date not null,
    journey     text not null,
    version     text not null,
    step        text not null,
    channel     text not null,
    provider    text not null,
    segment     text not null,
    experiment  text not null,
    arm         text not null,
    metric      text not null,
    reason      text not null,
    had         numeric[] not null, -- n, y, yy, x, xx, xy, nonzero
    found       numeric[] not null
);
create index sum_difference_at on sum_difference (at desc);

-- By which rule conversions are counted, as each version of a journey declares it (`journeys.conversions.Conversion` as JSON); '' is what
-- has no version. The version of an exposure decides. `types`: the events that the rule looks at.
create table conversion (
    journey      text not null,
    version      text not null,
    rule         jsonb, -- nothing: it declares nothing that could be reached
    types        text[] not null,
    declared_at  timestamptz not null,
    primary key (journey, version)
);

-- All events that some rule looks at. Append-only.
create table conversion_type (
    type text primary key
);

alter table exposure add version text;
update exposure x set version = r.version from run r where r.id = x.run_id;
create index exposure_at on exposure (exposed_at);

-- What a customer who is in an experiment adds to the sums: [day, metric, n, y, yy, x, xx, xy, nonzero] for each, as the sums have it now.
create table customer_value (
    profile_id  uuid not null,
    experiment  text not null,
    journey     text not null,
    version     text not null,
    segment     text not null,
    arm         text not null,
    exposed_at  timestamptz not null,
    looks_from  timestamptz not null, -- from when on it looks at the customer's events
    changes     jsonb not null,
    primary key (profile_id, experiment)
);
create index customer_value_looks on customer_value (looks_from);

-- Customers whose values may be others now. Append-only; consumed as `message_change` is.
create table customer_touched (
    profile_id uuid not null
);

create function exposure_touches() returns trigger language plpgsql as $$
begin
    insert into customer_touched (profile_id) select distinct profile_id from came;
    return null;
end $$;
create trigger exposure_came after insert on exposure
    referencing new table as came for each statement execute function exposure_touches();

-- What is in the sums of customers of whom nothing is known any more: who was erased, or whose events were kept for as long as they may be.
-- A recomputation adds it to what it finds.
create table kept_sum (like daily_sum including all);

-- Of whom something is known: whose value looks at no event from before this. Nothing: of all.
create table value_horizon (
    only_row    boolean primary key default true check (only_row),
    known_from  timestamptz not null
);

-- Whoever is in an experiment already.
insert into customer_touched (profile_id) select distinct profile_id from exposure;

-- The ledger that there is.
insert into message_change (sign, told) select 1, told_of(d) from delivery d;
