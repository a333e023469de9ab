-- A run cannot go on although its code can: a step that a worker does for it (a message, a question, a call) raises each time. It is
-- failing, too, but no other version of its code helps, and none is tried.
alter table run add column step_raises boolean not null default false;
