-- name: cross
-- Whose score ($2, $3; null of who has none any more) went over a threshold ($4), where that is let ($10), or fell below the one at which
-- it goes back ($5): an event of the type $1 after the last one of it, none of which is older than $11, with the score, the version of the
-- model ($6) and its date ($7), and a mark for the watch. Returns how many.
with wanted as (
    select distinct on (given.id) given.id, given.score
    from unnest($2::uuid[], $3::float8[]) as given (id, score)
    where not exists (select from profile p where p.id = given.id and p.merged_into is not null)
    order by given.id
), standing as (
    select wanted.*, last.ts, coalesce((last.properties ->> 'over')::boolean, false) as was
    from wanted
    left join lateral (
        select ts, properties from event where profile_id = wanted.id and type collate "C" = $1 and ts >= coalesce($11::timestamptz, '-infinity') order by ts desc limit 1
    ) as last on true
), written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select id, greatest($8::timestamptz, ts + interval '1 microsecond'), $1, 'prediction', gen_random_uuid()::text,
           jsonb_build_object('over', not was, 'score', score, 'version', $6::integer, 'as_of', $7::timestamptz), $9, $8
    from standing where was <> coalesce(score >= case when was then $5::float8 else $4::float8 end, false) and (was or $10)
    returning profile_id
), marked as (
    insert into dirty (profile_id, types, at) select profile_id, array[$1], $8 from written
)
select count(*) from written;

-- name: told_of
-- Whether there is an event of a type.
select exists (select from event where type = $1);

-- name: sort
-- Who is sorted into another kind ($3; null of who is in none any more) than the last event of the type $1 says, none of which is older
-- than $9, where that is let ($7) or they are in none: an event that says which, and which before, with the version of the model ($4) and
-- its date ($5), and a mark for the watch. Returns how many.
with wanted as (
    select distinct on (given.id) given.id, given.label
    from unnest($2::uuid[], $3::text[]) as given (id, label)
    where not exists (select from profile p where p.id = given.id and p.merged_into is not null)
    order by given.id
), standing as (
    select wanted.*, last.ts, last.properties ->> 'kind' as was
    from wanted
    left join lateral (
        select ts, properties from event where profile_id = wanted.id and type collate "C" = $1 and ts >= coalesce($9::timestamptz, '-infinity') order by ts desc limit 1
    ) as last on true
), written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select id, greatest($6::timestamptz, ts + interval '1 microsecond'), $1, 'prediction', gen_random_uuid()::text,
           jsonb_build_object('kind', label, 'was', was, 'version', $4::integer, 'as_of', $5::timestamptz), $8, $6
    from standing where label is distinct from was and ($7 or label is null)
    returning profile_id
), marked as (
    insert into dirty (profile_id, types, at) select profile_id, array[$1], $6 from written
)
select count(*) from written;

-- name: all
-- Predictions by name, as they stand; one of them, or all.
select p.name, p.kind, p.declared, p.retrain, p.score, p.max_age, p.asked_at, p.score_asked_at, p.trained_at, p.scored_at, p.people, p.doing, p.failed_at,
       p.failure, p.champion, p.held_since, p.held_why, p.settled, m.trained_at as champion_at, m.declared as champion_of, m.family, m.card,
       (select count(*) from prediction_model n where n.prediction = p.name) as models
from prediction p left join prediction_model m on (m.prediction, m.version) = (p.name, p.champion)
where p.retired_at is null and ($1::text is null or p.name = $1) order by p.name;

-- name: kind_before
-- Of which kind it was until now, where it is to be of another one ($2); nobody keeps a model of it or scores by one until this transaction ends.
select kind from prediction where name = $1 and kind <> $2 for update;

-- name: begin_anew
-- It is of another kind from now on ($2): no model scores, and nothing is said of how that of the kind before stood.
update prediction set asked_at = $2, score_asked_at = null, trained_at = null, scored_at = null, people = 0, doing = null, failed_at = null, failed = null,
    failure = null, champion = null, held_since = null, held_why = null, settled = '{}', uplift = null
where name = $1;

