-- name: store_known
-- One batch in one statement: the items whose names all point at one living profile at their time are stored once each and the
-- profile is marked dirty; returned are the ordinals left for the slow path (someone new, a device that goes over, two profiles
-- to bring together) and those that were stored before. With $13, nothing is stored where any is left. The key-share lock makes
-- a merge of the profile wait until these rows are visible to it.
with item as materialized (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::boolean[], $10::text[], $11::timestamptz[], $12::text[]) with ordinality
        as item (message_id, user_id, anonymous_id, ts, type, kind, properties, context, clamped, source, received_at,
                 traceparent, n)
), named as materialized (
    select n, user_id, anonymous_id,
           (select profile_id from identity where kind = 'user_id' and value = user_id) as u,
           (select profile_id from identity where kind = 'anonymous_id' and value = anonymous_id and since <= ts
            order by since desc limit 1) as a
    from item
), living as materialized (
    -- An array: of a join, the planner of a small shop reads every profile for each batch.
    select id from profile
    where id = any(array(select coalesce(u, a) from named)) and merged_into is null
    order by id
    for key share
), known as materialized (
    select n, id as profile_id from named join living on id = coalesce(u, a)
    where (user_id is null or u is not null) and (anonymous_id is null or a is not null) and coalesce(u = a, true)
), taken as materialized (
    select * from known where not $13::boolean or (select count(*) from known) = (select count(*) from item)
), fresh as (
    insert into event_dedupe (source, message_id, received_at)
    select source, message_id, received_at from item join taken using (n) order by message_id, source
    on conflict do nothing
    returning source, message_id
), kept as materialized (
    select item.*, taken.profile_id, context::jsonb as told from item join taken using (n) join fresh using (source, message_id)
), stored as (
    insert into event (profile_id, ts, type, kind, message_id, properties, context, source, received_at, clamped, user_id,
                       anonymous_id)
    select profile_id, ts, type, kind, message_id, properties::jsonb, told, source, received_at, coalesce(clamped, false), user_id,
           anonymous_id
    from kept
), said as (
    -- What devices said last in this batch of their zone and of their language.
    select profile_id,
           (array_agg(left(told ->> 'timezone', 64) order by ts desc) filter (where told ->> 'timezone' <> ''))[1] as zone,
           max(ts) filter (where told ->> 'timezone' <> '') as zone_at,
           (array_agg(left(told ->> 'locale', 64) order by ts desc) filter (where told ->> 'locale' <> ''))[1] as locale,
           max(ts) filter (where told ->> 'locale' <> '') as locale_at
    from kept where told ->> 'timezone' <> '' or told ->> 'locale' <> '' group by profile_id
), heard as (
    -- Kept where it changed; an event that came late does not change what a newer one said.
    update profile set
        (device_zone, device_zone_at) = (
            select case when news then said.zone else device_zone end, case when news then said.zone_at else device_zone_at end
            from said_last(id, 'timezone', device_zone, device_zone_at, said.zone, said.zone_at) as news),
        (device_locale, device_locale_at) = (
            select case when news then said.locale else device_locale end, case when news then said.locale_at else device_locale_at end
            from said_last(id, 'locale', device_locale, device_locale_at, said.locale, said.locale_at) as news)
    from said
    where profile.id = said.profile_id
      and (said.zone <> coalesce(device_zone, '')
           and said_last(id, 'timezone', device_zone, device_zone_at, said.zone, said.zone_at)
           or said.locale <> coalesce(device_locale, '')
              and said_last(id, 'locale', device_locale, device_locale_at, said.locale, said.locale_at))
), marked as (
    insert into dirty (profile_id, types, at, traceparent)
    select profile_id, array_agg(distinct type), max(received_at), max(traceparent) from kept group by profile_id
)
select array(select n from item where n not in (select n from known)) as unsettled,
       array(select n from taken where n not in (select n from kept)) as repeated;

