-- name: is_there
-- Whether the server knows a role.
select exists (select from pg_roles where rolname = $1);

-- name: with_password
-- The statement that creates or alters a role which may log in, and nothing else by itself.
select format('%s role %I login password %L', $1::text, $2::text, $3::text);

-- name: rights
-- The statements that say what a role may do here: all tables are read, and written but for those named; nothing is made or changed in shape.
select array[
    format('grant usage on schema public to %I', $1::text),
    format('revoke all on all tables in schema public from %I', $1::text),
    format('grant select, insert, update, delete on all tables in schema public to %I', $1::text)
] || array(
    select format(granted, $1::text)
    from unnest(array['grant usage on schema reporting to %I', 'grant select on all tables in schema reporting to %I']) as granted
    where to_regnamespace('reporting') is not null
) || array(
    select format('revoke insert, update, delete on %I from %I', name, $1::text)
    from unnest($2::text[]) as name where to_regclass(name) is not null
) || array(
    select format('revoke update, delete on %I from %I', name, $1::text)
    from unnest($3::text[]) as name where to_regclass(name) is not null
);
