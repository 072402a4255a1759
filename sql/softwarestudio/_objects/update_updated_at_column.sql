-- Stamps a changed row with the time of its transaction, whatever the update itself says.

create or replace function update_updated_at_column()
returns trigger
language plpgsql
as $$
begin
    new.updated_at = current_timestamp;
    return new;
end;
$$;
