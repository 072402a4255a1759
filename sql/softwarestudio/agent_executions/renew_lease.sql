-- Renews the lease of a worker on an execution; it touches none where the execution has ended or another worker has it.
-- Send it well within the lease, on a connection of its own, and stop to work when it touches none.
-- :exec
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?attempt} \else \set attempt 1 \endif
update agent_executions
set leased_until = now() + :'lease'
where
    id = :'id'
    and attempts = :'attempt'
    and status = 'running';
