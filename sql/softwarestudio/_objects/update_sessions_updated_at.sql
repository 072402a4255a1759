-- A session always tells when it last changed; active_sessions sorts by it.

create or replace trigger update_sessions_updated_at
before update on sessions
for each row
execute function update_updated_at_column();
