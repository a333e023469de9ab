-- What reports must say, from rows alone (`by_duckdb.py`): no table here is one of the house's sums, and no function one of its own.

-- name: orders
-- Who somebody is by now, what was said of orders, and every order that was ever made; money is a number, or a text that is one, from 0 on.
create macro money(said) as case when json_type(said) in ('VARCHAR', 'UBIGINT', 'BIGINT', 'DOUBLE')
    and regexp_full_match(said ->> '$', '\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*')
    then greatest(round((trim(said ->> '$'))::double, 6)::decimal(24, 6), 0) end;
create table person as select id, coalesce(merged_into, id) as who from profile;
create table happened as select p.who, e.* from event e join person p on p.id = e.profile_id;
create table said as
select who, ts, type, source, message_id, if(properties ->> '$.currency' similar to '[A-Za-z]{3}', upper(properties ->> '$.currency'), '') as cur,
       case when json_type(properties, '$.order_id') in ('VARCHAR', 'UBIGINT', 'BIGINT', 'DOUBLE')
                 and properties ->> '$.order_id' <> '' then 'id ' || (properties ->> '$.order_id')
            else 'of ' || source || ' ' || message_id end as oid,
       money(properties -> '$.revenue') as revenue, money(properties -> '$.total') as total
from happened where type in ('Order Completed', 'Order Refunded', 'Order Cancelled');
create table made as
with latest as (
    select oid, min(ts) as placed, arg_min(who, (ts, message_id, source)) as who,
           arg_max(coalesce(revenue, total, 0), (ts, message_id, source)) as amount, arg_max(cur, (ts, message_id, source)) as cur
    from said where type = 'Order Completed' group by oid
)
select l.*, exists (select 1 from said n where n.oid = l.oid and n.type = 'Order Cancelled') as cancelled,
       coalesce((select case when bool_or(type = 'Order Cancelled' or coalesce(total, revenue) is null) then l.amount
                        else least(l.amount, coalesce(sum(case when n.cur = '' or l.cur = '' or n.cur = l.cur
                                                         then coalesce(total, revenue) else 0 end), 0)) end
                 from said n where n.oid = l.oid and n.type <> 'Order Completed'), 0) as refunded
from latest l;

-- name: messages
-- What became of each message, by what events tell of it; and each fact of it with its day.
create table heard as
select properties ->> '$.run_id' as run_id, properties ->> '$.step' as step, (properties ->> '$.occurrence')::bigint as occurrence,
       type, ts, properties ->> '$.bounce' as bounce,
       case when properties ->> '$.machine' = 'true' then 'machine'
            when type = 'Message Read' and properties ->> '$.channel' = 'email' and properties ->> '$.machine' is null
                then 'unknown' else 'human' end as by_whom
from event where json_exists(properties, '$.occurrence');
create table message as
select d.*, p.who, h.* exclude (run_id, step, occurrence), d.state = 'sent' or h.failed_at is not null as went,
       case when d.state in ('sent', 'failed', 'unconfirmed') then coalesce(d.provider, '') else '' end as carrier
from delivery d join person p on p.id = d.profile_id left join (
    select run_id, step, occurrence, min(ts) filter (where type = 'Message Failed') as failed_at, min(bounce) as bounce,
           min(ts) filter (where type = 'Message Read' and by_whom = 'human') as opened_human,
           min(ts) filter (where type = 'Message Clicked' and by_whom = 'human') as clicked_human
    from heard group by all
) h using (run_id, step, occurrence);
create table fact as
with whose as (
    select run_id, step, occurrence, journey, version, coalesce(segment, '') as segment, channel, carrier as provider, arms
    from message
), each as (
    select run_id, step, occurrence, 'due' as metric, '' as reason, due_at as at, 0 as y from message
    union all
    select run_id, step, occurrence, 'sent', '', coalesce(claimed_at, settled_at, due_at), 0 from message where went
    union all
    select run_id, step, occurrence, 'raced', '', coalesce(claimed_at, settled_at, due_at), 0 from message where went and raced
    union all
    select run_id, step, occurrence, state, coalesce(reason, ''), coalesce(settled_at, claimed_at, due_at), 0 from message
    where not went and state in ('skipped', 'withheld', 'failed', 'unconfirmed')
    union all
    select run_id, step, occurrence, 'delivered', '', delivered_at, 0 from message where delivered_at is not null
    union all
    select run_id, step, occurrence, 'bounced', coalesce(bounce, ''), failed_at, 0 from message
    where failed_at is not null and delivered_at is null
    union all
    select run_id, step, occurrence, 'cost', currency, coalesce(claimed_at, settled_at, due_at), cost / 1e6 from message
    where cost is not null
    union all
    select run_id, step, occurrence, if(type = 'Message Read', 'opened', 'clicked'), by_whom, min(ts), 0 from heard
    where type in ('Message Read', 'Message Clicked') group by all
    union all
    select run_id, step, occurrence,
           case type when 'Message Complained' then 'complained' when 'Message Replied' then 'replied' else 'unsubscribed' end,
           '', min(ts), 0 from heard
    where type in ('Message Complained', 'Message Replied', 'Unsubscribed') group by all
)
select whose.*, each.* exclude (run_id, step, occurrence), each.at::date as day
from each join whose using (run_id, step, occurrence);

