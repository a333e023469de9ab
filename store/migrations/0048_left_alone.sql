-- By which predictions a customer came into a journey or a campaign, each with the share of those whom it lets in that it leaves alone
-- (docs/predictions.md): as it was declared then. A run's is null where no prediction with a holdout let its customer in.
alter table run add column foretold jsonb;

-- Of its segment, as it was when the campaign's customers were looked up.
alter table campaign add column foretold jsonb not null default '{}';
