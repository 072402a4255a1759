-- +goose Up
alter table posts alter column body set not null;
alter table posts add constraint body_is_text check (body <> '');

-- +goose Down
alter table posts drop constraint body_is_text;
alter table posts alter column body drop not null;
