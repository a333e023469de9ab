-- name: never_written
-- Of these types those of which there is no event.
select type from unnest($1::text[]) as asked (type) where not exists (select from event where event.type = asked.type);

-- name: standing
-- What these predictions say of a customer.
select s.prediction, s.score, s.label, s.version, s.as_of
from prediction_score s join prediction p on p.name = s.prediction
where s.prediction = any($1::text[]) and s.profile_id = $2 and p.retired_at is null;

-- name: have_scored
-- Customers are scored as soon as a process takes it up, where nobody has asked for that already.
update prediction set score_asked_at = $2 where name = $1 and retired_at is null and asked_at is null and score_asked_at is null;
