-- name: write_traits
-- One word per trait and profile, by event time; $7: at the same instant it wins. A declared value holds until a declared word
-- replaces it or (null) takes it away; an inferred one ($6 has a confidence) holds where nothing is declared, and not if it is
-- older than the word that took the declared one away (cleared_at). Under a declared value the newest guess is remembered
-- (guessed), for a late null. `since` moves only when the value does, and to when it was last said when it turns out that it
-- was another in between.
with word as materialized (
    select given.profile_id, trait, given.value::jsonb as value, at, source, given.confidence::jsonb as confidence,
           nullif(traits -> trait, 'null') as old, (traits_at ->> trait)::timestamptz as said_at,
           traits_from -> trait as origin, coalesce(traits_from -> trait ? 'confidence', false) as was_inferred,
           (traits_from -> trait ->> 'since')::timestamptz as since,
           (traits_from -> trait ->> 'cleared_at')::timestamptz as cleared_at
    from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
        as given (profile_id, trait, value, at, source, confidence)
    join profile on profile.id = profile_id
), judged as materialized (
    select *,
           case
               when confidence is not null and old is not null and not was_inferred then false
               when said_at is null then true
               when confidence is not null and old is null then at > said_at
               when confidence is null and was_inferred and value <> 'null' then coalesce(at >= cleared_at, true)
               else at > said_at or (at = said_at and $7)
           end as taken,
           case
               when was_inferred then jsonb_build_object(
                   'value', old, 'at', instant_text(said_at), 'source', origin -> 'source', 'confidence', origin -> 'confidence')
               when coalesce((origin #>> '{guessed,at}')::timestamptz >= at, confidence is null) then origin -> 'guessed'
               when confidence is not null and at > said_at then jsonb_build_object(
                   'value', value, 'at', instant_text(at), 'source', source, 'confidence', confidence)
           end as guess
    from word
), dated as materialized (
    select *,
           taken and value = 'null' and coalesce((guess ->> 'at')::timestamptz > at, false) as revived,
           case
               when taken and value = old then least(coalesce(since, said_at, at), at)
               when taken then at
               when (was_inferred or confidence is null) and value is distinct from old and at >= since and at < said_at
                   then said_at
           end as moved_to,
           case
               when taken and confidence is not null and old is null then said_at
               when taken and confidence is not null then cleared_at
               when not taken and confidence is null and was_inferred and value = 'null' then greatest(cleared_at, at)
           end as cleared_to
    from judged
), told as materialized (
    select profile_id, trait, taken, origin as was,
           case when revived then guess -> 'value' else value end as value,
           case when revived then guess ->> 'at' else instant_text(at) end as at,
           taken and value = 'null' and not revived as gone,
           case
               when revived then jsonb_strip_nulls(jsonb_build_object(
                   'source', guess -> 'source', 'confidence', guess -> 'confidence', 'since', guess -> 'at',
                   'cleared_at', instant_text(at)))
               when taken then jsonb_strip_nulls(jsonb_build_object(
                   'source', source, 'confidence', confidence, 'since', instant_text(moved_to),
                   'cleared_at', instant_text(cleared_to)))
               else origin || jsonb_strip_nulls(jsonb_build_object(
                   'since', instant_text(moved_to), 'cleared_at', instant_text(cleared_to)))
           end
           || case
               when guess is not null and (case when taken then confidence is null and value <> 'null' else not was_inferred end)
                   then jsonb_build_object('guessed', guess)
               else '{}'
           end as origin
    from dated
), newer as (
    select profile_id,
           coalesce(jsonb_object_agg(trait, value) filter (where taken), '{}') as traits,
           coalesce(jsonb_object_agg(trait, at) filter (where taken), '{}') as traits_at,
           coalesce(jsonb_object_agg(trait, origin) filter (where not gone), '{}') as traits_from,
           coalesce(array_agg(trait) filter (where gone), '{}') as gone,
           max(at) filter (where taken) as at
    from told
    where taken or origin <> was
    group by profile_id
)
update profile
set traits = (profile.traits || newer.traits) - newer.gone,
    traits_at = profile.traits_at || newer.traits_at,
    traits_from = (profile.traits_from || newer.traits_from) - newer.gone,
    updated_at = greatest(updated_at, newer.at::timestamptz)
from newer where profile.id = newer.profile_id;

-- name: words
-- What a profile knows, as the words that would say it again: the values with both of their times, and what was taken away.
with known as (
    select key as trait, (value #>> '{}')::timestamptz as said_at, coalesce(traits -> key, 'null') as value,
           (traits_from -> key ->> 'since')::timestamptz as since,
           traits_from -> key ->> 'source' as source, traits_from -> key ->> 'confidence' as confidence,
           (traits_from -> key ->> 'cleared_at')::timestamptz as cleared_at,
           traits_from -> key -> 'guessed' as guess
    from profile, jsonb_each(traits_at)
    where id = $1
)
select trait, value::text as value, at, source, confidence
from known, lateral (select since as at union select said_at) as each
where at is not null
union all
select trait, 'null', cleared_at, null, null from known where cleared_at is not null
union all
select trait, (guess -> 'value')::text, (guess ->> 'at')::timestamptz, guess ->> 'source', guess ->> 'confidence'
from known where guess is not null;

-- name: forget_traits
-- Personal data lives in one place.
update profile set traits = '{}', traits_at = '{}', traits_from = '{}' where id = $1;

-- name: told
-- What the identify calls of these customers said, in the order in which it came to be said.
select e.profile_id, told.key as trait, told.value::text as value, e.ts as at,
       coalesce(e.context #>> array['provenance', told.key, 'source'], e.source) as source,
       (e.context #> array['provenance', told.key, 'confidence'])::text as confidence
from event e, jsonb_each(e.properties) as told
where e.profile_id = any($1::uuid[]) and e.type = '$identify'
order by e.ts, e.received_at, e.source, e.message_id;
