-- Outgoing webhooks (docs/webhooks.md): who is told of what happens, and what they are still to be told.

-- One receiver. Their secret is in no table: it is derived from JOURNEYS_SECRET, this id and `secret`, which counts how often it was
-- replaced; until `former_until` what it was before signs, too. Nothing in `journeys` or `segments`: of all of them. `personal`: what is
-- told names customers by their user id, too. Stopped: it said 410, or took nothing for days; paused: somebody paused it.
create table subscription (
    id            uuid primary key,
    name          text not null unique,
    url           text not null,
    types         text[] not null,
    journeys      text[] not null default '{}',
    segments      text[] not null default '{}',
    personal      boolean not null default false,
    secret        integer not null default 1,
    former_until  timestamptz,
    created_at    timestamptz not null,
    created_by    text not null,
    paused_at     timestamptz,
    stopped_at    timestamptz,
    stopped_why   text,
    took_at       timestamptz,  -- when it last took something
    failing_since timestamptz,  -- since when it has taken nothing, although it was told
    failure       text
);

-- Something that one of them is told, each once. `about` holds ids, names of the catalogue, reasons and instants.
create table notification (
    id            bigint generated always as identity,
    subscription  uuid not null references subscription (id) on delete cascade,
    type          text not null,
    profile_id    uuid,
    at            timestamptz not null,
    about         jsonb not null,
    state         text not null default 'waiting' check (state in ('waiting', 'taken', 'given up')),
    attempts      integer not null default 0,
    tried_at      timestamptz,  -- for the first time
    retry_at      timestamptz,
    settled_at    timestamptz,
    status        integer,
    reason        text,
    primary key (subscription, id)
);
create index notification_waiting on notification (subscription, attempts, id) where state = 'waiting';
create index notification_profile on notification (profile_id) where profile_id is not null;
create index notification_at on notification using brin (at);

-- What happened, written down for each who wants to know, in the transaction in which it happened.
create type happening as (type text, journey text, segment text, profile_id uuid, at timestamptz, about jsonb);
create function notify_of(happened happening[]) returns void language sql
    begin atomic
        insert into notification (subscription, type, profile_id, at, about)
        select s.id, x.type, x.profile_id, x.at, jsonb_strip_nulls(x.about)
        from unnest(happened) with ordinality as x (type, journey, segment, profile_id, at, about, n)
        join subscription s on x.type = any(s.types) and (s.journeys = '{}' or x.journey is null or x.journey = any(s.journeys))
            and (s.segments = '{}' or x.segment is null or x.segment = any(s.segments))
        order by x.n;
    end;
create function somebody_wants(kind text) returns boolean language sql stable
    begin atomic
        select exists (select from subscription s, unnest(s.types) as type where starts_with(type, kind));
    end;

create function notify_of_moves() returns trigger language plpgsql as $$
begin
    if somebody_wants('segment.') then
        perform notify_of(array(
            select row('segment.' || kind, null, segment, profile_id, at, jsonb_build_object('segment', segment, 'move', id))::happening
            from came where kind <> 'repeated' order by id));
    end if;
    return null;
end $$;
create trigger transition_notifies after insert on segment_transition
    referencing new table as came for each statement execute function notify_of_moves();

create function told_of_run(r run) returns jsonb language sql immutable
    return jsonb_build_object('run_id', r.id, 'journey', r.journey, 'entered_by', r.entered_by, 'segment', r.segment,
                              'entered_at', instant_text(r.entered_at), 'version', r.version);
create function notify_of_runs() returns trigger language plpgsql as $$
begin
    if somebody_wants('run.') then
        perform notify_of(array(
            select row('run.entered', journey, segment, profile_id, entered_at, told_of_run(came::run))::happening
            from came order by created_at, id));
    end if;
    return null;
end $$;
create trigger run_notifies after insert on run
    referencing new table as came for each statement execute function notify_of_runs();

create function notify_of_ends() returns trigger language plpgsql as $$
begin
    if somebody_wants('run.') then
        perform notify_of(array(
            select happened from (
                select row('run.converted', came.journey, came.segment, came.profile_id, came.exit_at,
                           told_of_run(came::run) || jsonb_build_object('goal', came.ended_by))::happening as happened, came.exit_at as at
                from came join gone using (id)
                where came.exit_reason = 'goal reached' and gone.exit_reason is distinct from 'goal reached'
                union all
                select row('run.ended', came.journey, came.segment, came.profile_id, came.ended_at,
                           told_of_run(came::run) || jsonb_build_object('outcome', came.outcome, 'ended_by', came.ended_by))::happening,
                       came.ended_at
                from came join gone using (id) where came.ended_at is not null and gone.ended_at is null
            ) as both_kinds order by at));
    end if;
    return null;
