-- How many sessions are in each status, and how their QA went.

create or replace view session_metrics as
select
    status,
    count(*) as count,
    avg(iteration_count) as avg_iterations,
    count(*) filter (where qa_passed) as qa_passed_count
from sessions
group by status;