-- name: customers
-- Customers by their first exposure, with the rule of its version; what they did in its window, as it stood at the end of each day.
create table customer as
with first as (
    select distinct on (p.who, x.experiment) p.who, x.experiment, x.arm, x.exposed_at, x.exposed_at::date as first_day,
           x.experiment not like '%/%' and x.experiment like '$%' as company, x.version, r.journey, r.segment, r.entered_at
    from exposure x join person p on p.id = x.profile_id join run r on r.id = x.run_id
    order by p.who, x.experiment, x.exposed_at, x.profile_id
)
select f.who, experiment, arm, exposed_at, first_day, company, l.* exclude (journey, version),
       if(company, '', f.journey) as journey, if(company, '', f.version) as version, if(company, '', f.segment) as segment,
       if(l.from_entry, f.entered_at, f.exposed_at) as since, since + to_seconds(l.within) as until,
       since - to_seconds(l.before) as looks_from
from first f left join rule l on l.journey = if(company, '', f.journey) and l.version = if(company, '', f.version);
create table seen as
select c.who, c.experiment, c.since, c.until, c.first_day, s.oid, s.ts, s.type, s.message_id, s.source,
       c.currency is null or s.cur in ('', c.currency) as priced, if(not priced, 0, case s.type
           when 'Order Completed' then coalesce(s.revenue, s.total, 0)
           when 'Order Refunded' then coalesce(s.total, s.revenue) end) as money
from customer c join said s on s.who = c.who and s.ts >= c.looks_from and s.ts < c.until;
update seen set money = null where type = 'Order Cancelled'; -- all that is left, in whatever currency
create table ever as select who, oid, min(ts) as placed from said where type = 'Order Completed' group by all;
create table bought as
select who, experiment, first_day, oid, since, placed, arg_max(money, (ts, message_id, source)) as amount,
       arg_max(priced, (ts, message_id, source)) as priced
from seen join ever using (who, oid) where type = 'Order Completed' and placed >= since group by all;
create table day as select unnest(generate_series((select min(first_day) from customer), getvariable('until') - 1, interval 1 day))::date as day;
create table stood as
with each as (
    select o.who, o.experiment, d.day, o.oid, o.amount, o.priced, coalesce(bool_or(b.type = 'Order Cancelled'), false) as cancelled,
           case when bool_or(b.oid is not null and b.money is null) then any_value(o.amount)
                else least(any_value(o.amount), coalesce(sum(b.money), 0)) end as refunded
    from bought o join day d on d.day >= greatest(o.first_day, o.placed::date)
    left join seen b on b.who = o.who and b.experiment = o.experiment and b.oid = o.oid and b.type <> 'Order Completed'
                        and greatest(o.first_day, b.ts::date) <= d.day
    group by all
)
select who, experiment, day, count(*) - count_if(cancelled) as orders, count_if(priced and not cancelled) as priced, sum(amount) as gross, sum(refunded) as refunds
from each group by all;
create table before as
with each as (
    select o.who, o.experiment, o.oid, o.amount, coalesce(bool_or(b.type = 'Order Cancelled'), false) as cancelled,
           case when bool_or(b.oid is not null and b.money is null) then any_value(o.amount)
                else least(any_value(o.amount), coalesce(sum(b.money), 0)) end as refunded
    from (select who, experiment, oid, s.since, arg_max(money, (ts, message_id, source)) as amount
          from seen s join ever using (who, oid) join customer c using (who, experiment)
          where type = 'Order Completed' and ts < s.since and placed >= looks_from group by all) o
    left join seen b on b.who = o.who and b.experiment = o.experiment and b.oid = o.oid and b.type <> 'Order Completed'
                        and b.ts < o.since
    group by all
)
select who, experiment, count(*) - count_if(cancelled) as orders, sum(amount) - sum(refunded) as net from each group by all;
create table converted as
select c.who, c.experiment, greatest(c.first_day, min(h.ts)::date) as day
from customer c join happened h on h.who = c.who and list_contains(c.goals, h.type) and h.ts >= c.since and h.ts < c.until
group by c.who, c.experiment, c.first_day;
create table value as
with standing as (
    select c.who, c.experiment, c.arm, c.journey, c.version, c.segment, c.first_day, d.day, coalesce(c.cap, 1e18) as cap,
           coalesce(v.day <= d.day, false)::int as converted, coalesce(s.orders, 0) as orders, coalesce(s.priced, 0) as priced,
           coalesce(s.gross - s.refunds, 0) as net, coalesce(b.orders, 0) as orders_before, coalesce(b.net, 0) as net_before
    from customer c join day d on d.day >= c.first_day
    left join stood s using (who, experiment, day)
    left join before b on b.who = c.who and b.experiment = c.experiment
    left join converted v on v.who = c.who and v.experiment = c.experiment
)
select who, experiment, arm, journey, version, segment, first_day, day, told.*
from standing, lateral (values
    ('conversion', converted::double, orders_before::double), ('orders', orders, orders_before),
    ('revenue', least(net, cap), least(net_before, cap)), ('order value', net, priced)
) as told (metric, y, x);

