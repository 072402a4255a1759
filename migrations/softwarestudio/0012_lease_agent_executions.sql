-- An execution whose agent's worker died stayed running for ever. A worker now has a lease: who works, until when, and
-- which attempt it is. The worker renews the lease while it works; when it has run out, another one may claim the
-- execution. The columns come without reading a row. What is running gets an hour from now, for no worker has a lease
-- yet; the rows that are filled are few, and so is what the index holds.

alter table agent_executions
    add column worker varchar(255),
    add column leased_until timestamptz,
    add column attempts integer not null default 1;

update agent_executions
set leased_until = now() + interval '1 hour'
where status = 'running';

-- serves agent_executions/claim_stalled and agent_executions/list_stalled
create index idx_executions_leased on agent_executions (leased_until, id)
where status = 'running';
