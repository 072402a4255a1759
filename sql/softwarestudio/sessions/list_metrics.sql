-- How many sessions are in each status, and how their QA went.
-- :many
select
    metrics.status,
    metrics.count,
    metrics.avg_iterations,
    metrics.qa_passed_count
from session_metrics as metrics
order by metrics.status;
