-- name: standing
-- Of each prediction that was declared through the API the version that holds, also where that takes it out of use.
select distinct on (name) name, number, definition, by, at, waits, approved_by, approved_at
from prediction_declaration where not waits order by name, number desc;

-- name: waiting
-- The newest versions that wait for somebody else to approve them.
select name, number, definition, by, at, waits, approved_by, approved_at
from prediction_declaration d
where waits and not exists (select from prediction_declaration n where n.name = d.name and n.number > d.number) order by name;

-- name: versions
-- The versions of one, newest first.
select name, number, definition, by, at, waits, approved_by, approved_at
from prediction_declaration where name = $1 order by number desc limit $2;

-- name: put
-- A new version; returns its number.
insert into prediction_declaration (name, number, definition, by, at, waits)
select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 from prediction_declaration where name = $1
returning number;

-- name: approve
-- Somebody else lets a version hold, if it waits and is the newest.
update prediction_declaration set waits = false, approved_by = $3, approved_at = $4
where name = $1 and number = $2 and waits and not exists (select from prediction_declaration n where n.name = $1 and n.number > $2)
returning number;
