-- +goose NO TRANSACTION
-- +goose up
create index concurrently posts_title on posts (title);

-- +goose down
drop index concurrently posts_title;
