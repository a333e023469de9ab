-- name: credited
-- Orders first made in [$1, $2), by what went out to their customer within $3 before: by the $4 of the message ('path': all its channels
-- in order), what each rule gives it of orders, money and refunds. No key where no message is, so that each column adds up to the
-- orders that there were. $5: what counts as a touch. $6: the half life of decay. $7: the event of an order. $8: the purposes.
with placed as materialized (
    select made.*, coalesce(p.merged_into, made.profile_id) as who
    from orders_told($7) as made left join profile p on p.id = made.profile_id
    where made.at >= $1 and made.at < $2
), touch as (
    select o.id, o.currency, o.money, o.refunds, o.cancelled, d.at,
           case $4 when 'channel' then d.channel when 'journey' then d.journey when 'step' then d.journey || ' ' || d.step
                   when 'template' then d.template end as key,
           case when $4 = 'path' then string_agg(d.channel, ' > ') over (
               partition by o.id order by d.at, d.run_id, d.step, d.occurrence rows between unbounded preceding and unbounded following
           ) end as path,
           greatest(count(d.at) over whole, 1) as n,
           row_number() over (partition by o.id order by d.at, d.run_id, d.step, d.occurrence) as i,
           max(d.at) over whole as latest
    from placed o left join lateral (
        select d.channel, d.journey, d.step, d.template, d.run_id, d.occurrence, t.at
        from (select o.who as profile_id union all select id from profile where merged_into = o.who) as part
        join delivery d on d.profile_id = part.profile_id
        cross join lateral (
            select case $5 when 'sent' then d.claimed_at when 'opened' then least(d.opened_human_at, d.clicked_human_at)
                           when 'clicked' then d.clicked_human_at end as at
        ) as t
        where d.state = 'sent' and d.purpose = any($8::text[]) and d.claimed_at <= o.at and t.at <= o.at and t.at > o.at - $3::interval
          and ($5 <> 'sent' or d.claimed_at > o.at - $3::interval) -- the same, for the index
    ) as d on true
    window whole as (partition by o.id)
), weighed as (
    select *, coalesce(exp(greatest(-600, -ln(2::float8) * extract(epoch from latest - at) / extract(epoch from $6::interval))), 1) as weight
    from touch
), shared as (
    select *, (i = n)::int as by_last, (i = 1)::int as by_first, trunc(1.0 / n, 12) as by_linear,
           case when n = 1 then 1 when n = 2 then 0.5 when i in (1, n) then 0.4 else trunc(0.2 / (n - 2), 12) end as by_position,
           trunc((weight / sum(weight) over (partition by id))::numeric, 12) as by_decay
    from weighed
), given as ( -- what rounding left over goes to the last one
    select id, coalesce(path, key) as key, currency, money, refunds, cancelled, by_last, by_first,
           by_linear + case when i = n then 1 - sum(by_linear) over whole else 0 end as by_linear,
           by_position + case when i = n then 1 - sum(by_position) over whole else 0 end as by_position,
           by_decay + case when i = n then 1 - sum(by_decay) over whole else 0 end as by_decay
    from shared window whole as (partition by id)
)
select key, currency, count(distinct id) as touched, count(distinct id) filter (where cancelled) as cancelled,
       array[sum(by_last), sum(by_first), sum(by_linear), sum(by_position), sum(by_decay)]::numeric[] as orders,
       array[sum(money * by_last), sum(money * by_first), sum(money * by_linear), sum(money * by_position), sum(money * by_decay)] as revenue,
       array[sum(refunds * by_last), sum(refunds * by_first), sum(refunds * by_linear), sum(refunds * by_position), sum(refunds * by_decay)]
           as refunds
from given
group by key, currency order by key, currency;

-- name: without_order
-- Of whoever made no order in [$1, $2), what went out to them in it, as paths of channels, and how many customers had each. $3: what
-- counts as a touch. $4: the event of an order. $5: the purposes.
with touch as (
    select coalesce(p.merged_into, p.id) as who, d.channel, d.run_id, d.step, d.occurrence, t.at
    from delivery d
    join profile p on p.id = d.profile_id
    cross join lateral (
        select case $3 when 'sent' then d.claimed_at when 'opened' then least(d.opened_human_at, d.clicked_human_at)
                       when 'clicked' then d.clicked_human_at end as at
    ) as t
    where d.state = 'sent' and d.purpose = any($5::text[]) and t.at >= $1 and t.at < $2
), ordered as materialized (
    select distinct coalesce(p.merged_into, made.profile_id) as who
    from orders_told($4) as made left join profile p on p.id = made.profile_id
    where made.at >= $1 and made.at < $2
), path as (
    select string_agg(channel, ' > ' order by at, run_id, step, occurrence) as path
    from touch where not exists (select from ordered where ordered.who = touch.who)
    group by who
)
select path, count(*) as customers from path group by path order by path;

-- name: declared
-- By which rule each journey's orders are claimed, as its newest version declares it.
select distinct on (journey) journey, rule ->> 'credit' as credit from conversion
where rule is not null and journey <> '' order by journey, declared_at desc, version desc;
