-- +migrate Up
-- the people
CREATE TABLE people (id int);

-- +migrate Down
DROP TABLE people;
