-- Reports of a year look at a few days and not at all of them: how experiments stood, and the messages of a day of all journeys.

-- How an experiment stood at the end of a day, read by the sums of all days up to it: its arms, and each metric's standing.
-- Whoever changes a sum of that day or of one before it takes it away, so that what is here agrees with the sums.
create table experiment_standing (
    experiment  text not null,
    day         date not null,
    journey     text not null, -- that of all its sums up to then
    code        text not null, -- by which sources it was read
    read_by     text not null, -- by which declaration, shares and rule
    standing    jsonb not null,
    primary key (experiment, day)
);

create function standing_ends() returns trigger language plpgsql as $$
begin
    delete from experiment_standing where experiment in (old.experiment, new.experiment) and day >= least(old.day, new.day);
    return null;
end $$;
create trigger customers_came after insert on daily_sum
    for each row when (new.step = '') execute function standing_ends();
create trigger customers_changed after update on daily_sum
    for each row when (new.step = '' or old.step = '') execute function standing_ends();
create trigger customers_went after delete on daily_sum
    for each row when (old.step = '') execute function standing_ends();

-- The messages of all journeys by day, channel and provider: what `daily_sum` adds up to, kept by whatever changes that. What
-- adds up to nothing may stay.
create table message_day (
    day       date not null,
    channel   text not null,
    provider  text not null,
    metric    text not null,
    reason    text not null,
    n         bigint not null,
    y         numeric not null,
    primary key (day, channel, provider, metric, reason)
);

-- The spans that hold a day, and the day itself, or all of them, anew from their days.
create or replace function span_sums(of_day date default null) returns void language sql begin atomic
    delete from spanned_sum where of_day is null or day = span_of(of_day, days);
    insert into spanned_sum (days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
    select days, span_of(day, days), journey, version, step, channel, provider, segment, experiment, arm, metric, reason, sum(n), sum(y)
    from daily_sum cross join (values (8), (64)) as span (days)
    where step <> '' and is_spanned(experiment, metric)
      and (of_day is null or (day > of_day - 64 and day < of_day + 64 and span_of(day, days) = span_of(of_day, days)))
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
    delete from message_day where of_day is null or day = of_day;
    insert into message_day (day, channel, provider, metric, reason, n, y)
    select day, channel, provider, metric, reason, sum(n), sum(y) from daily_sum
    where step <> '' and experiment = '' and (of_day is null or day = of_day)
    group by 1, 2, 3, 4, 5;
    end;
select span_sums();

-- The same over spans of one, eight and sixty-four days, and of 0, which is a day of all journeys, versions, steps and segments together:
-- whoever reads them names the spans, by `spans_of`.
create or replace view message_sum as
select 1 as days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y
from daily_sum where step <> '' and is_spanned(experiment, metric)
union all
select days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y from spanned_sum
union all
select 0, day, '', '', '', channel, provider, '', '', '', metric, reason, n, y from message_day;
