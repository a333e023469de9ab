-- Reports of many days read sums of eight and of sixty-four days in the place of those of each: a year is some thirty reads and not 365.

-- The first day of the span of so many days in which a day is; spans are counted from 1970-01-01.
create function span_of(day date, days integer) returns date language sql immutable
    return day - mod(mod(day - date '1970-01-01', days) + days, days);

-- The fewest spans that make up the days from `since` up to, but without, `until`, none longer than `longest`; a day is one of itself.
create function spans_of(since date, until date, longest integer) returns table (days integer, day date) language sql immutable
    begin atomic
        select 64, span_of(since + 63, 64) + 64 * n from generate_series(0, (until - span_of(since + 63, 64)) / 64 - 1) as n
        where longest >= 64
        union all
        select 8, s.day from generate_series(0, (until - span_of(since + 7, 8)) / 8 - 1) as n,
                             lateral (select span_of(since + 7, 8) + 8 * n as day) as s
        where longest >= 8 and not (longest >= 64 and span_of(s.day, 64) >= since and span_of(s.day, 64) + 64 <= until)
        union all
        select 1, s.day from generate_series(0, until - since - 1) as n, lateral (select since + n as day) as s
        where not (longest >= 8 and span_of(s.day, 8) >= since and span_of(s.day, 8) + 8 <= until);
    end;

-- Which sums of messages reports read of many days: the totals, and of experiments' arms what was sent and what that cost.
create function is_spanned(experiment text, metric text) returns boolean language sql immutable
    return experiment = '' or metric in ('sent', 'cost');

-- Those sums over each span of eight and of sixty-four days, by its first day: what `daily_sum` adds up
-- to over them, kept by whatever changes that. What adds up to nothing may stay.
create table spanned_sum (
    days        integer not null check (days in (8, 64)),
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
    n           bigint not null,
    y           numeric not null,
    primary key (journey, days, day, version, step, channel, provider, segment, experiment, arm, metric, reason)
);
create index spanned_sum_all on spanned_sum (days, day) where experiment = '';
create index spanned_sum_spent on spanned_sum (days, day) where experiment <> '';
create index daily_sum_all on daily_sum (day) where step <> '' and experiment = '';
drop index daily_sum_spent;
create index daily_sum_spent on daily_sum (day) where step <> '' and experiment <> '' and metric in ('sent', 'cost');

-- The spans that hold a day, or all of them, anew from their days.
create function span_sums(of_day date default null) returns void language sql begin atomic
    delete from spanned_sum where of_day is null or day = span_of(of_day, days);
    insert into spanned_sum (days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
    select days, span_of(day, days), journey, version, step, channel, provider, segment, experiment, arm, metric, reason, sum(n), sum(y)
    from daily_sum cross join (values (8), (64)) as span (days)
    where step <> '' and is_spanned(experiment, metric)
      and (of_day is null or (day > of_day - 64 and day < of_day + 64 and span_of(day, days) = span_of(of_day, days)))
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
    end;
select span_sums();

-- The same over spans of one, eight and sixty-four days: whoever reads them names the spans, by `spans_of`.
create view message_sum as
select 1 as days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y
from daily_sum where step <> '' and is_spanned(experiment, metric)
union all
select days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y from spanned_sum;
