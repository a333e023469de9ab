-- name: declare
-- What a version of the catalogue declares of experiments and holdouts.
insert into experiment as e (experiment, version, declared, declared_at)
select experiment, version, declared, $4
from unnest($1::text[], $2::text[], $3::jsonb[]) as said (experiment, version, declared) order by experiment, version
on conflict (experiment, version) do update set declared = excluded.declared, declared_at = excluded.declared_at
where e.declared is distinct from excluded.declared;

-- name: declared
-- Of each of these experiments the declaration that stood when its first customer was exposed: that of the version of their run, or, where
-- they had none (or it is a choice's, of any version), the last before it. With the one that was declared last, whether or not it is the same.
select x.experiment, held.version, held.declared, last.declared as last
from unnest($1::text[]) as asked (experiment)
join lateral (select experiment, coalesce(version, '') as version, exposed_at from exposure x
              where x.experiment = asked.experiment order by exposed_at limit 1) as x on true
left join lateral (select version, declared from experiment e
                   where e.experiment = x.experiment and (x.version in ('', e.version) or e.experiment ~ '^\$(floor|fixed)/')
                   order by e.declared_at <= x.exposed_at desc, abs(extract(epoch from x.exposed_at - e.declared_at)) limit 1) as held on true
left join lateral (select declared from experiment e where e.experiment = x.experiment order by declared_at desc, version limit 1)
    as last on true;

-- name: decide
-- What questions have come to, each once.
insert into experiment_decision
    (experiment, question, against, metric, decision, version, look, day, people, figures, decided_at)
select *, $11 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::date[], $9::bigint[],
                          $10::jsonb[])
on conflict do nothing
returning experiment, question, against, metric, decision, version, look, day, people, figures, decided_at;

-- name: decisions
-- What questions of these experiments have come to, in the order in which they did.
select experiment, question, against, metric, decision, version, look, day, people, figures, decided_at
from experiment_decision where experiment = any($1::text[]) order by experiment, decided_at, day, question, against, decision;

-- name: comings
-- How many came into these segments a day from $2 up to $3; of one into which somebody came for the first time since, from then on.
select asked.segment, count(t.id) / greatest(1, extract(epoch from $3 - greatest($2, min(first.at))) / 86400)::float8 as a_day
from unnest($1::text[]) as asked (segment)
left join lateral (select at from segment_transition t where t.segment = asked.segment order by at limit 1) as first on true
left join segment_transition t on t.segment = asked.segment and t.at >= $2 and t.at < $3 and t.kind = 'entered'
group by asked.segment;

-- name: usual
-- What customers have come to by each metric in these journeys ('' is the company's holdout, which is of none), in the experiment of each
-- with most people.
with summed as (
    select journey, experiment, metric, sum(n)::bigint as people, sum(y)::float8 as y, sum(yy)::float8 as yy, sum(x)::float8 as x,
           sum(xx)::float8 as xx, sum(xy)::float8 as xy, sum(nonzero)::bigint as nonzero
    from daily_sum where journey = any($1::text[]) and step = '' and experiment <> '' group by journey, experiment, metric
), largest as (
    select distinct on (journey) journey, experiment, people from summed where metric = 'exposed' order by journey, people desc, experiment
)
select s.journey, s.metric, l.people, s.y, s.yy, s.x, s.xx, s.xy, s.nonzero
from largest l join summed s on (s.journey, s.experiment) = (l.journey, l.experiment) and s.metric <> 'exposed';

-- name: exposed_a_day
-- How many were exposed to an experiment a day from $2 up to $3; to one in which somebody was for the first time since, from then on.
select count(*) / greatest(1, extract(epoch from $3 - greatest($2, min(exposed_at))) / 86400)::float8 as a_day
from exposure where experiment = $1 and exposed_at >= $2 and exposed_at < $3;

-- name: standings
-- How experiments stood at the end of their last day before $1 on which that is kept: those whose sums are all of this journey ($2), or of
-- whichever, but for those in $3, where it was these sources ($4) that read it.
select experiment, day, journey, read_by, standing
from (select experiment, max(day) as day from experiment_standing where day < $1::date group by experiment) as last
join experiment_standing using (experiment, day)
where ($2::text is null or journey = $2) and experiment <> all($3::text[]) and code = $4;

-- name: keep
-- How experiments stood at the end of days, as these sources ($6) read it.
insert into experiment_standing (experiment, day, journey, read_by, standing, code)
select *, $6 from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::jsonb[])
on conflict (experiment, day) do update
set journey = excluded.journey, code = excluded.code, read_by = excluded.read_by, standing = excluded.standing;
