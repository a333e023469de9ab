-- A row of a campaign that named somebody whom another row had named: it is told of beside the bad ones, and counts as none of them.
alter table campaign_problem add column twice boolean not null default false;
