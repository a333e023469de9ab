-- name: customer
-- The living customer and those that were merged into it.
select p.id, array(select id from profile a where a.id = p.id or a.merged_into = p.id order by id) as profiles
from profile p where p.id = $1 and p.merged_into is null;

-- name: profile
-- What is known of the customer as of now, each trait with who said it and when.
select jsonb_build_object('customer_id', id, 'customer_since', created_at, 'changed_at', updated_at, 'traits', traits, 'said_at', traits_at,
                          'origins', traits_from, 'device_time_zone', device_zone, 'device_language', device_locale)
from profile where id = any($1::uuid[]) and merged_into is null;

-- name: names
-- What the customer is called.
select jsonb_build_object('kind', kind, 'name', value, 'since', created_at)
from identity where profile_id = any($1::uuid[]) order by kind, value, since;

-- name: addresses
-- Where the customer can be reached, with what holds there.
select jsonb_build_object('channel', channel, 'address', address, 'platform', platform, 'first_seen_at', first_seen_at,
                          'last_seen_at', last_seen_at, 'dead_since', invalid_at, 'why_dead', invalid_reason, 'replaced_at', replaced_at,
                          'marketing', marketing, 'transactional', transactional)
from endpoint where profile_id = any($1::uuid[]) order by channel, address;

-- name: consents
-- Every word about consent, as it was received.
select jsonb_build_object('channel', channel, 'address', address, 'purpose', purpose, 'state', state, 'said_by', said_by, 'source', source,
                          'text_version', text_version, 'message_id', message_id, 'said_at', at, 'received_at', received_at)
from consent where profile_id = any($1::uuid[]) order by received_at, id;

-- name: topics
-- Every word about topics; `sale-of-data`: about the sale and sharing of their data.
select jsonb_build_object('topic', topic, 'state', state, 'source', source, 'text_version', text_version, 'said_at', at,
                          'received_at', received_at)
from topic_choice where profile_id = any($1::uuid[]) order by received_at, id;

-- name: events
-- What the customer did, and what became of messages to them.
select jsonb_build_object('at', ts, 'type', type, 'message_id', message_id, 'properties', properties, 'context', context, 'source', source,
                          'received_at', received_at, 'user_id', user_id, 'anonymous_id', anonymous_id)
from event where profile_id = any($1::uuid[]) order by ts, message_id;

-- name: segments
-- The segments that the customer is in.
select jsonb_build_object('segment', segment, 'since', entered_at)
from segment_member where profile_id = any($1::uuid[]) order by segment;

-- name: moves
-- Segments that the customer entered and left, with what brought them there.
select jsonb_build_object('segment', segment, 'what', kind, 'at', at, 'cause', cause)
from segment_transition where profile_id = any($1::uuid[]) order by id;

-- name: foretold
-- What predictions say of the customer.
select jsonb_strip_nulls(jsonb_build_object('prediction', prediction, 'score', score, 'low', low, 'high', high, 'label', label, 'more', more,
                                            'version', version, 'as_of', as_of))
from prediction_score where profile_id = any($1::uuid[]) order by prediction;

-- name: due
-- When the customer is expected to buy something again.
select jsonb_build_object('again', again, 'product', nullif(product_id, ''), 'last_at', last_at, 'days', days, 'due_at', due_at,
                          'low_at', low_at, 'high_at', high_at, 'told_at', told_at, 'as_of', as_of)
from product_due where profile_id = any($1::uuid[]) order by again, product_id;

-- name: journeys
-- The journeys that the customer was in, with what they began with.
select jsonb_build_object('run_id', id, 'journey', journey, 'entered_at', entered_at, 'entered_by', entered_by, 'key', entry_key,
                          'parameters', params, 'entry', entry, 'ended_at', ended_at, 'outcome', outcome)
from run where profile_id = any($1::uuid[]) order by entered_at, id;

-- name: refused_entries
-- Journeys that did not let the customer in.
select jsonb_build_object('journey', journey, 'at', at, 'key', entry_key, 'reason', reason, 'detail', detail)
from entry_refused where profile_id = any($1::uuid[]) order by id;

-- name: messages
-- Messages to the customer, with what the gate and the provider said.
select jsonb_build_object('run_id', run_id, 'step', step, 'occurrence', occurrence, 'journey', journey, 'channel', channel, 'purpose', purpose,
                          'template', template, 'state', state, 'reason', reason, 'detail', detail, 'due_at', due_at, 'sent_at', claimed_at,
                          'delivered_at', delivered_at, 'read_at', read_at, 'provider', provider, 'provider_id', provider_message_id,
                          'gates', gates)
from delivery where profile_id = any($1::uuid[]) order by due_at, run_id, step, occurrence;

-- name: inbox
-- What the app shows them, or showed.
select jsonb_build_object('run_id', i.run_id, 'step', i.step, 'content', i.content, 'put_at', i.put_at, 'expires_at', i.expires_at,
                          'seen_at', i.seen_at, 'clicked_at', i.clicked_at, 'dismissed_at', i.dismissed_at)
from inbox i join delivery d using (run_id, step, occurrence)
where d.profile_id = any($1::uuid[]) order by i.put_at, i.id;

-- name: passes
-- What the passes in their wallets show, and on which devices those are.
select jsonb_build_object('template', w.template, 'key', w.key, 'content', w.content, 'changed_at', w.modified_at,
                          'devices', (select coalesce(jsonb_agg(jsonb_build_object('platform', v.platform, 'device', v.device,
                                                                                   'since', v.added_at)), '[]')
                                      from wallet_device v where v.serial = w.serial))
