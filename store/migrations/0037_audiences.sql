-- Audiences out (docs/audiences.md): whom other systems are told of, by which ids, and what is still to be told.

create table audience (
    name         text primary key,
    segment      text not null,
    kind         text not null check (kind in ('http', 'bucket', 'meta')),
    every        interval not null,
    most_gone    double precision not null,
    paused_at    timestamptz,
    asked        bigint not null default 1,  -- how often somebody, the schedule or a load of the segment wanted all of it compared
    comparing    bigint,  -- for which of these a comparison is under way, how far it is, and what it has found
    looked_to    uuid,
    told_to      bigint,
    found        jsonb not null default '{}',
    compared     bigint not null default 0,  -- the last that came to its end: for which, when, and what it found
    compared_at  timestamptz,
    result       jsonb not null default '{}',
    batches      bigint not null default 0,  -- what the destination is told is numbered
    took_at      timestamptz,
    failing_since timestamptz,
    failure      text,
    refused      bigint not null default 0,  -- entries that the destination could not read, since the comparison before
    window_at    timestamptz,  -- the hour in which those who leave are counted: how many were there, how many have gone
    window_known bigint not null default 0,
    window_gone  bigint not null default 0,
    held_at      timestamptz,  -- too many would leave at once: somebody is asked
    let_go_at    timestamptz   -- and says that those who had left by then may go
);

-- What a destination has been told, one row a customer, and rows of what it is still to forget. `ids` is what it knows them by: hashes
-- of addresses, and user ids where it is told those. The row is written before a call and goes after it, so that no crash loses one.
create table audience_member (
    id          bigint generated always as identity primary key,
    audience    text not null references audience (name) on delete cascade,
    profile_id  uuid not null,
    ids         text[] not null,
    state       text not null check (state in ('adding', 'there', 'leaving', 'removing')),
    since       timestamptz not null
);
create unique index audience_member_there on audience_member (audience, profile_id) where state <> 'removing';
create index audience_member_state on audience_member (audience, state, id);
create index audience_member_profile on audience_member (profile_id);
create index audience_member_ids on audience_member using gin (ids);

-- Customers to look at, noted in the transaction of what happened.
create table audience_due (
    id          bigint generated always as identity primary key,
    audience    text not null references audience (name) on delete cascade,
    profile_id  uuid not null
);
create index audience_due_audience on audience_due (audience, id);
create index audience_due_profile on audience_due (profile_id);

create function audience_of_moves() returns trigger language plpgsql as $$
begin
    if exists (select from audience) then
        insert into audience_due (audience, profile_id)
        select a.name, came.profile_id from came join audience a on a.segment = came.segment where came.kind <> 'repeated' order by came.id;
    end if;
    return null;
end $$;
create trigger transition_audiences after insert on segment_transition
    referencing new table as came for each statement execute function audience_of_moves();

-- Of what else decides whether, and by which ids, somebody is passed on: where they are told, or could be.
create function audience_of(customers uuid[]) returns void language sql
    begin atomic
        insert into audience_due (audience, profile_id)
        select a.name, x.profile_id from unnest(customers) as x (profile_id) cross join audience a
        where exists (select from audience_member m where m.audience = a.name and m.profile_id = x.profile_id)
           or exists (select from segment_member m where m.segment = a.segment and m.profile_id = x.profile_id);
    end;

create function audience_of_addresses() returns trigger language plpgsql as $$
begin
    if exists (select from audience) then
        perform audience_of(array[new.profile_id, case when tg_op = 'UPDATE' and old.profile_id <> new.profile_id then old.profile_id end]);
    end if;
    return null;
end $$;
create trigger endpoint_audiences after insert on endpoint for each row execute function audience_of_addresses();
create trigger endpoint_audiences_again after update of profile_id, marketing, invalid_at, replaced_at on endpoint
    for each row when (old.profile_id <> new.profile_id or old.marketing <> new.marketing or endpoint_moved(old, new))
    execute function audience_of_addresses();

create function audience_of_names() returns trigger language plpgsql as $$
begin
    if exists (select from audience) then
        if tg_op = 'INSERT' then
            perform audience_of(array(select distinct profile_id from came where kind = 'user_id'));
        else
            perform audience_of(array(
                select x from came join gone using (kind, value, since), unnest(array[came.profile_id, gone.profile_id]) as x
                where kind = 'user_id' and came.profile_id <> gone.profile_id group by x));
        end if;
    end if;
    return null;
end $$;
create trigger user_named_audiences after insert on identity
    referencing new table as came for each statement execute function audience_of_names();
create trigger user_renamed_audiences after update on identity
    referencing old table as gone new table as came for each statement execute function audience_of_names();

create function audience_of_sale() returns trigger language plpgsql as $$
begin
    if exists (select from audience) then
        perform audience_of(array(select distinct profile_id from came where topic = 'sale-of-data'));
    end if;
    return null;
end $$;
create trigger sale_audiences after insert on topic_choice
    referencing new table as came for each statement execute function audience_of_sale();
create trigger sale_audiences_again after update on topic_choice
    referencing new table as came for each statement execute function audience_of_sale();

-- Memberships move with a merge without a word in the log.
create function audience_of_merge() returns trigger language plpgsql as $$
begin
    if exists (select from audience) then
        insert into audience_due (audience, profile_id)
        select a.name, x from audience a, unnest(array[new.survivor, new.absorbed]) as x;
    end if;
    return null;
end $$;
create trigger merge_audiences after insert or update on merge for each row execute function audience_of_merge();

-- A load writes members without a word in the log.
create function audience_of_load() returns trigger language plpgsql as $$
begin
    update audience set asked = asked + 1 where segment = old.segment;
    return null;
end $$;
create trigger load_audiences after delete on segment_backfill for each row execute function audience_of_load();
