-- Predictions of other kinds than probabilities: amounts with an interval, and kinds of customers that have names.

alter table prediction add column kind text not null default 'probability';

alter table prediction_score
    add column low    double precision,  -- the ends of the score's interval, where it has one
    add column high   double precision,
    add column label  text,  -- the kind that the customer is sorted into, where the prediction sorts
    add column more   jsonb;  -- further numbers by name, of the same model and date

-- Of an amount there is no such loss.
alter table prediction_outcome alter column log_loss drop not null;
