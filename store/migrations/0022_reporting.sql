-- What may leave for a warehouse or a BI tool: views with a sentence on each column (docs/exports.md is written from them). They
-- hold ids and no addresses; customers' traits are in none of them, and of events that tell traits only that they came.
create schema reporting;
comment on schema reporting is 'What happened, for BI tools and exports: stable names, a sentence on each column.';

-- Exports read by arrival; rows arrive in the order of time, so that this index is a few pages.
create index event_received on event using brin (received_at);

create view reporting.events as
select e.profile_id::text as customer_id, e.ts as occurred_at, e.received_at, e.type as event, e.kind, e.message_id, e.source,
       case when e.kind in ('identify', 'group') then null else e.properties::text end as properties, e.clamped
from event e;
comment on view reporting.events is 'What customers did, and what came back of messages; a row for each event.';
comment on column reporting.events.customer_id is 'Whose it is: the id of the profile, after all merges so far.';
comment on column reporting.events.occurred_at is 'When it happened, as its sender says (UTC).';
comment on column reporting.events.received_at is 'When it was stored; exports are cut by this instant.';
comment on column reporting.events.event is 'What happened: the name of a track call, "Page Viewed", "$identify", "Message Delivered" and so on.';
comment on column reporting.events.kind is 'The call of the Segment spec that told it: track, page, screen, identify, group, alias.';
comment on column reporting.events.message_id is 'The id its sender gave it; with source, it counts once.';
comment on column reporting.events.source is 'The name of the API key it came by; empty for what journeys stores itself.';
comment on column reporting.events.properties is 'Its properties as JSON; empty for identify and group calls, whose content is traits.';
comment on column reporting.events.clamped is 'Whether it was dated in the future, and set to when it came.';

create view reporting.deliveries as
select d.run_id::text as run_id, d.step, d.occurrence, d.profile_id::text as customer_id, d.journey, r.version, r.segment,
       d.channel, d.purpose, d.template, d.state, d.reason, d.provider, d.provider_message_id, d.due_at, d.claimed_at,
       d.settled_at, d.delivered_at, d.read_at, d.attempts, d.copies, d.raced,
       d.cost / 1000000.0::double precision as cost, d.currency
from delivery d join run r on r.id = d.run_id;
comment on view reporting.deliveries is 'The ledger of messages: a row for each that a journey asked for, sent or not.';
comment on column reporting.deliveries.run_id is 'The run that asked for it.';
comment on column reporting.deliveries.step is 'Which message of the journey, such as "push:cart-reminder".';
comment on column reporting.deliveries.occurrence is 'Which time round of this step, from 1.';
comment on column reporting.deliveries.customer_id is 'To whom: the id of the profile.';
comment on column reporting.deliveries.journey is 'The journey, by its name.';
comment on column reporting.deliveries.version is 'The version of the catalogue that the run is on.';
comment on column reporting.deliveries.segment is 'The segment by which the customer entered; empty where an API call or a journey started the run.';
comment on column reporting.deliveries.channel is 'push, web_push, whatsapp, email, sms, in_app, wallet.';
comment on column reporting.deliveries.purpose is 'marketing or transactional.';
comment on column reporting.deliveries.template is 'What was to be said, by the name of its template.';
comment on column reporting.deliveries.state is
    'sent, skipped, withheld (holdout), failed, unconfirmed (the provider may have it), or still deferred, released, claimed.';
comment on column reporting.deliveries.reason is 'Why it was not sent, or not yet.';
comment on column reporting.deliveries.provider is 'Who carried it, or was to.';
comment on column reporting.deliveries.provider_message_id is 'The id that the provider gave it when it accepted.';
comment on column reporting.deliveries.due_at is 'When the journey asked for it; exports are cut by this instant.';
comment on column reporting.deliveries.claimed_at is 'When it was last about to be handed over.';
comment on column reporting.deliveries.settled_at is 'When its state was last decided.';
comment on column reporting.deliveries.delivered_at is 'When the provider says that it arrived; empty where no provider tells.';
comment on column reporting.deliveries.read_at is 'When a person first opened it; machines that open for people do not count.';
comment on column reporting.deliveries.attempts is 'How often it was claimed.';
comment on column reporting.deliveries.copies is 'How many copies the provider may have accepted.';
comment on column reporting.deliveries.raced is 'Whether it went out after the goal had been reached, which was not known yet.';
comment on column reporting.deliveries.cost is 'What it cost by the declared price, in the currency; empty without a price.';
comment on column reporting.deliveries.currency is 'Of the cost, ISO 4217.';

create view reporting.runs as
select r.id::text as run_id, r.journey, r.version, r.profile_id::text as customer_id, r.entered_by, r.segment, r.entry_key,
       r.holdout, r.entered_at, r.created_at, r.started_at, r.ended_at, r.outcome, r.ended_by, r.workflow_id