-- name: let_fall
-- Who is over a threshold of it ($1), or of a kind, by the last event that says so, is it no more ($2): an event, and a mark for the watch.
-- The types of events are stepped through in their index.
with recursive types as (
    (select type from event order by type limit 1)
    union all
    select (select e.type from event e where e.type > types.type order by e.type limit 1) from types where types.type is not null
), theirs as (
    select type from types where type = '$crossed:' || $1 or starts_with(type, '$crossed:' || $1 || ':')
), standing as (
    select distinct on (e.type, e.profile_id) e.type, e.profile_id, e.ts, e.properties from event e
    where e.type in (select type from theirs) order by e.type, e.profile_id, e.ts desc
), written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select s.profile_id, greatest($2::timestamptz, s.ts + interval '1 microsecond'), s.type, 'prediction', gen_random_uuid()::text,
           case when s.type = '$crossed:' || $1 then jsonb_build_object('kind', null, 'was', s.properties ->> 'kind')
                else jsonb_build_object('over', false, 'score', null) end,
           'prediction ' || $1, $2
    from standing s
    where (coalesce((s.properties ->> 'over')::boolean, false) or s.properties ->> 'kind' is not null)
      and not exists (select from profile p where p.id = s.profile_id and p.merged_into is not null)
    order by s.profile_id, s.type
    returning profile_id, type
)
insert into dirty (profile_id, types, at) select profile_id, array_agg(type), $2 from written group by profile_id;

-- name: drop_all
-- Nobody has a score of it any more.
delete from prediction_score where prediction = $1;

-- name: means
-- What it means as it is declared now; that stays so until this transaction ends.
select declared from prediction where name = $1 for share;

-- name: declare
-- A prediction that is declared; one that is new, is declared again, or means something else than before, is to be trained at once.
insert into prediction (name, declared, retrain, score, max_age, asked_at, kind) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (name) do update set kind = excluded.kind, declared = excluded.declared, retrain = excluded.retrain, score = excluded.score, max_age = excluded.max_age,
    asked_at = case when prediction.declared <> excluded.declared or prediction.retired_at is not null then excluded.asked_at
                    else prediction.asked_at end,
    retired_at = null
where (prediction.kind, prediction.declared, prediction.retrain, prediction.score, prediction.max_age)
   <> (excluded.kind, excluded.declared, excluded.retrain, excluded.score, excluded.max_age) or prediction.retired_at is not null;

-- name: retire
-- They are declared by nobody any more; nobody trains them, and their scores are taken away some thousand at a time.
update prediction set retired_at = $2, asked_at = null, score_asked_at = null, doing = null where name = any($1::text[]) and retired_at is null;

-- name: left_over
-- Predictions that nobody declares any more, and that still have scores.
select name from prediction p
where retired_at is not null and exists (select from prediction_score s where s.prediction = p.name) order by name;

-- name: drop_some
-- Some scores of one that nobody declares any more; returns how many are gone.
with gone as (
    delete from prediction_score where (prediction, profile_id) in (
        select s.prediction, s.profile_id from prediction_score s join prediction p on p.name = s.prediction
        where s.prediction = $1 and p.retired_at is not null limit $2)
    returning profile_id
)
select count(*) from gone;

-- name: ask_training
-- Somebody wants it trained now.
update prediction set asked_at = $2 where name = $1 and retired_at is null returning name;

-- name: ask_scoring
-- Somebody wants customers scored now.
update prediction set score_asked_at = $2 where name = $1 and retired_at is null returning name;

-- name: asked_for
-- Those that somebody wants trained, or scored, and that nobody has taken up since.
select name, asked_at is not null as trains from prediction where asked_at is not null or score_asked_at is not null;

-- name: taken_up
-- Temporal has what was asked for.
update prediction set asked_at = case when $2 then null else asked_at end, score_asked_at = null where name = $1;

-- name: doing
-- What is being done right now, or nothing.
update prediction set doing = $2 where name = $1 and doing is distinct from $2;

-- name: failed
-- A training or scoring could not come to its end, and why; the champion stays what it was.
update prediction set failed_at = $2, failed = $3, failure = $4, doing = null where name = $1;

-- name: models
-- The models of a prediction, newest first, without their parameters.
select version, declared, family, sha256, card, trained_at, state from prediction_model where prediction = $1 order by version desc limit $2;