end $$;
create trigger run_notifies_again after update on run
    referencing old table as gone new table as came for each statement execute function notify_of_ends();

-- Of messages, by the facts that are counted of them (0021), each by the first time.
create function message_happened(d delivery, metric text, reason text, at timestamptz) returns happening language sql immutable
    return row('message.' || metric, d.journey, d.segment, d.profile_id, at,
               jsonb_build_object('run_id', d.run_id, 'step', d.step, 'occurrence', d.occurrence, 'journey', d.journey,
                                  'channel', d.channel, 'purpose', d.purpose, 'template', d.template, 'provider', d.provider,
                                  'version', d.version,
                                  case metric when 'opened' then 'kind' when 'clicked' then 'kind' when 'bounced' then 'kind'
                                       else 'reason' end, nullif(reason, '')))::happening;
create function messages_of(told message_told) returns table (metric text, reason text, at timestamptz) language sql immutable
    begin atomic
        select fact.metric, coalesce(fact.reason, ''), fact.at
        from (values
            (told.outcome, told.reason, told.at), ('delivered', '', told.delivered_at), ('bounced', told.bounce, told.returned_at),
            ('opened', 'human', told.opened_human_at), ('opened', 'machine', told.opened_machine_at),
            ('opened', 'unknown', told.opened_unknown_at), ('clicked', 'human', told.clicked_human_at),
            ('clicked', 'machine', told.clicked_machine_at), ('complained', '', told.complained_at),
            ('unsubscribed', '', told.unsubscribed_at), ('replied', '', told.replied_at)
        ) as fact (metric, reason, at)
        where fact.at is not null and fact.metric is not null;
    end;
create function notify_of_messages() returns trigger language plpgsql as $$
begin
    if somebody_wants('message.') then
        if tg_op = 'INSERT' then
            perform notify_of(array(
                select message_happened(came::delivery, m.metric, m.reason, m.at)
                from came, messages_of(told_of(came::delivery)) as m order by m.at));
        else
            perform notify_of(array(
                select message_happened(came::delivery, m.metric, m.reason, m.at)
                from came join gone using (run_id, step, occurrence), messages_of(told_of(came::delivery)) as m
                where not exists (select from messages_of(told_of(gone::delivery)) as before
                                  where before.metric = m.metric and (m.metric not in ('opened', 'clicked') or before.reason = m.reason))
                order by m.at));
        end if;
    end if;
    return null;
end $$;
create trigger delivery_notifies after insert on delivery
    referencing new table as came for each statement execute function notify_of_messages();
create trigger delivery_notifies_again after update on delivery
    referencing old table as gone new table as came for each statement execute function notify_of_messages();

-- Of tasks; what was answered only where it is one of the choices that its author gave.
create function task_happened(e expectation, type text, at timestamptz) returns happening language sql stable
    return (select row(type, r.journey, r.segment, r.profile_id, at,
                       jsonb_build_object('task_id', e.id, 'run_id', r.id, 'journey', r.journey, 'title', e.expected ->> 'title',
                                          'assignee', e.expected ->> 'to',
                                          'outcome', case when e.expected -> 'choices' ? (e.answer ->> 'outcome')
                                                          then e.answer ->> 'outcome' end))::happening
            from run r where r.id = e.run_id);
create function notify_of_tasks() returns trigger language plpgsql as $$
begin
    if somebody_wants('task.') then
        if tg_op = 'INSERT' then
            perform notify_of(array(
                select task_happened(came::expectation, 'task.opened', begun_at)
                from came where expected ->> 'kind' = 'people' order by begun_at, id));
        else
            perform notify_of(array(
                select task_happened(came::expectation, 'task.done', came.happened_at)
                from came join gone using (run_id, wait, which)
                where came.expected ->> 'kind' = 'people' and came.happened_at is not null and gone.happened_at is null
                order by came.happened_at, came.id));
        end if;
    end if;
    return null;
end $$;
create trigger task_notifies after insert on expectation
    referencing new table as came for each statement execute function notify_of_tasks();
create trigger task_notifies_again after update on expectation
    referencing old table as gone new table as came for each statement execute function notify_of_tasks();

-- Whoever was told of a customer hears that they were erased, so that they can do the same.
create function notify_of_erasures() returns trigger language plpgsql as $$
begin
    if new.finished_at is not null and old.finished_at is null and somebody_wants('customer.') then
        perform notify_of(array(
            select row('customer.erased', null, null, part, new.finished_at, jsonb_build_object('erasure_id', new.id))::happening
            from unnest(new.profiles) as part));
    end if;
    return null;
end $$;
create trigger erasure_notifies after update on erasure for each row execute function notify_of_erasures();
