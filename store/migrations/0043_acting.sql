-- Whether acting on a prediction helps (docs/predictions.md): of who is in its holdout, or let in, what was foretold when they were exposed.

-- `score`: by the model of that version, at the instant of the exposure, in both arms; `came`: whether it came true, a horizon later. Only
-- of the experiments "$prediction/<name>".
alter table exposure add score double precision, add model integer, add came boolean;
create index exposure_to_come on exposure (experiment, exposed_at) where came is null and experiment like '$prediction/%';
comment on column reporting.exposures.experiment is
    'The experiment; "$holdout" is the company''s, "$holdout/<journey>" a journey''s, "$prediction/<name>" that of whom a prediction lets in.';

-- The people of an outcome by half percents of their scores, lowest first: how many, the sum of their probabilities, of how many it came true.
alter table prediction_outcome add bins jsonb not null default '[]';

-- Whom acting on a prediction helps, as of its last training: a ranking, its Qini curve and what that is worth; or how many it takes.
alter table prediction add uplift jsonb;

-- A family of models on trial beside the champion's (ML-11): by which share of the customers, until when, and what it has come to, once.
create table prediction_trial (
    prediction  text not null references prediction (name) on delete cascade,
    trial       text not null,  -- what is declared of it: with another family, share or stop rule it begins anew
    family      text not null,
    share       double precision not null,
    people      bigint not null,  -- the stop rule: at so many people it is over, whatever was shown
    began_at    timestamptz not null,
    version     integer,  -- of its newest model
    decision    text check (decision in ('challenger', 'champion', 'not shown')),
    decided_at  timestamptz,
    primary key (prediction, trial)
);

-- Of people of an instant whose horizon has passed: by how much the challenger's model surprised more than the champion's, each a pair; sums.
create table prediction_trial_outcome (
    prediction  text not null,
    trial       text not null,
    as_of       timestamptz not null,
    people      bigint not null,
    difference  double precision not null,
    squares     double precision not null,
    primary key (prediction, trial, as_of),
    foreign key (prediction, trial) references prediction_trial on delete cascade
);
alter table prediction_model drop constraint prediction_model_state_check;
alter table prediction_model add check (state in ('champion', 'challenger', 'former', 'trial'));