from wallet_pass w join delivery d using (run_id, step, occurrence)
where d.profile_id = any($1::uuid[]) order by w.modified_at, w.serial;

-- name: tasks
-- What journeys waited for about the customer: tasks of people with their notes, and what happened.
select jsonb_build_object('run_id', e.run_id, 'expected', e.expected, 'since', e.begun_at, 'happened_at', e.happened_at, 'answer', e.answer,
                          'note', e.note)
from expectation e join run r on r.id = e.run_id where r.profile_id = any($1::uuid[]) order by e.begun_at, e.id;

-- name: service_answers
-- What the company's services answered about the customer.
select jsonb_build_object('run_id', c.run_id, 'service', c.service, 'asked_at', c.asked_at, 'answered_at', c.settled_at, 'answer', c.answer)
from service_call c join run r on r.id = c.run_id where r.profile_id = any($1::uuid[]) order by c.asked_at, c.number;

-- name: experiments
-- The arms of experiments that the customer is in; of a prediction's holdout with the score of then, and what came of it.
select jsonb_build_object('experiment', experiment, 'arm', arm, 'since', exposed_at)
       || jsonb_strip_nulls(jsonb_build_object('score', score, 'came_true', came))
from exposure where profile_id = any($1::uuid[]) order by experiment;

-- name: choices
-- What the customer was given of choices, with which chance, and what came of it.
select jsonb_build_object('choice', m.name, 'option', m.option, 'at', m.made_at, 'by', m.by, 'propensity', m.propensity, 'told_apart_by', m.cell,
                          'why', m.why, 'reward', m.reward)
from choice_made m join run r on r.id = m.run_id where r.profile_id = any($1::uuid[]) order by m.made_at, m.run_id;

-- name: counted
-- What counts for the customer in experiments: converted, orders and money, by day.
select jsonb_build_object('experiment', experiment, 'arm', arm, 'by_day', changes)
from customer_value where profile_id = any($1::uuid[]) order by experiment;

-- name: told
-- To whom of the company's systems what was told of the customer by webhooks, a month back.
select jsonb_build_object('to', s.name, 'with_user_id', s.personal, 'type', n.type, 'at', n.at, 'about', n.about, 'state', n.state)
from notification n join subscription s on s.id = n.subscription where n.profile_id = any($1::uuid[]) order by n.at, n.subscription, n.id;

-- name: audiences
-- Which other systems know the customer as part of an audience, and by which ids (addresses as SHA-256).
select jsonb_build_object('audience', a.name, 'to', a.kind, 'ids', m.ids, 'state', m.state, 'since', m.since)
from audience_member m join audience a on a.name = m.audience where m.profile_id = any($1::uuid[]) order by a.name, m.id;

-- name: campaigns
-- Starts of many and campaigns that the customer was to be in.
select jsonb_build_object('campaign', c.name, 'journey', c.journey, 'params', r.params, 'entry', r.entry, 'state', r.state,
                          'outcome', r.outcome, 'reason', r.reason, 'run_id', r.run_id)
from campaign_row r join campaign c on c.id = r.campaign where r.profile_id = any($1::uuid[]) order by c.created_at, r.number;

-- name: merges
-- Profiles that turned out to be this customer.
select jsonb_build_object('absorbed', absorbed, 'at', at, 'undone_at', undone_at, 'names', moved -> 'names')
from merge where survivor = any($1::uuid[]) order by id;

-- name: not_taken_in
-- A page of what could not be taken in, after an id.
select id, message_id, array[item, arrival, reason] as kept,
       jsonb_build_object('received_at', received_at, 'reason', reason, 'message_id', message_id, 'item', item,
                          'came_with', arrival) as told
from dead_letter where id > $1 order by id limit $2;

-- name: suppressed
-- Why addresses are not written to, by their digests.
select channel, digest, jsonb_build_object('channel', channel, 'scope', scope, 'reason', reason, 'since', at) as told
from suppression where digest = any($1::bytea[]) order by at;

-- name: words
-- Every word that has a say about a customer's consent, with the text that they saw: theirs, and those about their addresses.
select c.id, c.channel, c.address, c.purpose, c.state, c.said_by, c.source, c.text_version, c.message_id, c.at, c.received_at,
       c.profile_id = any($1::uuid[]) as own
from consent c
where c.profile_id = any($1::uuid[])
   or (c.state in ('refused', 'withdrawn')
       and exists (select from endpoint e where e.profile_id = any($1::uuid[]) and e.channel = c.channel and e.address = c.address))
order by c.received_at, c.id;

-- name: holding
-- What holds at each address and purpose.
select e.channel, e.address, p.purpose, coalesce(said.state, 'unknown') as state, said.said_by, said.source, said.at
from endpoint e
cross join (values ('marketing'), ('transactional')) as p (purpose)
left join lateral consent_of(e.profile_id, e.channel, e.address, p.purpose) as said on true
where e.profile_id = any($1::uuid[]) and e.replaced_at is null
order by e.channel, e.address, p.purpose;

-- name: changes
-- What people and other systems of the company changed of the customer: when, what it was, and which fields, never a value.
select jsonb_build_object('at', at, 'what', verb || ' ' || kind, 'name', name, 'by_role', role, 'fields', fields)
from audit where customer = any($1::uuid[]) order by id;
