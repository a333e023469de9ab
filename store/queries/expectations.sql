-- name: expect
-- Write down what a run waits for; what an earlier attempt wrote stands. A run that has moved to another version of its journey may
-- wait for something else now.
with gone as (delete from expectation where run_id = $1 and wait = $2 and not which = any($5::text[]))
insert into expectation (run_id, wait, which, expected, wakes, since, until, begun_at, place)
select $1, $2, x.which, x.expected::jsonb, string_to_array(x.wakes, chr(31)), x.since, $3, $4, x.place
from unnest($5::text[], $6::text[], $7::text[], $8::timestamptz[]) with ordinality as x (which, expected, wakes, since, place)
on conflict (run_id, wait, which) do update
set expected = excluded.expected, wakes = excluded.wakes, since = excluded.since, until = excluded.until, place = excluded.place
where expectation.happened_at is null and (expectation.expected, expectation.until) is distinct from (excluded.expected, excluded.until);

-- name: of_wait
-- What one wait of a run waits for, and which of it has happened: what did first, of equals what is written first.
select e.run_id, e.wait, e.which, e.place, e.expected, e.since, e.begun_at, r.profile_id, e.happened_at, e.answer
from expectation e join run r on r.id = e.run_id
where e.run_id = $1 and e.wait = $2
order by e.happened_at, e.place;

-- name: woken
-- What the open runs of these profiles wait for, of that which the types that changed may make so.
select e.run_id, e.wait, e.which, e.place, e.expected, e.since, e.begun_at, r.profile_id, e.happened_at, e.answer
from unnest($1::uuid[], $2::text[]) as changed (profile_id, types)
join run r on r.profile_id = changed.profile_id and r.ended_at is null and r.exit_reason is null
join expectation e on e.run_id = r.id and e.happened_at is null and e.until > $3
where e.wakes && string_to_array(changed.types, chr(31));

-- name: moved
-- Customers who entered or left segments that their open runs wait for, and have not been told of anything else.
update expectation e set happened_at = x.at
from unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[]) as x (profile_id, segment, inside, at), run r
where r.profile_id = x.profile_id and r.ended_at is null and r.exit_reason is null
  and e.run_id = r.id and e.happened_at is null and e.until > x.at and e.expected ->> 'kind' = 'segment'
  and e.expected ->> 'segment' = x.segment and (e.expected ->> 'inside')::boolean = x.inside
  and not exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait and o.told_at is not null);

-- name: of_messages
-- When something became of a run's own messages, of all or of one: the first such event since the instant.
select x.n, min(v.ts) as at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[]) with ordinality
    as x (run_id, profile_id, event, step, occurrence, since, n)
join event v on v.profile_id = x.profile_id and v.type collate "C" = x.event and v.ts >= x.since
where v.properties ->> 'run_id' = x.run_id::text and (x.step is null or v.properties ->> 'step' = x.step)
  and (x.occurrence is null or v.properties ->> 'occurrence' = x.occurrence::text)
group by x.n;

-- name: happened
-- These have come true; of a wait of which one has, the others are not looked at any more.
update expectation e set happened_at = x.at, answer = x.answer::jsonb
from unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[]) as x (run_id, wait, which, at, answer)
where e.run_id = x.run_id and e.wait = x.wait and e.which = x.which and e.happened_at is null
  and not exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait and o.happened_at is not null);

-- name: to_tell
-- Runs that must hear that something they wait for has happened: what did first, of equals what is written first. A move that is
-- logged may have been earlier, so nothing is told before it is dispatched.
select e.run_id, e.wait, e.which, e.happened_at as at, e.answer, r.workflow_id
from expectation e join run r on r.id = e.run_id
where e.happened_at is not null and e.told_at is null and r.ended_at is null and bucket(r.profile_id) % $2 = $1
  and not exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait
                    and (o.happened_at, o.place) < (e.happened_at, e.place))
  and not exists (select from segment_transition t where t.profile_id = r.profile_id and t.dispatched_at is null)
order by e.happened_at
limit $3;

-- name: told
-- Their runs know; what else of the same waits has happened is of no interest any more.
update expectation e set told_at = $3
from unnest($1::uuid[], $2::bigint[]) as x (run_id, wait)
where e.run_id = x.run_id and e.wait = x.wait and e.happened_at is not null;

