-- Campaigns (docs/campaigns.md): a journey, or one message, to many customers at an instant, at a pace; also bulk starts.

-- What, to whom, when and how fast, and how far it is. `journey` is whose runs it opens: of a message the campaign's own,
-- campaign:<name>. Its customers are those of a segment or a list as it begins, or the rows that it was given.
create table campaign (
    id              uuid primary key,
    name            text not null,
    journey         text not null,
    message         jsonb,  -- what is sent; nothing: the journey begins
    segment         text,
    list            text,
    params          jsonb not null default '{}',
    by              text not null,
    key             text,  -- of the call that made it: repeated, it makes no other
    created_at      timestamptz not null,
    begins_at       timestamptz not null,
    wall_at         timestamp,  -- what each customer's own clock shows then; `begins_at` is when the first one does
    per_second      double precision check (per_second > 0),
    -- A recurring one does nothing itself: by the clocks of its zone a new one is made of it each time.
    cron            text,
    zone            text,
    occurrence_of   uuid references campaign (id),
    needs_approval  boolean not null default false,
    approved_by     text,
    approved_at     timestamptz,
    staged_at       timestamptz,
    prepared_at     timestamptz,
    paused_at       timestamptz,
    cancelled_at    timestamptz,
    finished_at     timestamptz,
    rows            integer not null default 0,
    bad             integer not null default 0,
    twice           integer not null default 0,
    changed_at      timestamptz not null,
    told_at         timestamptz,
    check ((cron is null) = (zone is null)),
    check (cron is null or segment is not null or list is not null)
);
create unique index campaign_key on campaign (journey, key) where key is not null;
create unique index campaign_occurrence on campaign (occurrence_of, begins_at) where occurrence_of is not null;
create index campaign_to_tell on campaign (created_at) where told_at is null or told_at < changed_at;
create index campaign_newest on campaign (created_at desc, id desc);

-- A customer of a campaign: waiting to enter, open (their message is asked again at `due_at`), or done, with what came of it.
create table campaign_row (
    campaign    uuid not null references campaign (id) on delete cascade,
    number      integer not null,  -- its line or place
    profile_id  uuid not null,
    entry_key   text not null default '',
    params      jsonb not null default '{}',
    entry       jsonb not null default '{}',
    due_at      timestamptz,
    state       text not null default 'waiting' check (state in ('waiting', 'open', 'done')),
    outcome     text,
    reason      text,
    run_id      uuid,
    primary key (campaign, number)
);
create unique index campaign_row_once on campaign_row (profile_id, campaign, entry_key);
create index campaign_row_due on campaign_row (campaign, due_at, number) where state <> 'done';

-- Rows that could not be used, by line, and what is wrong with each; never what stands in it.
create table campaign_problem (
    campaign  uuid not null references campaign (id) on delete cascade,
    row       integer not null,
    problem   text not null,
    primary key (campaign, row)
);

-- Who was started by a campaign; and whose message the campaign itself carries, without a workflow of the run's own.
alter table run
    add campaign uuid references campaign (id),
    add by_campaign boolean not null default false,
    drop constraint run_entered_by_check,
    add constraint run_entered_by_check check (entered_by in ('segment', 'api', 'journey', 'campaign'));
-- Whoever enters by themselves begins before those whom a campaign starts.
drop index run_to_start;
create index run_to_start on run ((campaign is not null), created_at) where started_at is null and ended_at is null and waits_until is null;
create index run_of_campaign on run (campaign) where campaign is not null and ended_at is null;
alter table entry_refused
    drop constraint entry_refused_entered_by_check,
    add constraint entry_refused_entered_by_check check (entered_by in ('segment', 'api', 'journey', 'campaign'));
comment on column reporting.runs.entered_by is 'segment, api, journey or campaign.';
