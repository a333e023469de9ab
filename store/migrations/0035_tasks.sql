-- Who a task is with, where somebody gave it to somebody else than its author said.
alter table expectation add assigned_to text;
