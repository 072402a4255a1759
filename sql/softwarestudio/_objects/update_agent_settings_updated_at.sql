-- A profile always tells when it last changed.

create or replace trigger update_agent_settings_updated_at
before update on agent_settings
for each row
execute function update_updated_at_column();
