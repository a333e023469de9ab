-- How often a service has been called lately, where its author says how often it may be.
create index service_call_lately on service_call (service, asked_at);
