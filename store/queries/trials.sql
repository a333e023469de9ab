-- name: begin
-- A family is on trial from now on, unless it is already.
insert into prediction_trial (prediction, trial, family, share, people, began_at) values ($1, $2, $3, $4, $5, $6)
on conflict (prediction, trial) do nothing;

-- name: step_down
-- The model on trial until now is it no more.
update prediction_model set state = 'former' where prediction = $1 and state = 'trial';

-- name: keep_model
-- A model on trial, whole; one of the same training is kept once.
insert into prediction_model (prediction, version, declared, family, parameters, sha256, card, trained_at, state)
select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, 'trial' from prediction_model where prediction = $1
on conflict (prediction, trained_at) do update set state = 'trial'
returning version;

-- name: newest
-- The model of a trial that scores its share from now on.
update prediction_trial set version = $3 where prediction = $1 and trial = $2;

-- name: trial
-- How a trial stands, with the sums of its pairs.
select t.family, t.share, t.people, t.began_at, t.version, t.decision, t.decided_at, coalesce(sum(o.people), 0)::bigint as judged,
       coalesce(sum(o.difference), 0)::float8 as difference, coalesce(sum(o.squares), 0)::float8 as squares, max(o.as_of) as as_of
from prediction_trial t left join prediction_trial_outcome o using (prediction, trial)
where t.prediction = $1 and ($2::text is null or t.trial = $2)
group by t.prediction, t.trial order by t.began_at desc limit 1;

-- name: keep_outcome
-- What pairs of an instant came to; once for each.
insert into prediction_trial_outcome (prediction, trial, as_of, people, difference, squares) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing;

-- name: decide
-- What a trial has come to; once.
update prediction_trial set decision = $3, decided_at = $4 where prediction = $1 and trial = $2 and decision is null returning prediction;

-- name: scored
-- How many customers have a score by each family.
select m.family, count(*) as people from prediction_score s join prediction_model m on (m.prediction, m.version) = (s.prediction, s.version)
where s.prediction = $1 group by 1 order by 1;

-- name: acted
-- Of those whom a model of each family let in, by arm of the holdout: how many, and of how many it came true.
select m.family, x.arm, count(*) as people, count(*) filter (where x.came) as came
from exposure x join prediction_model m on (m.prediction, m.version) = ($1, x.model)
where x.experiment = $2 and x.came is not null group by 1, 2 order by 1, 2;

-- name: model
-- A model with its parameters.
select version, declared, family, parameters, sha256, card, trained_at from prediction_model where prediction = $1 and version = $2;
