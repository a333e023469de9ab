-- Of what comes true at one instant the run hears what its author wrote first: the place among what a wait waits for.
alter table expectation add column place smallint not null default 0;