-- name: looks
-- Each arm against its control at the end of each day: means, the larger of own and pooled error, bounds that hold at every look.
with part as (
    select *, {part} as part from value where day < $until and ($journey is null or journey = $journey)
),
arm as (select experiment, part, arm, min(first_day) as since, max(first_day) as last from part group by all),
control as (
    select experiment, part, coalesce(max(arm) filter (arm in ('withheld', 'control')), min(arm)) as control, count(*) - 1 as questions
    from arm group by all
), share as (
    select c.experiment, c.part, a.arm, any_value(x.share) as share, min(x.share) <> max(x.share) as changed
    from control c join arm a using (experiment, part) join exposure x on x.experiment = c.experiment and x.arm = a.arm
        and x.exposed_at::date between a.since and a.last
    group by all
), question as (
    select c.*, a.arm, t.share as share, s.share as other_share, bool_or(t.changed or s.changed) over (partition by c.experiment, c.part) as changed,
           if(questions = 1, 0.05, 0.025) as alpha, if(questions = 1, 8.211968062068253::double, 9.752937920382601) as tuned
    from control c join arm a on a.experiment = c.experiment and a.part = c.part and a.arm <> c.control
    join share t on t.experiment = c.experiment and t.part = c.part and t.arm = a.arm
    join share s on s.experiment = c.experiment and s.part = c.part and s.arm = c.control
), split as (
    select experiment, part, day, min(day) over (partition by experiment, part) as first,
           min(least(1, exp(-least(700, greatest(0, e))))) over (partition by experiment, part order by day) as p
    from (select experiment, part, day,
                 lgamma(1000) - lgamma(1000 + sum(n)) + sum(lgamma(1000 * share + n) - lgamma(1000 * share) - n * ln(share)) as e
          from (select experiment, part, arm, day, count(*) as n from part where metric = 'conversion' group by all)
          join share using (experiment, part, arm) group by all)
), seen as (
    select q.experiment, q.part, q.arm, q.control, q.alpha, q.tuned / (5000 * (q.share + q.other_share)) as rho2, v.metric, v.day,
           covar_samp(y, x) as c, var_samp(x) as vx, avg(x) as mx, {sides}
    from question q join part v on v.experiment = q.experiment and v.part = q.part and v.arm in (q.arm, q.control)
    group by all
), told as (
    select *, case when metric in ('orders', 'revenue') and vx > 0 then c / vx else 0 end as theta, {estimates},
           least(nz1, nz0) >= 25 and (metric <> 'conversion' or least(n1 - nz1, n0 - nz0) >= 25)
               and (metric <> 'order value' or least(mx1, mx0) > 0) and greatest(v1, v0) > 0 as can,
           sqrt(greatest(v1 / n1 + v0 / n0, (n1 * v1 + n0 * v0) / (n1 + n0) * (1 / n1 + 1 / n0))) as se,
           sqrt(greatest(v1 / m1 ** 2 / n1 + v0 / m0 ** 2 / n0,
                         (n1 * v1 / m1 ** 2 + n0 * v0 / m0 ** 2) / (n1 + n0) * (1 / n1 + 1 / n0))) as rse,
           (n1 + n0) * rho2 as t, sqrt(2 * (t + 1) / t * ln(sqrt(t + 1) / alpha)) as half,
           if(can, least(1, sqrt(t + 1) * exp(-0.5 * ((m1 - m0) / se) ** 2 * t / (t + 1))), null) as p_now
    from seen
), running as (
    select *, min(p_now) over sofar as p, min(if(p_now <= alpha, day, null)) over whole as shown_on
    from told window sofar as (partition by experiment, part, arm, metric order by day), whole as (partition by experiment, part, arm, metric)
), shown as (
    select experiment, part, arm, metric, sign(any_value(m1 - m0) filter (day = shown_on)) as shown from running group by all
), broken as (
    select experiment, part, bool_or(changed) as changed from question group by all
), latest as (
    select journey, arg_max(kpi, version) as kpi, arg_max(currency, version) as currency, arg_max(margin, version) as margin,
           arg_max(goals is not null, version) as ruled
    from rule group by journey
), about as (
    select experiment, part, min(journey) as journey, count(distinct who) as people from part group by all
)
select r.experiment, r.part, r.arm, r.control as against, r.metric, r.n1, r.n0, l.kpi, coalesce(l.currency, '') as currency, l.margin,
       l.ruled and not b.changed and s.p > 0.01 as counts, l.ruled and not b.changed as has_result, s.p as split_p, l.ruled,
       r.can, r.m1, r.m0, r.raw1, r.raw0, r.v0, r.vy0, r.vx0, r.c0, r.m1 - r.m0 as difference, r.half * r.se as wide, r.p, w.shown, r.sy1,
       r.m1 / r.m0 - 1 as lift, exp(ln(r.m1 / r.m0) - r.half * r.rse) - 1 as lift_low, exp(ln(r.m1 / r.m0) + r.half * r.rse) - 1 as lift_high,
       r.m1 > r.half * sqrt(r.v1 / r.n1) and r.m0 > r.half * sqrt(r.v0 / r.n0) as clear,
       a.people, a.people / ((r.day - s.first) + 1) as a_day, sqrt(1 + max(q.tuned) over (partition by r.experiment, r.part)) as beyond,
       q.other_share, min(q.share) over (partition by r.experiment, r.part) as least_share, b.changed
