-- no-transaction
CREATE INDEX CONCURRENTLY todos_open ON todos (id) WHERE NOT done;
