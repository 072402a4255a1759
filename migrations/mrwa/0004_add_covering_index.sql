-- Serves one user's executions in one status, newest first, which were fetched by status and then sorted.
-- It blocks writes to executions while it is built; retention keeps the table small enough for that to be short.

create index idx_executions_user_status_created on executions (user_id, status, created_at desc);