-- name: unsettled
-- The ordinals of these names (user id, anonymous id, time) that do not all point at one living profile.
select n from (
    select n, user_id, anonymous_id,
           (select profile_id from identity where kind = 'user_id' and value = user_id) as u,
           (select profile_id from identity where kind = 'anonymous_id' and value = anonymous_id and since <= ts
            order by since desc limit 1) as a
    from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality as item (user_id, anonymous_id, ts, n)
) as named
where (user_id is not null and u is null) or (anonymous_id is not null and a is null) or u <> a
   or exists (select from profile where id = coalesce(u, a) and merged_into is not null)
order by n;

-- name: repeated
-- The ordinals of these messages (source, message id) that were stored before.
select n from unnest($1::text[], $2::text[]) with ordinality as item (source, message_id, n)
where exists (select from event_dedupe d where d.source = item.source and d.message_id = item.message_id);

-- name: store_settled
-- The same for items whose profile has been settled and locked by this transaction; returns the ordinals that were new. The
-- events of our own making ($14) have message ids of their own.
with item as materialized (
    select * from unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::boolean[], $9::text[], $10::timestamptz[], $11::text[], $12::text[], $13::text[]) with ordinality
        as item (message_id, profile_id, ts, type, kind, properties, context, clamped, source, received_at, traceparent,
                 user_id, anonymous_id, n)
), fresh as (
    insert into event_dedupe (source, message_id, received_at)
    select case when $14::boolean then '' else source end, message_id, received_at from item order by message_id, source
    on conflict do nothing
    returning source, message_id
), kept as materialized (
    select item.*, context::jsonb as told from item join fresh
    on fresh.message_id = item.message_id and fresh.source = case when $14::boolean then '' else item.source end
), stored as (
    insert into event (profile_id, ts, type, kind, message_id, properties, context, source, received_at, clamped, user_id,
                       anonymous_id)
    select profile_id, ts, type, kind, message_id, properties::jsonb, told, source, received_at, coalesce(clamped, false), user_id,
           anonymous_id
    from kept
), said as (
    -- What devices said last in this batch of their zone and of their language.
    select profile_id,
           (array_agg(left(told ->> 'timezone', 64) order by ts desc) filter (where told ->> 'timezone' <> ''))[1] as zone,
           max(ts) filter (where told ->> 'timezone' <> '') as zone_at,
           (array_agg(left(told ->> 'locale', 64) order by ts desc) filter (where told ->> 'locale' <> ''))[1] as locale,
           max(ts) filter (where told ->> 'locale' <> '') as locale_at
    from kept where told ->> 'timezone' <> '' or told ->> 'locale' <> '' group by profile_id
), heard as (
    -- Kept where it changed; an event that came late does not change what a newer one said.
    update profile set
        (device_zone, device_zone_at) = (
            select case when news then said.zone else device_zone end, case when news then said.zone_at else device_zone_at end
            from said_last(id, 'timezone', device_zone, device_zone_at, said.zone, said.zone_at) as news),
        (device_locale, device_locale_at) = (
            select case when news then said.locale else device_locale end, case when news then said.locale_at else device_locale_at end
            from said_last(id, 'locale', device_locale, device_locale_at, said.locale, said.locale_at) as news)
    from said
    where profile.id = said.profile_id
      and (said.zone <> coalesce(device_zone, '')
           and said_last(id, 'timezone', device_zone, device_zone_at, said.zone, said.zone_at)
           or said.locale <> coalesce(device_locale, '')
              and said_last(id, 'locale', device_locale, device_locale_at, said.locale, said.locale_at))
), marked as (
    insert into dirty (profile_id, types, at, traceparent)
    select profile_id, array_agg(distinct type), max(received_at), max(traceparent) from kept group by profile_id
)
select n from kept order by n;

-- name: ensure_week
-- A partition for the week of this instant.
select ensure_event_week($1);

-- name: earlier
-- Whom the newest event of a type, of a source's own, named, of which a property says this; by the index on types, from today backwards.
select user_id, anonymous_id from event
where type = $1 and ts >= $5 and source = $2 and properties ->> $3::text = $4 and coalesce(user_id, anonymous_id) is not null
order by ts desc
limit 1;
