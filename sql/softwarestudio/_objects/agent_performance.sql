-- What each kind of agent did in the last seven days.

create or replace view agent_performance as
select
    agent_type,
    count(*) as total_runs,
    count(*) filter (where status = 'completed') as successful_runs,
    avg(duration_seconds) as avg_duration_seconds,
    sum(tokens_used) as total_tokens
from agent_executions
where started_at > current_timestamp - interval '7 days'
group by agent_type;