-- name: champion
-- The model that scores, with its parameters.
select m.version, m.declared, m.family, m.parameters, m.sha256, m.card, m.trained_at
from prediction p join prediction_model m on (m.prediction, m.version) = (p.name, p.champion) where p.name = $1;

-- name: model
-- The parameters of one model.
select parameters, sha256 from prediction_model where prediction = $1 and version = $2;

-- name: trained_then
-- The model of a training that began at an instant, where it was kept before.
select version, state from prediction_model where prediction = $1 and trained_at = $2;

-- name: lock
-- Nobody else keeps a model of it until this transaction ends.
select champion, declared from prediction where name = $1 for update;

-- name: step_down
-- The champion is one no more, as is the challenger that was before.
update prediction_model set state = 'former' where prediction = $1 and state = any($2::text[]);

-- name: keep_model
-- A model, whole.
insert into prediction_model (prediction, version, declared, family, parameters, sha256, card, trained_at, state)
select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8 from prediction_model where prediction = $1
returning version;

-- name: trained
-- A training has come to its end, and which model scores from now on.
update prediction set trained_at = $2, champion = coalesce($3, champion), doing = null, failed_at = null, failed = null, failure = null
where name = $1;

-- name: make_given
-- Scores that are written, until the transaction ends; labels and further numbers by their places in lists that go beside.
create temporary table if not exists given (
    id uuid, version integer, score float8, low float8, high float8, label integer, more float8[]) on commit drop;

-- name: forget_given
-- Others are written.
truncate given;

-- name: write_scores
-- Scores in `given` that are new or others than before, of customers who are there still: labels are $3, names of further numbers $4.
insert into prediction_score (prediction, profile_id, score, low, high, label, more, version, as_of)
select $1, g.id, g.score, g.low, g.high, ($3::text[])[g.label],
       case when g.more is not null
            then (select jsonb_object_agg(name, nullif(value, 'NaN')) from unnest($4::text[], g.more) as named (name, value)) end,
       g.version, $2
from given g
where not exists (select from profile p where p.id = g.id and p.merged_into is not null)
order by g.id
on conflict (prediction, profile_id) do update set score = excluded.score, low = excluded.low, high = excluded.high, label = excluded.label,
    more = excluded.more, version = excluded.version, as_of = excluded.as_of
where (prediction_score.score, prediction_score.label) is distinct from (excluded.score, excluded.label);

-- name: drop_scores
-- They have no score any more.
delete from prediction_score where prediction = $1 and profile_id = any($2::uuid[]);

-- name: hold
-- Whether anybody new comes over a threshold, and why not.
update prediction set held_since = case when $3::text is null then null else coalesce(held_since, $2) end, held_why = $3,
    settled = case when $3::text is null then settled else '{}' end
where name = $1;

-- name: scored
-- A scoring by a model that still scores has come to its end: how many have a score, and of which thresholds all who are over them are written
-- down. That a training failed stays until one does not.
update prediction set scored_at = $2, people = $3, settled = $4, doing = null,
    failed_at = case when failed = 'train' then failed_at end, failure = case when failed = 'train' then failure end,
    failed = case when failed = 'train' then failed end
where name = $1 and champion is not null;

-- name: keep_outcome
-- How true a model's probabilities of an instant were; once for each instant.
insert into prediction_outcome (prediction, version, as_of, people, foretold, came, squares, log_loss, bins)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict do nothing;

-- name: outcomes
-- How true a model's probabilities were, oldest first.
select as_of, people, foretold, came, squares, log_loss, version, bins
from prediction_outcome where prediction = $1 and version = $2 order by as_of;

-- name: outcomes_since
-- The same of all models of its kind since an instant, oldest first.
select o.as_of, o.people, o.foretold, o.came, o.squares, o.log_loss, o.version, o.bins
from prediction_outcome o join prediction p on p.name = o.prediction join prediction_model m using (prediction, version)
where o.prediction = $1 and o.as_of >= $2 and coalesce(m.card ->> 'kind', p.kind) = p.kind order by o.as_of, o.version;

-- name: scores_of
-- What is foretold of a customer.
select s.prediction, s.score, s.version, s.as_of, s.low, s.high, s.label, s.more
from prediction_score s join prediction p on p.name = s.prediction
where s.profile_id = $1 and p.retired_at is null order by s.prediction;

