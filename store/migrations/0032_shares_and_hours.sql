-- By which shares an arm was drawn on any day of an experiment is found without reading its customers (`shares` in reports.sql).
create index exposure_share on exposure (experiment, arm, share, exposed_at);

-- Hours that were written while a worker's clock was ahead were written empty, before they had begun, and may never have been looked at again:
-- all empty ones are compared with their rows once more. From now on hours are planned by the database's clock (`plan` in exports.sql).
insert into export_stale (name, hour) select name, hour from export_hour where rows = 0 and written_at is not null;