from running r join split s using (experiment, part, day) join shown w using (experiment, part, arm, metric)
join broken b using (experiment, part) join about a using (experiment, part) join question q using (experiment, part, arm)
left join latest l on l.journey = a.journey
where r.day = $until::date - 1
order by experiment, part, arm, metric

-- name: credit
-- Which part of an order a message is given, by each rule; orders that followed none are given to nobody.
with orders as (select * from made where placed >= $since and placed < $until),
touches as (
    select o.oid, d.*, epoch(o.placed - touched) as age,
           row_number() over (partition by o.oid order by touched, run_id::uuid, step, occurrence) as place,
           count(*) over (partition by o.oid) as many
    from orders o join (
        select *, case $touch when 'sent' then claimed_at when 'clicked' then clicked_human
                              else least(opened_human, clicked_human) end as touched
        from message where state = 'sent' and (purpose = 'marketing' or $transactional)
    ) d on d.who = o.who and touched <= o.placed and claimed_at <= o.placed and epoch(o.placed - touched) < $within
), parts as (
    select oid, case $by when 'channel' then channel when 'journey' then journey
                         when 'step' then journey || ' ' || step when 'template' then template end as key,
           if(place = many, 1.0, 0) as last, if(place = 1, 1.0, 0) as first, 1.0::double / many as linear,
           case many when 1 then 1.0 when 2 then 0.5 else if(place in (1, many), 0.4, 0.2 / (many - 2)) end as position,
           pow(0.5::double, age / $half) / sum(pow(0.5::double, age / $half)) over (partition by oid) as decay
    from touches
), given as (
    unpivot parts on last, first, linear, position, decay into name rule value part
)
select g.key, o.cur as currency, g.rule, count(distinct o.oid) as touched, count(distinct o.oid) filter (o.cancelled) as cancelled,
       sum(part::double) as orders, sum(part::double * o.amount) as revenue, sum(part::double * o.refunded) as refunds
