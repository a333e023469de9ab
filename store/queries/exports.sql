-- name: columns
-- The views of the schema `reporting`, each with its comment and its columns in their order: name, type, comment.
select c.relname as name, obj_description(c.oid) as about,
       array_agg((a.attname::text, format_type(a.atttypid, null), col_description(c.oid, a.attnum)) order by a.attnum) as columns
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
group by c.oid, c.relname;
