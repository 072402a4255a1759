-- +goose Up
-- +goose StatementBegin
create table posts (id int primary key, title text not null, body text);
-- +goose StatementEnd

-- +goose StatementBegin
create function shout(words text) returns text language plpgsql as $$
begin
    return upper(words);
end;
$$;
-- +goose StatementEnd

-- +goose Down
drop function shout(text);
drop table posts;
