-- Moves updated_at to the time of the transaction, whatever the statement sets it to.

create or replace function update_updated_at_column()
returns trigger
language plpgsql
as $$
begin
    new.updated_at = now();
    return new;
end;
$$;