-- name: trusted
-- What a prediction ($1) says of a customer ($2), where it is declared still, nothing holds it, and its model is not too old at an instant ($3).
select s.prediction, s.score, s.version, s.as_of, s.low, s.high, s.label, s.more
from prediction_score s
join prediction p on p.name = s.prediction
join prediction_model m on (m.prediction, m.version) = (p.name, p.champion)
where s.prediction = $1 and s.profile_id = $2 and p.retired_at is null and p.held_why is null and $3 - m.trained_at <= p.max_age;

-- name: sizes
-- How many customers are of each kind.
select label, count(*) as people from prediction_score where prediction = $1 and label is not null group by 1 order by 2 desc, 1;

-- name: spread
-- What scores come to, from the lowest by tenths of the customers to the highest; nothing where nobody has one.
select percentile_disc(array[0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1]::float8[]) within group (order by score)
from prediction_score where prediction = $1;

-- name: bands
-- How many customers have scores of each tenth.
select least(width_bucket(score, 0, 1, 10), 10) as tenth, count(*) as people from prediction_score where prediction = $1 group by 1 order by 1;

-- name: in_band
-- Some customers whose score is $2 or more and below $3, of the kind $4 where one is given, the highest first.
select s.profile_id, s.score, s.version, s.as_of, s.low, s.high, s.label, s.more
from prediction_score s join profile p on p.id = s.profile_id and p.merged_into is null
where s.prediction = $1 and s.score >= $2 and s.score < $3 and ($4::text is null or s.label = $4)
order by s.score desc, s.profile_id limit $5;

-- name: to_come
-- Who was exposed to a holdout of a prediction long enough ago that it is known what came, and has not been looked at; as who they are by now.
select x.profile_id as exposed_as, who.id as who, x.exposed_at
from exposure x join profile p on p.id = x.profile_id
join profile who on who.id = coalesce(p.merged_into, p.id) and who.merged_into is null
where x.experiment = $1 and x.came is null and x.exposed_at <= $2
order by x.exposed_at, x.profile_id limit $3;

-- name: keep_what_came
-- What came of those who were exposed.
update exposure x set came = given.came from unnest($2::uuid[], $3::boolean[]) as given (id, came)
where x.experiment = $1 and x.profile_id = given.id;

-- name: acted
-- What came of those who were exposed to a holdout, by day (UTC), tenth of the score and arm; who was merged counts once, by the earliest.
select (first.exposed_at at time zone 'UTC')::date as day, least(width_bucket(first.score, 0, 1, 10), 10) as tenth, first.arm,
       count(*) as people, count(*) filter (where first.came) as came
from (select distinct on (coalesce(p.merged_into, p.id)) x.exposed_at, x.score, x.arm, x.came
      from exposure x join profile p on p.id = x.profile_id
      where x.experiment = $1
      order by coalesce(p.merged_into, p.id), x.exposed_at, x.profile_id) as first
where first.came is not null
group by 1, 2, 3 order by 1, 2, 3;

-- name: arms_exposed
-- How many are in each arm of a holdout, and by which shares they were drawn.
select arm, count(*) as people, min(share) as lowest, max(share) as highest from exposure where experiment = $1 group by arm order by arm;

-- name: to_rank
-- Who was exposed to a holdout and what came of them, at most so many of each arm ($2, $3), by chance; as who they are by now.
select who, exposed_at, written, came
from (select first.*, row_number() over (partition by written order by hashtextextended(who::text, 0), who) as n
      from (select distinct on (l.id) l.id as who, x.exposed_at, x.arm <> 'withheld' as written, x.came
            from exposure x join profile p on p.id = x.profile_id
            join profile l on l.id = coalesce(p.merged_into, p.id) and l.merged_into is null
            where x.experiment = $1 order by l.id, x.exposed_at, x.profile_id) as first
      where came is not null) as drawn
where n <= case when written then $2::bigint else $3::bigint end;

-- name: keep_uplift
-- Whom acting helps, by what is known now.
update prediction set uplift = $2 where name = $1;

-- name: uplift
-- Whom acting helps.
select uplift from prediction where name = $1;
