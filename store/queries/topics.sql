-- name: say
-- What a customer said of topics, where it is not what holds already.
insert into topic_choice (profile_id, topic, state, source, text_version, at, received_at)
select $1, given.topic, given.state, $4, $5, $6, $6
from unnest($2::text[], $3::text[]) as given (topic, state)
where given.state is distinct from coalesce((select c.state from topic_choice c where c.profile_id = $1 and c.topic = given.topic
                                             order by least(c.at, c.received_at) desc, c.id desc limit 1), 'granted')
returning topic;

-- name: off
-- The topics that a customer has turned off.
select topic from (
    select distinct on (topic) topic, state from topic_choice where profile_id = $1 order by topic, least(at, received_at) desc, id desc
) as last
where state = 'withdrawn';

-- name: not_to_be_shared
-- Which of these customers do not want their data sold or shared.
select profile_id from (
    select distinct on (profile_id) profile_id, state from topic_choice
    where profile_id = any($1::uuid[]) and topic = 'sale-of-data' order by profile_id, least(at, received_at) desc, id desc
) as last
where state = 'withdrawn';