-- name: arm_of
-- The arm of a run's customer in an experiment, and what tells whether a holdout withholds them from it: the id by which they are drawn,
-- and their run. Profiles that were merged into theirs count.
select coalesce(p.drawn_as, p.id) as drawn_as, r.journey, r.version, r.holdout,
       (select x.arm from exposure x
        where x.experiment = $2 and x.profile_id in (select p.id union all select id from profile where merged_into = p.id)
        order by x.exposed_at, x.profile_id limit 1) as arm
from run r join profile p on p.id = r.profile_id
where r.id = $1;

-- name: expose
-- The arm that stands: this one, or that of another run of the same customer.
with mine as (
    insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version)
    select $2, profile_id, $3, $4, $5, id, version from run where id = $1
    on conflict (experiment, profile_id) do update set arm = exposure.arm
    returning arm
)
select arm from mine;

-- name: holdout_asked
-- Whether runs' customers are in a holdout was answered; the first time stands. Of a prediction's, what it foretells of them then.
insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version, score, model)
select x.experiment, r.profile_id, x.arm, x.share, x.at, r.id, r.version, s.score, s.version
from unnest((select $1::uuid[]), $2::text[], $3::text[], $4::double precision[], $5::timestamptz[]) as x (run_id, experiment, arm, share, at)
join run r on r.id = x.run_id
left join prediction_score s on '$prediction/' || s.prediction = x.experiment and s.profile_id = r.profile_id
order by x.experiment, r.profile_id, x.at
on conflict (experiment, profile_id) do nothing;

-- name: tasks
-- What people are asked to do, oldest first: one by its id, or those with somebody, in a state, from a place in their order on.
-- Whoever is asked is whom somebody gave it to, else who it went on to once it was due.
with task as (
    select e.id, e.run_id, r.journey, r.profile_id as customer_id, e.begun_at, e.happened_at as done_at,
           e.expected ->> 'title' as title, (e.expected ->> 'by')::timestamptz as due_at,
           coalesce(e.assigned_to, case when (e.expected ->> 'by')::timestamptz <= $1 then e.expected ->> 'escalate' end,
                    e.expected ->> 'to') as assignee,
           e.expected ->> 'escalate' as escalates_to,
           (e.expected ->> 'by')::timestamptz <= $1 as late,
           array(select jsonb_array_elements_text(e.expected -> 'choices')) as choices,
           array(select jsonb_array_elements_text(e.expected -> 'values')) as values, e.answer, e.note,
           case when e.happened_at is not null then 'done'
                when r.ended_at is not null or r.exit_reason is not null or e.until <= $1
                     or exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait and o.happened_at is not null)
                then 'withdrawn' else 'open' end as state
    from expectation e join run r on r.id = e.run_id
    where e.expected ->> 'kind' = 'people' and ($2::uuid is null or e.id = $2)
)
select * from task
where ($3::text is null or assignee = $3) and ($4::text is null or state = $4)
  and ($5::timestamptz is null or (begun_at, id) > ($5, $6::uuid)) and ($7::text is null or journey = $7)
order by begun_at, id
limit $8;

-- name: assign
-- Somebody has it from now on ($3; nothing: whoever its author said); returns whom it is about, who had it and who has it; nothing
-- where nobody waits for it.
with before as (
    select e.id, r.profile_id, e.assigned_to,
           coalesce(case when (e.expected ->> 'by')::timestamptz <= $2 then e.expected ->> 'escalate' end, e.expected ->> 'to') as said
    from expectation e join run r on r.id = e.run_id
    where e.id = $1 and e.expected ->> 'kind' = 'people' and e.happened_at is null and e.until > $2
      and r.ended_at is null and r.exit_reason is null
      and not exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait and o.happened_at is not null)
    for update of e
)
update expectation e set assigned_to = $3::text from before b where e.id = b.id
returning b.profile_id as customer, coalesce(b.assigned_to, b.said) as was, coalesce($3::text, b.said) as assignee;

-- name: complete
-- Somebody has done it; nothing where it is done already, or nobody waits for it any more.
update expectation e set happened_at = $2, answer = $3, note = $4
from run r
where e.id = $1 and e.expected ->> 'kind' = 'people' and e.happened_at is null and e.until > $2
  and r.id = e.run_id and r.ended_at is null and r.exit_reason is null
  and not exists (select from expectation o where o.run_id = e.run_id and o.wait = e.wait and o.happened_at is not null)
returning r.profile_id;
