-- What is declared of experiments and holdouts, and what they have come to (docs/measuring.md).

-- As each version of the catalogue declares it (`journeys.arms.Experiment` as JSON); '' is what has no version. It is read by the one
-- that stood when its first customer was exposed, so that one that is declared later moves no number of before.
create table experiment (
    experiment   text not null,
    version      text not null,
    declared     jsonb not null,
    declared_at  timestamptz not null,
    primary key (experiment, version)
);

-- What a question of an experiment has come to by the metric that judges it, once each; `look` is the day of the experiment on which
-- it had (from 1). What is found later, by sums that have changed, takes nothing of it back.
create table experiment_decision (
    experiment   text not null,
    question     text not null, -- the arm or the level that is compared
    against      text not null,
    metric       text not null,
    decision     text not null check (decision in ('higher', 'lower', 'not shown', 'early', 'broken')),
    version      text not null, -- of the declaration by which it was read; '' by none
    look         integer,
    day          date,
    people       bigint not null, -- in all arms that it is about
    figures      jsonb not null,
    decided_at   timestamptz not null,
    primary key (experiment, question, against, metric, decision)
);

-- By which the first customer of an experiment is found, and the shares by which its arms were drawn on a day.
create index exposure_experiment on exposure (experiment, exposed_at);
