-- name: make_asked
-- Those who are asked about, until the transaction ends.
create temporary table if not exists asked (n integer primary key, id uuid not null) on commit drop;

-- name: forget_asked
-- Others are asked about.
truncate asked;

-- name: ask_one
-- One customer is asked about.
insert into asked (n, id) values (0, $1);

-- name: ask_some
-- Some customers are asked about, in their order.
insert into asked (n, id) select n - 1, id from unnest($1::uuid[]) with ordinality as given (id, n);

-- name: look_at_asked
-- The planner has to know how many they are.
analyze asked;

-- name: how_many_asked
-- How many they are.
select count(*) from asked;

-- name: asked
-- Whose row each is, sixteen bytes of it.
select coalesce(string_agg(uuid_send(id), '' order by n), '') from asked;

-- name: standing_scores
-- What those in `asked` had before: the numbers of their rows in four bytes each, and their scores in eight.
select coalesce(string_agg(int4send(a.n), '' order by a.n), '') as rows, coalesce(string_agg(float8send(s.score), '' order by a.n), '') as scores
from asked a join prediction_score s on (s.prediction, s.profile_id) = ($1, a.id);

-- name: standing_labels
-- The kinds that those in `asked` were sorted into before, in the order of their numbers; null of who was in none.
select coalesce(array_agg(s.label order by a.n), '{}')
from asked a left join prediction_score s on (s.prediction, s.profile_id) = ($1, a.id);

-- name: no_longer
-- Who has a score and is not in `asked`: the prediction is of them no more.
select s.profile_id from prediction_score s where s.prediction = $1 and not exists (select from asked a where a.id = s.profile_id);
