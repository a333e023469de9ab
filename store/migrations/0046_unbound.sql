-- What triggers write beside a message, a move or an address names its receiver without a foreign key. A key is checked in the
-- transaction that happened to be going on: whoever deleted a receiver meanwhile broke that one, and a message that was sent fell
-- into doubt. Whoever deletes takes these rows along; one that was being written then is seen by nobody, and goes at night.
alter table notification drop constraint notification_subscription_fkey;
alter table audience_due drop constraint audience_due_audience_fkey;

-- The audit has no secret of a receiver's address any more: what its query says.
update audit set was = case when was ? 'url' then jsonb_set(was, '{url}', to_jsonb(regexp_replace(was ->> 'url', '[?].*', '?…'))) else was end,
    became = case when became ? 'url' then jsonb_set(became, '{url}', to_jsonb(regexp_replace(became ->> 'url', '[?].*', '?…'))) else became end
where kind = 'subscription' and (was ->> 'url' like '%?%' or became ->> 'url' like '%?%');
