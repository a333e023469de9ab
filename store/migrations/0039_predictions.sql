-- Predictions (docs/predictions.md): how each stands, the models that were fitted, and what they say of customers.

create table prediction (
    name            text primary key,
    declared        text not null,  -- the version of what the catalogue declares
    retrain         interval not null,
    score           interval not null,
    max_age         interval not null,
    asked_at        timestamptz,  -- somebody wants it trained, or scored, now
    score_asked_at  timestamptz,
    trained_at      timestamptz,  -- the last training, and the last scoring, that came to their ends
    scored_at       timestamptz,
    people          bigint not null default 0,  -- who had a score then
    doing           text,  -- what is being done right now
    failed_at       timestamptz,
    failed          text check (failed in ('train', 'score')),  -- which of the two could not come to its end
    failure         text,
    champion        integer,  -- the version of the model that scores
    held_since      timestamptz,  -- nobody new comes over a threshold since, and why
    held_why        text,
    settled         text[] not null default '{}'  -- thresholds of which the last scoring wrote down all who were over them
);

-- A model is written once and whole, in the transaction that makes it the champion. Its parameters are JSON of numbers and nothing that runs.
create table prediction_model (
    prediction  text not null references prediction (name) on delete cascade,
    version     integer not null,
    declared    text not null,
    family      text not null,
    parameters  text not null,
    sha256      text not null,
    card        jsonb not null,
    trained_at  timestamptz not null,
    state       text not null check (state in ('champion', 'challenger', 'former')),
    primary key (prediction, version),
    unique (prediction, trained_at)
);
create unique index prediction_champion on prediction_model (prediction) where state = 'champion';

-- What is foretold of each customer; the version and the date are those at which the score became what it is.
create table prediction_score (
    prediction  text not null references prediction (name) on delete cascade,
    profile_id  uuid not null,
    score       double precision not null,
    version     integer not null,
    as_of       timestamptz not null,
    primary key (prediction, profile_id)
);
create index prediction_score_profile on prediction_score (profile_id);

-- How true a champion's probabilities were, once their horizon had passed: sums over people, each of whom is in one of them a horizon.
create table prediction_outcome (
    prediction  text not null,
    version     integer not null,
    as_of       timestamptz not null,  -- the scores' instant; what came of them is known a horizon later
    people      bigint not null,
    foretold    double precision not null,  -- sums: of the probabilities, of what came, and of the squares of their differences
    came        double precision not null,
    squares     double precision not null,
    log_loss    double precision not null,
    primary key (prediction, version, as_of),
    foreign key (prediction, version) references prediction_model on delete cascade
);
