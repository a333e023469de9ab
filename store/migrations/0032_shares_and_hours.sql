-- By which shares an arm was drawn on any day of an experiment is found without reading its customers (`shares` in reports.sql).
create index exposure_share on exposure (experiment, arm, share, exposed_at);

-- Hours that were written while a worker's clock was ahead were written empty, before they had begun, and may never have been looked at again:
-- all empty ones are compared with their rows once more. From now on hours are planned by the database's clock (`plan` in exports.sql).
insert into export_stale (name, hour) select name, hour from export_hour where rows = 0 and written_at is not null;

-- What a message cost is money, and exact: a view's column cannot change its type, so that the view is made anew, for all who may read
-- the others. Files that have it as a fraction of two are written anew.
drop view reporting.deliveries;
create view reporting.deliveries as
select d.run_id::text as run_id, d.step, d.occurrence, d.profile_id::text as customer_id, d.journey, r.version, r.segment,
       d.channel, d.purpose, d.template, d.state, d.reason, d.provider, d.provider_message_id, d.due_at, d.claimed_at,
       d.settled_at, d.delivered_at, d.read_at, d.attempts, d.copies, d.raced,
       (d.cost / 1000000.0)::numeric(18, 6) as cost, d.currency
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
do $$
declare who text;
begin
    for who in select case may.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(may.grantee)) end
               from pg_class c cross join lateral aclexplode(c.relacl) may
               where c.oid = 'reporting.runs'::regclass and may.privilege_type = 'SELECT' and may.grantee <> c.relowner
    loop
        execute format('grant select on reporting.deliveries to %s', who);
    end loop;
end $$;
insert into export_stale (name, hour) select name, hour from export_hour where name = 'deliveries' and rows > 0;
