-- What each kind of agent did in the last seven days; one that did nothing does not appear.
-- The average is null as long as no execution has told its duration.
-- :many
select
    performance.agent_type,
    performance.total_runs,
    performance.successful_runs,
    performance.avg_duration_seconds,
    performance.total_tokens
from agent_performance as performance
order by performance.agent_type;