from orders o join given g on g.oid = o.oid group by all
union all
select '(no message)', cur, rule, count(*), count(*) filter (cancelled), count(*), sum(amount), sum(refunded)
from orders, unnest(['last', 'first', 'linear', 'position', 'decay']) as each (rule)
where oid not in (select oid from touches) group by all

-- name: paths
-- The channels that touched before each order, and those of whoever ordered nothing.
select o.cur as currency, o.amount, list(d.channel order by d.claimed_at, d.run_id::uuid, d.step, d.occurrence) as path
from made o join message d on d.who = o.who and d.claimed_at <= o.placed and epoch(o.placed - d.claimed_at) < 7 * 86400
where o.placed >= $since and o.placed < $until and d.state = 'sent' and d.purpose = 'marketing' group by o.oid, o.cur, o.amount
union all
select null, null, list(channel order by claimed_at, run_id::uuid, step, occurrence)
from message where state = 'sent' and purpose = 'marketing' and claimed_at >= $since and claimed_at < $until
      and who not in (select who from made where placed >= $since and placed < $until)
group by who

-- name: ordered
-- Each order with the segments that its customer is in, and the campaign that was named last before it.
select m.who, placed, cur, amount, refunded, s.segment, campaign.source
from made m left join (select null as segment, null as profile_id union all select segment, profile_id from segment_member) s
    on s.segment is null or s.profile_id = m.who
left join lateral (
    select arg_max(context ->> '$.campaign.source', (ts, message_id)) as source from happened h
    where h.who = m.who and h.ts <= m.placed and h.ts > m.placed - interval 30 day and context ->> '$.campaign.source' <> ''
) as campaign on true
where placed < $until and not cancelled order by placed, oid

-- name: drivers
-- What was so of each customer at the exposure, in the four cells of each feature; and of how many it is not known.
create or replace temp table exposed_to as
select distinct on (c.who) c.who, c.exposed_at, if($by_segment, c.segment, '') as entered, v.day is not null as converted
from customer c left join converted v using (who, experiment)
where not company and journey = $journey and exposed_at >= $since and exposed_at < $until
order by c.who, c.exposed_at, experiment;
create or replace temp table trait as
with each as (
    select h.who, h.ts, t.key as name, t.value ->> '$' as what, lag(t.value ->> '$') over (partition by h.who, t.key order by h.ts) as was
    from happened h, json_each(h.properties) as t where h.type = '$identify'
)
select who, name, arg_max(what, ts) as what, max(ts) filter (where what is distinct from was) as since from each group by all;
with had as (
    select x.who, 'trait' as kind, t.name, t.what from exposed_to x join trait t using (who) where t.since <= x.exposed_at
    union all
    select x.who, 'segment', m.segment, '' from exposed_to x join segment_member m on m.profile_id = x.who
    where m.entered_at <= x.exposed_at
    union all
    select x.who, 'segment', t.segment, '' from exposed_to x join (
        select profile_id, segment, arg_min(t.kind, (t.at, t.id)) as came from segment_transition t join exposed_to e on e.who = t.profile_id
        where t.at > e.exposed_at group by all
    ) t on t.profile_id = x.who and t.came = 'left'
    union all
    select distinct x.who, 'channel', e.channel, '' from exposed_to x join endpoint e on e.profile_id = x.who and e.first_seen_at <= x.exposed_at
    union all
    select distinct x.who, 'event', h.type, '' from exposed_to x join happened h using (who)
    where h.ts < x.exposed_at and h.ts >= x.exposed_at - interval 28 day and h.type not like '$%'
), unknown as (
    select x.who, 'trait' as kind, t.name from exposed_to x join trait t using (who) where t.since > x.exposed_at
), cells as (
    select x.entered, f.kind, f.name, f.what, count_if(h.who is not null) as "with", count_if(h.who is not null and converted) as c1,
           count_if(h.who is null) as without, count_if(h.who is null and converted) as c0
    from exposed_to x join (select distinct kind, name, what from had) f on true
    left join had h on h.who = x.who and h.kind = f.kind and h.name = f.name and h.what = f.what
    where not exists (select 1 from unknown u where u.who = x.who and u.kind = f.kind and u.name = f.name) group by all
), everybody as (select entered, count(*) as people from exposed_to group by all)
select c.*, c1 / "with" as rate_with, c0 / without as rate_without
from cells c join everybody e using (entered)
where least(c1, "with" - c1, c0, without - c0) >= 10 and people - "with" - without not between 1 and 9
