-- Add up migration script here
CREATE TABLE todos (id BIGSERIAL PRIMARY KEY, description TEXT NOT NULL);
