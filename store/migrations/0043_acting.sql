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
