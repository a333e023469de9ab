-- That a message was sent is an event of its customer from the moment at which the ledger says so, whoever says it: whoever delivered
-- it, a provider's report, an operator. Most providers report nothing of the kind (SMTP, push, the inbox, the wallet).

-- Once per message: its id is that under which a provider's own report is stored (`api.webhooks.notices`), so the first of them stands.
-- Of whoever has been erased nothing is written. What is written for somebody who is being merged moves with the mark (`repoint_merged`).
create function message_sent() returns trigger language plpgsql as $$
begin
    with sent as materialized (
        select came.*, came.channel || ':' || came.run_id || '/' || came.step || '/' || came.occurrence || ':sent' as message_id
        from came join gone using (run_id, step, occurrence)
        join profile p on p.id = came.profile_id and p.merged_into is distinct from p.id
        where came.state = 'sent' and gone.state <> 'sent'
    ), fresh as (
        insert into event_dedupe (source, message_id, received_at)
        select '', message_id, settled_at from sent order by message_id
        on conflict do nothing
        returning message_id
    ), stored as (
        insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
        select profile_id, settled_at, 'Message Sent', 'track', message_id,
               jsonb_build_object('channel', channel, 'journey', journey, 'run_id', run_id, 'step', step, 'occurrence', occurrence,
                                  'template', template, 'purpose', purpose)
               || case when arms is null then '{}'::jsonb else jsonb_build_object('arms', arms) end,
               channel, settled_at
        from sent join fresh using (message_id)
        returning profile_id, received_at
    )
    insert into dirty (profile_id, types, at)
    select profile_id, array['Message Sent'], max(received_at) from stored group by profile_id;
    return null;
end $$;
create trigger delivery_sent after update on delivery
    referencing old table as gone new table as came for each statement execute function message_sent();