from run r;
comment on view reporting.runs is 'Who was in which journey, since when, and how it ended; a row for each run.';
comment on column reporting.runs.run_id is 'The id of the run.';
comment on column reporting.runs.journey is 'The journey, by its name.';
comment on column reporting.runs.version is 'The version of the catalogue that it is on.';
comment on column reporting.runs.customer_id is 'Whose it is: the id of the profile.';
comment on column reporting.runs.entered_by is 'segment, api or journey.';
comment on column reporting.runs.segment is 'The segment by which the customer entered.';
comment on column reporting.runs.entry_key is 'What tells runs of one customer apart in a journey that is entered per key.';
comment on column reporting.runs.holdout is 'Whether the customer is in the journey''s own holdout.';
comment on column reporting.runs.entered_at is 'When the customer entered: of a segment, when that became true.';
comment on column reporting.runs.created_at is 'When the run was written down; exports are cut by this instant.';
comment on column reporting.runs.started_at is 'When Temporal had it.';
comment on column reporting.runs.ended_at is 'When it ended; empty while it is open.';
comment on column reporting.runs.outcome is 'How it ended: finished, goal reached, journey killed and so on.';
comment on column reporting.runs.ended_by is 'The goal or exit that ended it, by its name.';
comment on column reporting.runs.workflow_id is 'Its id in Temporal.';

create view reporting.transitions as
select t.id as transition_id, t.segment, t.profile_id::text as customer_id, t.kind, t.at as occurred_at, t.logged_at
from segment_transition t;
comment on view reporting.transitions is 'Who entered and who left which segment; a row for each change.';
comment on column reporting.transitions.transition_id is 'Its number; they grow.';
comment on column reporting.transitions.segment is 'The segment, by its name.';
comment on column reporting.transitions.customer_id is 'Who: the id of the profile.';
comment on column reporting.transitions.kind is 'entered, left, or repeated (in again by another event).';
comment on column reporting.transitions.occurred_at is 'When it became true.';
comment on column reporting.transitions.logged_at is 'When it was found out; exports are cut by this instant.';

create view reporting.consents as
select c.id as consent_id, c.profile_id::text as customer_id, c.channel, c.purpose, c.state, c.said_by, c.source, c.text_version,
       c.at as said_at, c.received_at
from consent c;
comment on view reporting.consents is 'What was said about being written to; a row for each word, the addresses left out.';
comment on column reporting.consents.consent_id is 'Its number; they grow.';
comment on column reporting.consents.customer_id is 'Whose: the id of the profile; empty where only an address was named.';
comment on column reporting.consents.channel is 'By which channel.';
comment on column reporting.consents.purpose is 'marketing or transactional.';
comment on column reporting.consents.state is 'pending, granted, refused, withdrawn or expired.';
comment on column reporting.consents.said_by is 'customer, sync or import.';
comment on column reporting.consents.source is 'Where it was said.';
comment on column reporting.consents.text_version is 'Which text the customer saw.';
comment on column reporting.consents.said_at is 'When it was said.';
comment on column reporting.consents.received_at is 'When it was stored; exports are cut by this instant.';

create view reporting.exposures as
select x.experiment, x.profile_id::text as customer_id, x.arm, x.share, x.exposed_at, x.run_id::text as run_id
from exposure x;
comment on view reporting.exposures is 'Who is in which arm of which experiment; a row for each customer and experiment.';
comment on column reporting.exposures.experiment is 'The experiment; "$holdout" is the company''s, "$holdout/<journey>" a journey''s.';
comment on column reporting.exposures.customer_id is 'Who: the id of the profile as it was then; reporting.merges says into whom it went.';
comment on column reporting.exposures.arm is 'The arm: a variant, or "written to" and "withheld" of a holdout.';
comment on column reporting.exposures.share is 'The share by which the arm was drawn.';
comment on column reporting.exposures.exposed_at is 'From when on the customer counts; exports are cut by this instant.';
comment on column reporting.exposures.run_id is 'The run in which that came about.';

create view reporting.merges as
select m.id as merge_id, m.absorbed::text as customer_id, m.survivor::text as merged_into, m.at as merged_at, m.undone_at
from merge m;
comment on view reporting.merges is 'Which profiles turned out to be one customer; a row for each that went into another.';
comment on column reporting.merges.merge_id is 'Its number; they grow.';
comment on column reporting.merges.customer_id is 'The profile that went into another.';
comment on column reporting.merges.merged_into is 'The profile that stood for both from then on.';
comment on column reporting.merges.merged_at is 'When they were united; exports are cut by this instant.';
comment on column reporting.merges.undone_at is 'When that was taken back; empty while it holds.';
