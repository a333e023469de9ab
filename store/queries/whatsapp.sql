-- name: template
-- What Meta says of a template; nothing, where it has said nothing yet.
select status, category from whatsapp_template where name = $1 and language = $2;

-- name: templates
-- All that is known of templates, those that cannot be sent first.
select name, language, status, category, at from whatsapp_template order by status = 'APPROVED', name, language;

-- name: told
-- What Meta says of templates; what it said later stands. A word about the category alone leaves the status as it is, and one about a
-- template of which nothing is known says nothing yet.
insert into whatsapp_template as known (name, language, status, category, at)
select name, language, status, category, at
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) as told (name, language, status, category, at)
where told.status is not null
on conflict (name, language) do update
set status = excluded.status, category = coalesce(excluded.category, known.category), at = excluded.at
where excluded.at >= known.at;

-- name: categories
-- Templates that Meta has put into another category.
update whatsapp_template w set category = told.category, at = told.at
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) as told (name, language, category, at)
where w.name = told.name and w.language = told.language and told.at >= w.at;

-- name: gone
-- Templates that Meta does not list any more, as of an instant.
update whatsapp_template w set status = 'DELETED', at = $3
where w.at < $3 and w.status <> 'DELETED'
  and not exists (select from unnest($1::text[], $2::text[]) as listed (name, language)
                  where listed.name = w.name and listed.language = w.language)
returning name;
